"""Histories that are guarded against reading or writing, and files that tamper with them."""

from pathlib import Path

import psycopg
import pytest

import banister
from banister.model import State
from postgres_kit import Site, role
from servers import PostgresDatabase

TWO = {
    "001_t": "CREATE TABLE t (id int);",
    "001_t.down": "DROP TABLE t;",
    "002_u": "CREATE TABLE u (id int);",
    "002_u.down": "DROP TABLE u;",
}

#: As another runner makes it.
THREE_COLUMNS = (
    "CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, applied_at timestamptz)"
)

#: A trigger function that drops the row it is called for.
SKIP = "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


def test_row_security_that_may_hide_rows_is_refused(site: Site) -> None:
    site.write(TWO)
    site.project().up(to="001")
    site.rows(
        "ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY p ON schema_migrations USING (true)"
    )
    grant = "GRANT ALL ON schema_migrations, schema_migrations_log TO {role}"
    with role(site.database, grant) as (_, url):
        for attempt in (site.project(url=url).status, site.project(url=url).up):
            with pytest.raises(banister.HistoryError, match="row level security") as caught:
                attempt()
            assert "DISABLE ROW LEVEL SECURITY" in str(caught.value.hint)
    site.up()
    assert site.applied() == ["001", "002"]


def test_row_security_forced_on_the_owner_is_refused_too(site: Site) -> None:
    site.write(TWO)
    with role(site.database, "CREATE SCHEMA app AUTHORIZATION {role}") as (_, url):
        project = site.project(url=url, history_schema="app", search_path="app")
        project.up(to="001")
        site.rows(
            "ALTER TABLE app.schema_migrations ENABLE ROW LEVEL SECURITY; "
            "ALTER TABLE app.schema_migrations FORCE ROW LEVEL SECURITY"
        )
        with pytest.raises(banister.HistoryError, match=r"row.level security"):
            project.status()


def raising(table: str, event: str) -> str:
    return (
        "CREATE FUNCTION say_no() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'not on my watch'; END $$; "
        f"CREATE TRIGGER say_no BEFORE {event} ON {table} EXECUTE FUNCTION say_no()"
    )


@pytest.mark.parametrize("table", ["schema_migrations", "schema_migrations_log"])
def test_a_trigger_that_raises_rolls_the_migration_back(site: Site, table: str) -> None:
    site.write(TWO)
    site.project().up(to="001")
    site.rows(raising(table, "INSERT"))
    with pytest.raises(banister.MigrationFailed, match="not on my watch") as caught:
        site.up()
    assert caught.value.location is not None
    assert "recording it" in str(caught.value.location.note)
    assert not site.exists("u")
    assert site.applied() == ["001"]
    assert site.runner_locks() == 0


@pytest.mark.parametrize("directive", ["", "-- banister: transaction=off\n"])
def test_an_event_trigger_that_raises_is_told_with_its_words(site: Site, directive: str) -> None:
    site.write({"001_t": "SELECT 1;", "002_u": f"{directive}SELECT 1;\nCREATE TABLE u (id int);"})
    site.project().up(to="001")
    site.rows(
        "CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'no % today', tg_tag; END $$; "
        "CREATE EVENT TRIGGER guard_ddl ON ddl_command_end EXECUTE FUNCTION guard()"
    )
    with pytest.raises(banister.MigrationFailed, match="no CREATE TABLE today") as caught:
        site.up()
    assert caught.value.location is not None
    assert caught.value.location.line == (3 if directive else 2)
    assert not site.exists("u")


def test_an_event_trigger_that_keeps_the_tables_from_being_made(site: Site) -> None:
    site.write(TWO)
    site.rows(
        "CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'no % today', tg_tag; END $$; "
        "CREATE EVENT TRIGGER guard_ddl ON ddl_command_start EXECUTE FUNCTION guard()"
    )
    with pytest.raises(banister.HistoryError, match="no CREATE TABLE today"):
        site.up()
    assert not site.exists("schema_migrations")


@pytest.mark.parametrize(
    "guard",
    [
        "CREATE UNIQUE INDEX ON schema_migrations ((1))",
        "CREATE RULE nothing AS ON INSERT TO schema_migrations DO INSTEAD NOTHING",
        (
            f"{SKIP} CREATE TRIGGER skip BEFORE INSERT ON schema_migrations "
            "FOR EACH ROW EXECUTE FUNCTION skip()"
        ),
    ],
)
def test_a_table_that_swallows_records_is_an_error_and_not_a_loop(site: Site, guard: str) -> None:
    site.write(TWO)
    site.project().up(to="001")
    site.rows(guard)
    with pytest.raises(banister.DatabaseError):
        site.up()
    assert not site.exists("u")
    assert site.applied() == ["001"]


def test_a_table_that_keeps_its_rows_is_an_error_and_not_a_loop(site: Site) -> None:
    site.write(TWO)
    site.up()
    site.rows(
        f"{SKIP} CREATE TRIGGER skip BEFORE DELETE ON schema_migrations "
        "FOR EACH ROW EXECUTE FUNCTION skip()"
    )
    with pytest.raises(banister.HistoryError, match="does not take the record"):
        site.down()
    assert site.exists("u")
    assert site.applied() == ["001", "002"]


def test_versions_of_another_runner_are_found_however_they_are_spelled(site: Site) -> None:
    site.rows(
        f"{THREE_COLUMNS};"
        "INSERT INTO schema_migrations VALUES ('1', 't', now() - interval '2 min'), "
        "('002_u.sql', 'u', now() - interval '1 min');"
        "CREATE TABLE t (id int); CREATE TABLE u (id int)"
    )
    site.write(TWO)
    project = site.project()
    assert [row.state for row in project.status().rows] == [State.APPLIED] * 2
    project.accept_edit("2")
    project.down(2)
    assert site.applied() == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM schema_migrations;",
        "UPDATE schema_migrations SET name = 'zzz';",
        "TRUNCATE schema_migrations;",
        "INSERT INTO schema_migrations (version, name) VALUES ('9', 'planted');",
        "DELETE FROM schema_migrations_log;",
        "TRUNCATE schema_migrations_log;",
        "ALTER TABLE schema_migrations DROP COLUMN down_text;",
        "DO $$ BEGIN DELETE FROM schema_migrations; END $$;",
    ],
)
@pytest.mark.parametrize("mode", ["", "-- banister: transaction=off\n"])
def test_a_migration_that_writes_to_the_history_is_refused_and_rolled_back(
    site: Site, statement: str, mode: str
) -> None:
    site.write({**TWO, "003_tamper": mode + statement})
    with pytest.raises(banister.BanisterError, match=r"history table|permission denied"):
        site.up()
    assert site.applied() == ["001", "002"]
    assert site.value("SELECT count(*) FROM schema_migrations WHERE name = 'zzz'") == 0
    assert ("applied", "001", None) in site.log()


def test_the_log_can_only_be_added_to_by_its_owner(site: Site) -> None:
    site.write(TWO)
    with role(site.database, "GRANT CREATE, USAGE ON SCHEMA public TO {role}") as (name, url):
        site.up(url=url)
        for statement in ("DELETE FROM", "UPDATE", "TRUNCATE"):
            tail = " SET event = 'x'" if statement == "UPDATE" else ""
            with psycopg.connect(url) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(f"{statement} schema_migrations_log{tail}")
        assert site.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'") == name
