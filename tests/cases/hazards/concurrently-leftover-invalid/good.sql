-- banister: transaction=off
CREATE INDEX CONCURRENTLY by_sign ON accounts ((id * 0));
