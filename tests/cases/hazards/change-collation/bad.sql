ALTER TABLE accounts ALTER COLUMN name TYPE varchar(40) COLLATE "C"; -- here
