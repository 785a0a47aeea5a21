"""Work outside a transaction that is interrupted finishes by itself at the next run."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

import banister
from banister.model import Event, Recovered
from postgres_kit import Site, SiteMaker
from servers import PostgresDatabase

TABLE = (
    "CREATE TABLE t (id int, note text); INSERT INTO t SELECT g, 'x' FROM generate_series(1, 50) g;"
)


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    made = SiteMaker(tmp_path)(postgres, {"001_table": TABLE})
    made.up()
    return made


@contextmanager
def old_snapshot(site: Site) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session whose snapshot every CONCURRENTLY must wait for."""
    with psycopg.connect(site.database.url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT count(*) FROM t")
        yield connection


def kill_in(site: Site, part: str) -> None:
    """Kill a run while a statement with that text waits, and end its orphaned server process."""
    with site.command("up") as process:
        pid = site.wait_for_statement(part)
        process.send_signal(signal.SIGKILL)
        process.wait()
        site.database.execute(f"SELECT pg_terminate_backend({pid})")
    site.wait_until_gone()


def indexes(site: Site) -> list[tuple[str, bool]]:
    return site.rows(
        "SELECT indexrelid::regclass::text, indisvalid FROM pg_index "
        "WHERE indrelid = 't'::regclass ORDER BY 1"
    )


def recovered(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, Recovered)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY t_note_idx ON t (note)",
        "CREATE INDEX CONCURRENTLY ON t (note)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS t_note_idx ON public.t (note)",
    ],
)
def test_an_index_that_a_killed_run_left_invalid_is_dropped_and_built(
    site: Site, statement: str
) -> None:
    site.write({"002_index": f"-- banister: transaction=off\nCREATE TABLE w (); {statement};"})
    with old_snapshot(site):
        kill_in(site, "INDEX CONCURRENTLY")
    assert indexes(site) == [("t_note_idx", False)]

    events = site.up()

    assert indexes(site) == [("t_note_idx", True)]
    assert recovered(events) == ["dropped the INVALID index t_note_idx that was left"]
    assert site.applied() == ["001", "002"]


def test_an_index_that_the_orphaned_server_process_finished_is_kept(site: Site) -> None:
    site.write({"002_index": "CREATE INDEX CONCURRENTLY t_note_idx ON t (note);"})
    with old_snapshot(site) as reader:
        with site.command("up") as process:
            site.wait_for_statement("INDEX CONCURRENTLY")
            process.send_signal(signal.SIGKILL)
            process.wait()
        reader.rollback()
    before = site.value("SELECT 't_note_idx'::regclass::oid")

    events = site.up()

    assert indexes(site) == [("t_note_idx", True)]
    assert site.value("SELECT 't_note_idx'::regclass::oid") == before
    assert recovered(events) == ["index t_note_idx was finished and is valid"]


def test_a_drop_that_was_cut_off_is_repeated(site: Site) -> None:
    site.database.execute("CREATE INDEX t_note_idx ON t (note)")
    site.write({"002_drop": "DROP INDEX CONCURRENTLY t_note_idx;"})
    with old_snapshot(site):
        kill_in(site, "DROP INDEX CONCURRENTLY")

    site.up()

    assert indexes(site) == []
    assert site.applied() == ["001", "002"]


def test_what_a_cut_off_reindex_leaves_is_dropped(site: Site) -> None:
    site.database.execute("CREATE INDEX t_note_idx ON t (note)")
    site.write({"002_reindex": "REINDEX INDEX CONCURRENTLY t_note_idx;"})
    with old_snapshot(site):
        kill_in(site, "REINDEX INDEX CONCURRENTLY")
    assert ("t_note_idx_ccnew", False) in indexes(site)

    site.up()

    assert indexes(site) == [("t_note_idx", True)]


def test_a_half_detached_partition_is_finished(site: Site) -> None:
    site.database.execute("CREATE TABLE p (k int) PARTITION BY RANGE (k)")
    site.database.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)")
    site.write({"002_detach": "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;"})
    with psycopg.connect(site.database.url) as reader:
        reader.execute("SELECT * FROM p")
        kill_in(site, "DETACH PARTITION")
    assert site.value("SELECT inhdetachpending FROM pg_inherits") is True

    site.up()

    assert site.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass") == 0
    assert site.exists("p1")


def test_a_failed_build_is_cleared_away_and_built_when_the_rows_are_corrected(site: Site) -> None:
    site.write({"002_unique": "CREATE UNIQUE INDEX CONCURRENTLY t_note_key ON t (note);"})
    with pytest.raises(banister.MigrationFailed, match="23505"):
        site.up()
    assert indexes(site) == []
    site.database.execute("UPDATE t SET note = id::text")

    site.up()

    assert indexes(site) == [("t_note_key", True)]


def test_if_not_exists_does_not_take_an_invalid_index_for_the_real_one(site: Site) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        site.database.execute("CREATE UNIQUE INDEX CONCURRENTLY t_note_idx ON t (note)")
    site.write({"002_index": "CREATE INDEX CONCURRENTLY IF NOT EXISTS t_note_idx ON t (note);"})

    events = site.up()

    assert indexes(site) == [("t_note_idx", True)]
    assert "INVALID" in recovered(events)[0]


