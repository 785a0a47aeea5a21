ALTER TABLE accounts ADD COLUMN number serial; -- here
