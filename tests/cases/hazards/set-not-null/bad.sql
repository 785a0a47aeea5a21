ALTER TABLE accounts ALTER COLUMN balance SET NOT NULL; -- here
