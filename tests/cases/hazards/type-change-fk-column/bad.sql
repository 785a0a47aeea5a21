ALTER TABLE accounts ALTER COLUMN owner TYPE bigint; -- here
