-- Nobody else uses a table that the same migration makes.
CREATE TABLE notes (id bigint PRIMARY KEY, text text DEFAULT '');
ALTER TABLE notes ALTER COLUMN text SET STORAGE EXTERNAL;
