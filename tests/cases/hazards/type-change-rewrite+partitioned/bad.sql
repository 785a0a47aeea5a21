ALTER TABLE moves ALTER COLUMN amount TYPE bigint; -- here
