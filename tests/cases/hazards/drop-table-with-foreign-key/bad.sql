DROP TABLE accounts; -- here
