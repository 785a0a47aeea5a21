"""Files outside a transaction: what is kept after a failure, and where the next run goes on."""

from pathlib import Path

import pytest

import banister
from banister.model import State
from postgres_kit import Site
from servers import PostgresDatabase

OFF = "-- banister: transaction=off\n"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


def test_a_failure_keeps_what_was_done_and_the_next_run_goes_on_behind_it(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = Site(database=every_postgres, root=tmp_path)
    first = f"{OFF}CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n"
    site.write({"001_off": f"{first}INSERT INTO t VALUES (nonsense);\nVACUUM t;\n"})
    with pytest.raises(banister.MigrationFailed) as caught:
        site.up()
    assert "kept and will not run again" in str(caught.value.state)
    assert caught.value.location is not None
    assert (caught.value.location.line, caught.value.location.note) == (4, "up, statement 3 of 4")
    assert site.applied() == []
    assert [row.state for row in site.project().status().rows] == [State.UNFINISHED]

    site.write({"001_off": f"{first}INSERT INTO t VALUES (2);\nVACUUM t;\n"})
    site.up()
    assert site.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
    assert site.applied() == ["001"]
    assert [event for event, *_ in site.log()] == [
        "started", "statement_done", "statement_done", "failed",
        "statement_done", "statement_started", "statement_done", "applied",
    ]  # fmt: skip


def test_a_finished_statement_must_not_be_edited(site: Site) -> None:
    site.write({"001_off": f"{OFF}CREATE TABLE t (id int);\nSELECT nonsense;\n"})
    with pytest.raises(banister.MigrationFailed):
        site.up()
    site.write({"001_off": f"{OFF}CREATE TABLE t (id bigint);\nSELECT 1;\n"})
    with pytest.raises(banister.FindingsError, match="edited"):
        site.up()
    assert site.applied() == []


def test_a_half_done_file_holds_up_all_others_until_it_is_finished(site: Site) -> None:
    site.write(
        {
            "001_t": "CREATE TABLE t (id int);",
            "001_t.down": "DROP TABLE t;",
            "002_off": f"{OFF}CREATE TABLE u (id int);\nSELECT nonsense;\n",
            "003_v": "CREATE TABLE v (id int);",
        }
    )
    with pytest.raises(banister.MigrationFailed):
        site.up()
    with pytest.raises(banister.FindingsError, match="half done"):
        site.down()
    assert site.applied() == ["001"]
    assert not site.exists("v")
    site.write({"002_off": f"{OFF}CREATE TABLE u (id int);\nSELECT 1;\n"})
    site.up()
    assert site.applied() == ["001", "002", "003"]


def test_a_statement_and_its_event_are_one(site: Site) -> None:
    """The statement works, its event cannot be written: neither may stay."""
    site.write({"001_t": "SELECT 1;", "002_off": f"{OFF}CREATE TABLE u (id int);\nSELECT 1;\n"})
    site.project().up(to="001")
    site.rows(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN IF NEW.event = 'statement_done' THEN RAISE 'full'; END IF; RETURN NEW; END $$; "
        "CREATE TRIGGER no BEFORE INSERT ON schema_migrations_log FOR EACH ROW "
        "EXECUTE FUNCTION no()"
    )
    with pytest.raises(banister.MigrationFailed, match="full"):
        site.up()
    assert not site.exists("u")
    site.rows("DROP TRIGGER no ON schema_migrations_log")
    site.up()
    assert site.applied() == ["001", "002"]
    assert site.exists("u")


def test_statements_keep_the_short_lock_timeout_and_only_waiting_ones_are_patient(
    site: Site,
) -> None:
    timeout = "INSERT INTO seen SELECT current_setting('lock_timeout')"
    site.write(
        {
            "001_off": (
                f"{OFF}CREATE TABLE seen (value text);\n"
                f"{timeout};\nCREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n"
                "CREATE INDEX CONCURRENTLY ON t (id);\n"
                f"{timeout};\n"
            )
        }
    )
    site.up(lock_timeout="3s")
    assert site.rows("SELECT value FROM seen") == [("3s",), ("3s",)]


def test_going_down_works_outside_a_transaction_too(site: Site) -> None:
    site.write(
        {
            "001_i": "CREATE TABLE t (id int);\nCREATE INDEX t_id ON t (id);",
            "001_i.down": f"{OFF}DROP INDEX CONCURRENTLY t_id;\nDROP TABLE t;\n",
        }
    )
    site.up()
    site.down()
    assert not site.exists("t")
    assert site.applied() == []
    assert site.log()[-1][0] == "rolled_back"
