-- banister: transaction=off
DROP INDEX CONCURRENTLY IF EXISTS by_name;
