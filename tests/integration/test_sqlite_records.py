"""Another runner's table, and records that no migration is run for."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from banister.engines.base import HistoryChanged
from banister.engines.sqlite import SqliteEngine
from banister.errors import (
    HistoryError,
)
from banister.model import (
    AppliedMigration,
    LogEntry,
    LogEvent,
    Version,
)
from sqlite_kit import DOWN, RUN, apply, engine, events, make, make_engine, path, query, step


@pytest.mark.parametrize(
    ("version_type", "stored", "written"),
    [
        ("INTEGER PRIMARY KEY", 1, 2),
        ("TEXT PRIMARY KEY", "1", "0002"),
        ("VARCHAR(14) NOT NULL UNIQUE", "1", "0002"),
        ("BIGINT UNIQUE", 1, 2),
    ],
)
def test_another_runners_table_is_taken_over(
    path: Path, version_type: str, stored: object, written: object
) -> None:
    make(
        path,
        f"CREATE TABLE schema_migrations (version {version_type}, name TEXT, applied_at TEXT)",
        "INSERT INTO schema_migrations VALUES (1, '0001_first.up.sql', '2024-05-01 10:00:00')",
    )
    engine = make_engine(path)
    before = path.read_bytes()
    row = engine.read_history().applied[0]
    assert (row.version, row.name) == (Version("0001"), "first")
    assert row.applied_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert path.read_bytes() == before
    engine.prepare()
    apply(engine, step("0002_b", "CREATE TABLE b (x);", down=["DROP TABLE b;"]), "1")
    rows = query(path, "SELECT version, name, up_checksum FROM schema_migrations ORDER BY rowid")
    assert rows[0] == (stored, "0001_first.up.sql", None)
    assert rows[1][0] == written
    assert rows[1][2] is not None
    # That other runner goes on using it with its three columns.
    make(
        path,
        "INSERT INTO schema_migrations (version, name, applied_at) VALUES (3, 'c', '2130-01-01')",
    )
    applied = engine.read_history(stored_downs=True).applied
    assert [row.version.number for row in applied] == [1, 2, 3]
    assert applied[1].down_text == "DROP TABLE b;\n"
    apply(engine, step("0001_first", direction=DOWN), "1", "2", "3")
    assert [row.version.number for row in engine.read_history().applied] == [2, 3]
    engine.close()


@pytest.mark.parametrize(
    "cell",
    [
        "2024-05-01T10:00:00",
        "2024-05-01 10:00:00.000",
        "2024-05-01T12:00:00+02:00",
        "2024-05-01 12:00:00.0 +0200",
        "2024-05-01T10:00:00Z",
        "2024-05-01 10:00:00 UTC",
        1714557600,
        1714557600.0,
        1714557600000,
        "1714557600",
    ],
)
def test_times_of_other_runners_are_understood(path: Path, cell: object) -> None:
    make(path, "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, name, applied_at)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('1', 'a', ?)", [cell])
    row = make_engine(path).read_history().applied[0]
    assert row.applied_at == datetime(2024, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("cell", ["yesterday", None, b"\xff", 1e300, ""])
def test_what_is_no_time_is_none(path: Path, cell: object) -> None:
    make(path, "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, name, applied_at)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('1', 'a', ?)", [cell])
    assert make_engine(path).read_history().applied[0].applied_at is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("version TEXT PRIMARY KEY", "no column name, applied_at"),
        ("version TEXT, name TEXT, applied_at TEXT", "no unique key on version"),
        ("version TEXT, name TEXT, applied_at TEXT, UNIQUE (version, name)", "no unique key"),
        ("version TEXT PRIMARY KEY, name TEXT, applied_at TEXT, who TEXT NOT NULL", "column who"),
    ],
)
def test_a_table_that_cannot_serve_is_refused(path: Path, columns: str, message: str) -> None:
    make(path, f"CREATE TABLE schema_migrations ({columns})")
    with pytest.raises(HistoryError, match=message):
        make_engine(path).read_history()
    with pytest.raises(HistoryError, match=message):
        make_engine(path).prepare()


def test_the_hint_for_a_missing_key_is_sql_that_helps(path: Path) -> None:
    make(path, "CREATE TABLE schema_migrations (version TEXT, name TEXT, applied_at TEXT)")
    with pytest.raises(HistoryError) as caught:
        make_engine(path).read_history()
    make(path, caught.value.hint or "")
    assert make_engine(path).read_history().applied == ()


def test_a_view_and_a_strangers_log_are_refused(path: Path) -> None:
    make(path, "CREATE VIEW schema_migrations AS SELECT 1 AS version")
    with pytest.raises(HistoryError, match="is a view"):
        make_engine(path).read_history()
    make(path, "DROP VIEW schema_migrations", "CREATE TABLE schema_migrations_log (line)")
    with pytest.raises(HistoryError, match="not Banister's log"):
        make_engine(path).read_history()


def test_order_of_application_survives_a_clock_set_back(path: Path) -> None:
    moments = [datetime(2025, 1, 1, 12, tzinfo=UTC) - timedelta(hours=n) for n in range(99)]
    engine = make_engine(path, now=lambda: moments.pop(0))
    engine.prepare()
    apply(engine, step("003_c"))
    apply(engine, step("001_a"), "3")
    apply(engine, step("002_b"), "3", "1")
    assert [row.version.number for row in engine.read_history().applied] == [3, 1, 2]
    engine.close()


def test_stamp_records_all_or_nothing(engine: SqliteEngine, path: Path) -> None:
    rows = [AppliedMigration(version=Version(f"00{n}"), name=f"m{n}") for n in (1, 2, 3)]
    engine.stamp(rows[:2], RUN)
    assert [row.name for row in engine.read_history().applied] == ["m1", "m2"]
    with pytest.raises(HistoryChanged):
        engine.stamp(rows[:0:-1], RUN)
    assert [row.name for row in engine.read_history().applied] == ["m1", "m2"]
    assert events(path) == ["baselined", "baselined"]


def test_a_step_knows_what_was_stamped_since_the_step_before(engine: SqliteEngine) -> None:
    apply(engine, step("001_a"))
    engine.stamp([AppliedMigration(version=Version("002"), name="b")], RUN)
    apply(engine, step("003_c"), "1", "2")
    assert len(engine.read_history().applied) == 3


def test_an_accepted_edit_replaces_what_was_recorded(engine: SqliteEngine, path: Path) -> None:
    apply(engine, step("001_a", down=["DROP TABLE a;"]))
    edited = AppliedMigration(
        version=Version("1"), name="b", up_checksum="u", down_checksum="d", down_text="new"
    )
    engine.accept_edit(edited, RUN, replaced=None)
    row = engine.read_history(stored_downs=True).applied[0]
    assert (row.version.text, row.name, row.up_checksum, row.down_text) == ("001", "b", "u", "new")
    assert events(path) == ["applied", "edit_accepted"]
    with pytest.raises(HistoryChanged):
        engine.accept_edit(AppliedMigration(version=Version("2"), name="x"), RUN, replaced=None)


def test_skips_are_remembered(engine: SqliteEngine) -> None:
    engine.record([LogEntry(event=LogEvent.SKIPPED, version=Version("004"), name="demo")], RUN)
    history = engine.read_history()
    assert history.skipped == {Version("4")}
    assert history.database_is_new
    assert list(engine.lock(wait_seconds=0)) == []
