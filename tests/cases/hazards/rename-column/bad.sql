ALTER TABLE accounts RENAME COLUMN balance TO cents; -- here
