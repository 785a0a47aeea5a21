-- banister: transaction=off
CREATE UNIQUE INDEX CONCURRENTLY one_1 ON moves_1 (id);
CREATE UNIQUE INDEX CONCURRENTLY one_2 ON moves_2 (id);
