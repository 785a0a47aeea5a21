"""Statements that may work on what all databases of a server share are never overlooked."""

import pytest

from banister.model import Dialect
from banister.script import may_reach_cluster, reaches_publisher, split_statements

SHARED = [
    "CREATE ROLE app;",
    "create  user\n app;",
    "ALTER /* for now */ ROLE app -- a comment\n LOGIN;",
    "DROP\n-- the old one\nGROUP app;",
    "CREATE DATABASE other;",
    "ALTER DATABASE app SET timezone = 'UTC';",
    "GRANT CONNECT ON DATABASE app TO reader;",
    "COMMENT ON ROLE app IS 'x';",
    "CREATE TABLESPACE fast LOCATION '/x';",
    "ALTER SYSTEM SET work_mem = '1MB';",
    "DROP OWNED BY app;",
    "REASSIGN OWNED BY app TO other;",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p;",
    "SELECT pg_create_logical_replication_slot('s', 'pgoutput');",
    "SELECT pg_replication_origin_create('o');",
    "DO $$ BEGIN CREATE ROLE app; END $$;",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$BEGIN EXECUTE 'drop role '; END$f$;",
]
OTHERS = [
    "CREATE TABLE role (id int);",
    "ALTER TABLE a OWNER TO app;",
    "GRANT SELECT ON a TO app;",
    "CREATE INDEX user_role ON a (id);",
    "SELECT role, database FROM a;",
    "COMMENT ON TABLE a IS 'roles';",
]


@pytest.mark.parametrize("text", SHARED)
def test_what_is_shared_is_seen(text: str) -> None:
    (statement,) = split_statements(text, Dialect.POSTGRESQL)
    assert may_reach_cluster(statement)


@pytest.mark.parametrize("text", OTHERS)
def test_what_stays_in_its_database_is_not(text: str) -> None:
    (statement,) = split_statements(text, Dialect.POSTGRESQL)
    assert not may_reach_cluster(statement)


@pytest.mark.parametrize(
    ("text", "reaches"),
    [
        ("CREATE SUBSCRIPTION s CONNECTION 'host=db' PUBLICATION p;", True),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false);", False),
        ("DROP SUBSCRIPTION s;", True),
        ("DO $$ BEGIN DROP SUBSCRIPTION s; END $$;", True),
        ("ALTER SUBSCRIPTION s REFRESH PUBLICATION;", True),
        ("ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false);", False),
        ("ALTER SUBSCRIPTION s DISABLE;", False),
        ("-- DROP SUBSCRIPTION s\nSELECT 1;", False),
    ],
)
def test_what_works_on_a_publisher_is_seen(text: str, *, reaches: bool) -> None:
    (statement,) = split_statements(text, Dialect.POSTGRESQL)
    assert reaches_publisher(statement, detached=False) is reaches
    if text.startswith("DROP"):
        assert not reaches_publisher(statement, detached=True)
