ALTER TABLE accounts ADD COLUMN points positive; -- here
