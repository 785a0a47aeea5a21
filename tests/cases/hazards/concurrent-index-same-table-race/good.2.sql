-- banister: transaction=off
CREATE INDEX CONCURRENTLY by_balance ON accounts (balance);
