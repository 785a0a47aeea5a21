ALTER TABLE moves RENAME COLUMN amount TO cents; -- here
