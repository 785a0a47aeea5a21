ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader;
--> default privileges for postgres in public on tables: not expected
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
--> default privileges for postgres on functions: not expected
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO reader;
--> default privileges for postgres in public on tables: grants reader: SELECT → reader: INSERT, SELECT
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT ON TABLES FROM reader;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
--> default privileges for postgres in public on tables: missing
--> default privileges for postgres on functions: missing
