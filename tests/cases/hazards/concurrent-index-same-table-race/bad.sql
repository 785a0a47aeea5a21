-- banister: transaction=off
CREATE INDEX CONCURRENTLY by_name ON accounts (name);
CREATE INDEX CONCURRENTLY by_balance ON accounts (balance); -- here
