ALTER TABLE accounts DROP COLUMN twice; -- here
