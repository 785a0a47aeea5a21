"""The schema of PostgreSQL: what is read whatever the version, the session and the rights."""

from contextlib import closing
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

import banister
from banister.snapshot import Snapshot, compare, render
from postgres_kit import SiteMaker
from servers import MAJORS, PostgresDatabase, Servers
from snapshot_kit import STORIES, make_roles, read_story, snapshot_of

#: Quoted names, a schema of their own, and values that settings of a session write in other ways.
_SCHEMA = """
    CREATE SCHEMA app;
    CREATE TYPE app.mood AS ENUM ('sad', 'ok');
    CREATE TABLE app."Users" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        mood app.mood DEFAULT 'ok', born date DEFAULT '2024-02-03', raw bytea DEFAULT '\\x00ff',
        gap interval DEFAULT '1 day 02:03', ratio float8 DEFAULT 0.1,
        seen timestamptz DEFAULT '2024-01-01 00:00+02', note text DEFAULT E'a\\\\b');
    CREATE INDEX ON app."Users" (born) WHERE seen > '2024-05-05 12:00+00';
    CREATE VIEW app.v AS SELECT id, seen + interval '3 hours' AS later FROM app."Users";
"""


#: What the catalogs of the majors, or what is written of them, differ in.
_VARYING = {
    "collation", "column", "constraint", "domain", "function", "grants", "index", "index_nulls",
    "partition_list", "publication", "publication_15", "statistics", "subscription", "type_range",
}  # fmt: skip


def of(database: PostgresDatabase) -> Snapshot:
    return banister.open(database.url, environ={}).snapshot()


def words(before: Snapshot, after: Snapshot) -> list[str]:
    return [str(found) for found in compare(before, after)]


@pytest.mark.parametrize(
    "major",
    [
        pytest.param(each, marks=() if each == MAJORS[0] else pytest.mark.everything)
        for each in MAJORS[:-1]
    ],
)
def test_older_servers_tell_it_in_the_same_words(major: int, servers: Servers) -> None:
    with servers.database(major) as database, closing(database.connect()) as connection:
        make_roles(database)
        before = snapshot_of(connection)
        stories = [read_story(path) for path in STORIES if path.stem in _VARYING]
        assert len(stories) == len(_VARYING)
        for story in stories:
            for step in story.steps if story.since <= major else ():
                connection.execute(step.sql.encode())
                now = snapshot_of(connection)
                assert words(before, now) == list(step.words), step.sql
                before = now


@pytest.mark.parametrize(
    "setting",
    [
        "search_path = app, public", "datestyle = 'German'", "intervalstyle = 'sql_standard'",
        "timezone = 'Asia/Tokyo'", "extra_float_digits = 0", "bytea_output = 'escape'",
        "quote_all_identifiers = on", "standard_conforming_strings = off",
    ],
)  # fmt: skip
def test_no_setting_of_the_session_changes_what_is_read(
    setting: str, postgres: PostgresDatabase
) -> None:
    postgres.execute(_SCHEMA)
    with closing(postgres.connect()) as connection:
        plain = render(snapshot_of(connection))
        connection.execute(f"SET {setting}".encode())
        assert render(snapshot_of(connection)) == plain


def test_the_order_in_which_things_are_made_does_not_matter(servers: Servers) -> None:
    statements = [
        "CREATE SCHEMA app",
        "CREATE FUNCTION f() RETURNS int RETURN 1",
        "CREATE TABLE a (x int)",
        "CREATE TABLE b (y int, z int)",
        "CREATE INDEX b_y ON b (y)",
        "COMMENT ON TABLE b IS 'b'",
        "ALTER TABLE b ADD CHECK (y > 0)",
        "CREATE VIEW v AS SELECT y FROM b",
    ]
    with servers.database(MAJORS[-1]) as first, servers.database(MAJORS[-1]) as second:
        for database, order in ((first, statements), (second, statements[3:] + statements[:3])):
            for statement in order:
                database.execute(statement)
        assert render(of(first)) == render(of(second))


