-- banister: transaction=off
DROP INDEX CONCURRENTLY shop.by_name;
