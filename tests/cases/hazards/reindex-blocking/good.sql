-- banister: transaction=off
REINDEX INDEX CONCURRENTLY by_name;
REINDEX TABLE CONCURRENTLY accounts;
