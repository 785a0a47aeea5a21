"""A copied schema has no way to any other server, and stays what it is otherwise."""

from banister.engines.postgres.dumps.isolated import isolated

DUMP = """\
--
-- Name: far; Type: SERVER
--

CREATE SERVER far TYPE 'x' FOREIGN DATA WRAPPER postgres_fdw OPTIONS (
    host 'db.example.com',
    dbname 'app; CREATE USER MAPPING'
);

ALTER SERVER far OWNER TO app;

--
-- Name: USER MAPPING app SERVER far; Type: USER MAPPING
--

CREATE USER MAPPING FOR app SERVER far OPTIONS (
    password 's3cret',
    "user" 'me'
);

CREATE FOREIGN DATA WRAPPER "odd ""one"" x" HANDLER h VALIDATOR v OPTIONS (a 'b');

CREATE SCHEMA ops;

ALTER SCHEMA ops OWNER TO app;

CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$
CREATE USER MAPPING FOR app SERVER far;
$$;

CREATE FOREIGN TABLE t (a integer) SERVER far OPTIONS (table_name 't');

CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION g();

ALTER EVENT TRIGGER e OWNER TO postgres;
"""


def test_servers_lead_nowhere_and_mappings_are_left_out() -> None:
    text = isolated(DUMP)
    assert text.startswith("CREATE FOREIGN DATA WRAPPER banister_nowhere;\n")
    assert "CREATE SERVER far FOREIGN DATA WRAPPER banister_nowhere;" in text
    assert "ALTER SERVER far OWNER TO app;" in text
    assert 'CREATE FOREIGN DATA WRAPPER "odd ""one"" x";' in text
    for gone in ("s3cret", "db.example.com", "HANDLER", "postgres_fdw", "ALTER EVENT TRIGGER"):
        assert gone not in text
    # Inside a function it is text.
    assert text.count("CREATE USER MAPPING") == 1
    assert "CREATE FOREIGN TABLE t (a integer) SERVER far OPTIONS (table_name 't');" in text
    assert "CREATE EVENT TRIGGER e ON ddl_command_end" in text


def test_a_schema_that_is_there_is_no_error_and_the_rest_stays_as_it_is() -> None:
    assert "CREATE SCHEMA IF NOT EXISTS ops;" in isolated(DUMP)
    plain = "CREATE TABLE t (a int);\n\nSELECT pg_catalog.set_config('search_path', '', false);\n"
    assert isolated(plain) == plain
