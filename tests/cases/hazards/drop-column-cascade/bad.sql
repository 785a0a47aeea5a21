ALTER TABLE accounts DROP COLUMN balance CASCADE; -- here
