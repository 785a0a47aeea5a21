REINDEX INDEX by_name; -- here
REINDEX TABLE accounts; -- here
