CREATE SCHEMA app;
--> schema app: not expected
ALTER SCHEMA app OWNER TO reader;
--> schema app: owner none → reader
ALTER SCHEMA app RENAME TO "My App";
--> schema "My App": not expected
--> schema app: missing
DROP SCHEMA "My App";
--> schema "My App": missing
