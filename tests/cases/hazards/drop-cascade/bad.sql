DROP TABLE users CASCADE; -- here
