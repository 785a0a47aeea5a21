CREATE EXTENSION pg_trgm; -- here
