-- banister: transaction=off
CREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON accounts (name);
