TRUNCATE logs; -- here