def test_settings_of_finished_statements_hold_again_after_a_crash(site: Site) -> None:
    site.database.execute("CREATE SCHEMA other")
    site.database.execute("CREATE TABLE other.u AS SELECT * FROM t")
    site.write(
        {
            "002_index": "-- banister: transaction=off\n"
            "SET search_path = other;\n"
            "CREATE INDEX CONCURRENTLY u_idx ON u (note);\n"
            "CREATE TABLE made_in_other (id int);"
        }
    )
    with old_snapshot(site):
        kill_in(site, "INDEX CONCURRENTLY")

    site.up()

    assert site.exists("other.made_in_other")
    assert site.value("SELECT indisvalid FROM pg_index WHERE indrelid = 'other.u'::regclass")


def test_two_builds_in_one_file_both_work(site: Site) -> None:
    site.write(
        {
            "002_two": "-- banister: transaction=off\n"
            "CREATE INDEX CONCURRENTLY a ON t (id);\nCREATE INDEX CONCURRENTLY b ON t (note);"
        }
    )

    site.up()

    assert indexes(site) == [("a", True), ("b", True)]


def test_a_temporary_table_before_the_point_asks_for_a_decision(site: Site) -> None:
    site.write(
        {
            "002_temp": "-- banister: transaction=off\n"
            "CREATE TEMP TABLE kept AS SELECT 1 AS id;\n"
            "CREATE INDEX CONCURRENTLY a ON t (id);\n"
            "INSERT INTO t SELECT id, 'from temp' FROM kept;"
        }
    )
    with old_snapshot(site):
        kill_in(site, "INDEX CONCURRENTLY")

    with pytest.raises(banister.FindingsError, match="ended with the session"):
        site.up()
    site.project().decide("002", 1, banister.Decision.RETRY)
    site.database.execute("DROP INDEX a")
    site.up()

    assert site.value("SELECT count(*) FROM t WHERE note = 'from temp'") == 1


def test_a_call_that_was_cut_off_asks_for_a_decision(site: Site) -> None:
    site.database.execute(
        "CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO t VALUES (0, 'called'); COMMIT; PERFORM pg_sleep(60); END $$"
    )
    site.write({"002_call": "-- banister: transaction=off\nCALL work();"})
    kill_in(site, "CALL work")

    with pytest.raises(banister.FindingsError, match="no catalog can tell"):
        site.up()
    site.project().decide("002", 1, banister.Decision.DONE)
    site.up()

    assert site.value("SELECT count(*) FROM t WHERE note = 'called'") == 1
    assert site.applied() == ["001", "002"]


def test_what_the_server_refused_is_never_taken_for_done(site: Site) -> None:
    """An index that somebody else makes meanwhile is not the one of the file."""
    site.write({"002_index": "CREATE INDEX CONCURRENTLY ON t (lower(missing));"})
    with pytest.raises(banister.MigrationFailed, match="42703"):
        site.up()
    site.database.execute("ALTER TABLE t ADD COLUMN missing text")
    site.database.execute("CREATE INDEX other ON t (note)")

    site.up()

    assert len(indexes(site)) == 2


def test_a_database_that_was_there_before_is_not_the_files_doing(site: Site) -> None:
    name = f"{site.database.name}_other"
    site.database.execute(f"CREATE DATABASE {name}")
    try:
        site.write({"002_database": f"CREATE DATABASE {name};"})
        for _ in range(2):
            with pytest.raises(banister.MigrationFailed, match="42P04"):
                site.up()
        assert site.applied() == ["001"]
    finally:
        site.database.execute(f"DROP DATABASE {name}")


def test_a_statement_that_does_more_than_set_is_not_run_again(site: Site) -> None:
    site.write(
        {
            "002_audit": "-- banister: transaction=off\n"
            "INSERT INTO t (note) SELECT set_config('app.user', 'once', false);\n"
            "INSERT INTO nowhere VALUES (1);"
        }
    )
    with pytest.raises(banister.MigrationFailed):
        site.up()
    site.write(
        {
            "002_audit": "-- banister: transaction=off\n"
            "INSERT INTO t (note) SELECT set_config('app.user', 'once', false);\n"
            "SELECT 1;"
        }
    )
    with pytest.raises(banister.FindingsError, match="ended with the session"):
        site.up()
    assert site.value("SELECT count(*) FROM t WHERE note = 'once'") == 1


def test_no_password_of_a_statement_is_kept_in_the_log(site: Site) -> None:
    site.write(
        {
            "002_subscription": "CREATE SUBSCRIPTION s CONNECTION "
            "'host=/nowhere dbname=x password=hunter2' PUBLICATION p;"
        }
    )
    with pytest.raises(banister.MigrationFailed):
        site.up()
    assert "hunter2" not in str(site.rows("SELECT * FROM schema_migrations_log"))
