CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE mine HANDLER h;
--> language mine: not expected
--> function h(): not expected
ALTER LANGUAGE mine OWNER TO reader;
--> language mine: owner none → reader
DROP LANGUAGE mine;
CREATE TRUSTED LANGUAGE mine HANDLER h;
--> language mine: owner reader → none
--> language mine: trusted no → yes
CREATE FUNCTION to_sql(internal) RETURNS integer LANGUAGE internal IMMUTABLE AS 'prsd_lextype';
CREATE TRANSFORM FOR integer LANGUAGE mine (TO SQL WITH FUNCTION to_sql(internal));
--> function to_sql(internal): not expected
--> transform for integer language mine: not expected
DROP TRANSFORM FOR integer LANGUAGE mine;
DROP FUNCTION to_sql(internal);
--> function to_sql(internal): missing
--> transform for integer language mine: missing
DROP LANGUAGE mine;
DROP FUNCTION h();
--> language mine: missing
--> function h(): missing
