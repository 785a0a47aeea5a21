-- banister: transaction=off
CREATE UNIQUE INDEX CONCURRENTLY by_name ON accounts (lower(name)) WHERE balance > 0;
