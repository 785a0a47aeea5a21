CREATE TABLE t (id integer, x integer);
CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE SCHEMA app;
CREATE SEQUENCE s;
CREATE TYPE mood AS ENUM ();
--> schema app: not expected
--> type mood: not expected
--> function f(): not expected
--> sequence s: not expected
--> table t: not expected
GRANT SELECT, INSERT ON t TO reader;
--> table t: grants none → reader: INSERT, SELECT
GRANT UPDATE (x) ON t TO reader WITH GRANT OPTION;
--> column t.x: grants none → reader: UPDATE with grant option
REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC;
--> function f(): grants none → PUBLIC: none
GRANT USAGE ON SCHEMA app TO reader, PUBLIC;
GRANT USAGE ON SEQUENCE s TO reader;
REVOKE USAGE ON TYPE mood FROM PUBLIC;
--> schema app: grants none → PUBLIC: USAGE; reader: USAGE
--> type mood: grants none → PUBLIC: none
--> sequence s: grants none → reader: USAGE
REVOKE ALL ON t FROM reader;
REVOKE ALL (x) ON t FROM reader;
GRANT EXECUTE ON FUNCTION f() TO PUBLIC;
--> function f(): grants PUBLIC: none → none
--> table t: grants reader: INSERT, SELECT → none
--> column t.x: grants reader: UPDATE with grant option → none
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO reader;
--> privileges on function pg_catalog.pg_ls_waldir(): not expected
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() FROM reader;
DROP TABLE t;
DROP FUNCTION f();
DROP SCHEMA app;
DROP SEQUENCE s;
DROP TYPE mood;
--> schema app: missing
--> type mood: missing
--> function f(): missing
--> sequence s: missing
--> table t: missing
--> privileges on function pg_catalog.pg_ls_waldir(): missing
