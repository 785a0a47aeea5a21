ALTER EXTENSION pg_trgm UPDATE; -- here
