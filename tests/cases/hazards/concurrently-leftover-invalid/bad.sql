-- banister: transaction=off
CREATE INDEX CONCURRENTLY by_name ON accounts (name);
CREATE UNIQUE INDEX CONCURRENTLY by_sign ON accounts ((id * 0)); -- here
