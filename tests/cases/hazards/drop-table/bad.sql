DROP TABLE logs; -- here
