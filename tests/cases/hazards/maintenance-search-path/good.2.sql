-- banister: transaction=off
CREATE INDEX CONCURRENTLY by_spelling ON accounts (spelled(name));
