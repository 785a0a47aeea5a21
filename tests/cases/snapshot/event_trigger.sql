CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RETURN; END';
CREATE EVENT TRIGGER e ON ddl_command_end WHEN TAG IN ('CREATE CAST', 'DROP CAST') EXECUTE FUNCTION f();
--> function f(): not expected
--> event trigger e: not expected
ALTER EVENT TRIGGER e DISABLE;
--> event trigger e: enabled yes → no
DROP EVENT TRIGGER e;
DROP FUNCTION f();
--> function f(): missing
--> event trigger e: missing
