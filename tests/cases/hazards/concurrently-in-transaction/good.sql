-- banister: transaction=off
CREATE INDEX CONCURRENTLY by_name ON accounts (name);