def test_a_role_with_no_rights_reads_the_same(postgres: PostgresDatabase) -> None:
    make_roles(postgres)
    postgres.execute(_SCHEMA)
    postgres.execute(
        "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE)"
    )
    url = make_conninfo(postgres.url, user="reader")
    assert banister.open(url, environ={}).snapshot() == of(postgres)
    postgres.execute("DROP SUBSCRIPTION s")


def test_nothing_of_a_secret_is_read(postgres: PostgresDatabase) -> None:
    make_roles(postgres)
    for statement in (
        "CREATE FOREIGN DATA WRAPPER w",
        "CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (host 'h', sslpassword 'hidden1')",
        "CREATE USER MAPPING FOR reader SERVER far OPTIONS (user 'u', password 'hidden2')",
        "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (pin 'hidden3')",
    ):
        postgres.execute(statement)
    postgres.execute(
        "CREATE SUBSCRIPTION s CONNECTION 'dbname=x password=hidden4' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE)"
    )
    text = render(of(postgres))
    postgres.execute("DROP SUBSCRIPTION s")
    assert "host=h" in text
    assert "user=u" in text
    assert "subscription s" in text
    assert "hidden" not in text


def test_the_owner_of_the_database_goes_without_saying(postgres: PostgresDatabase) -> None:
    make_roles(postgres)
    postgres.execute("CREATE TABLE ours (); CREATE TABLE theirs ()")
    postgres.execute("ALTER TABLE theirs OWNER TO reader")
    owners = {
        thing.identity.name: thing.properties.get("owner")
        for thing in of(postgres).objects.values()
        if thing.identity.kind == "table"
    }
    assert owners == {"ours": None, "theirs": "reader"}


def test_a_dropped_and_remade_schema_public_is_not_the_same(postgres: PostgresDatabase) -> None:
    before = of(postgres)
    postgres.execute("DROP SCHEMA public")
    assert words(before, of(postgres)) == ["schema public: missing"]
    postgres.execute("CREATE SCHEMA public")
    assert words(before, of(postgres)) == [
        "schema public: owner pg_database_owner → none",
        "schema public: comment standard public schema → none",
        "schema public: grants PUBLIC: USAGE → none",
    ]


def test_what_an_open_transaction_has_done_is_seen_in_it_alone(
    postgres: PostgresDatabase,
) -> None:
    before = of(postgres)
    with (
        closing(postgres.connect()) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("CREATE TABLE t (id int)")
        assert words(before, snapshot_of(connection)) == ["table t: not expected"]
        assert of(postgres) == before


def test_temporary_tables_are_left_out(postgres: PostgresDatabase) -> None:
    with closing(postgres.connect()) as connection:
        before = snapshot_of(connection)
        connection.execute("CREATE TEMP TABLE t (id serial PRIMARY KEY, x text CHECK (x <> ''))")
        connection.execute("CREATE TEMP VIEW v AS SELECT 1 AS n")
        assert words(before, snapshot_of(connection)) == []


def test_a_view_that_is_being_replaced_is_not_waited_for_without_end(
    postgres: PostgresDatabase,
) -> None:
    postgres.execute("CREATE VIEW v AS SELECT 1 AS one")
    with closing(postgres.connect(autocommit=False)) as other:
        other.execute("LOCK TABLE v IN ACCESS EXCLUSIVE MODE")
        project = banister.open(postgres.url, environ={}, settings={"lock_timeout": "200ms"})
        with pytest.raises(banister.LockTimeout, match="cannot be read") as caught:
            project.snapshot()
    assert caught.value.hint is not None
    assert "run the same command again" in caught.value.hint


def test_only_the_history_that_the_settings_name_is_left_out(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    place = SiteMaker(tmp_path)(postgres, {"001_a": "CREATE TABLE a (id serial)"})
    postgres.execute('CREATE SCHEMA "Ops"; CREATE TABLE schema_migrations (id int)')
    settings = {"history_schema": "Ops", "history_table": "done"}
    place.project(**settings).up()
    with_it = {str(thing) for thing in place.project(**settings).snapshot().objects}
    assert {'schema "Ops"', "table a", "table schema_migrations"} <= with_it
    assert not [name for name in with_it if "done" in name]
    other = {str(thing) for thing in place.project().snapshot().objects}
    assert {'table "Ops".done', 'table "Ops".done_log'} <= other
    assert "table schema_migrations" not in other
