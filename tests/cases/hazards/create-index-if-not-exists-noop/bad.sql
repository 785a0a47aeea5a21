CREATE TABLE IF NOT EXISTS accounts (id bigint);
CREATE INDEX IF NOT EXISTS by_name ON accounts (name); -- here
