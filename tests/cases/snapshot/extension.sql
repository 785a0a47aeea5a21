CREATE EXTENSION citext;
--> extension citext: not expected
CREATE SCHEMA app;
ALTER EXTENSION citext SET SCHEMA app;
--> schema app: not expected
--> extension citext: schema public → app
GRANT EXECUTE ON FUNCTION app.citext_cmp(app.citext, app.citext) TO reader;
--> privileges on function app.citext_cmp(app.citext,app.citext): not expected
REVOKE EXECUTE ON FUNCTION app.citext_cmp(app.citext, app.citext) FROM reader;
DROP EXTENSION citext;
DROP SCHEMA app;
--> schema app: missing
--> extension citext: missing
--> privileges on function app.citext_cmp(app.citext,app.citext): missing
