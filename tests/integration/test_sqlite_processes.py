"""Several connections and processes at once, crashes and interrupts."""

import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from banister.engines.base import TryAgain
from banister.engines.sqlite import SqliteEngine
from banister.errors import (
    LockTimeout,
)
from banister.model import LogEntry, LogEvent, Version
from banister.script import checksum
from sqlite_kit import (
    MANY,
    RUN,
    Child,
    apply,
    engine,
    make,
    make_engine,
    path,
    prepare,
    query,
    step,
    tables,
)


def test_a_busy_database_is_waited_for_only_so_long(engine: SqliteEngine, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockTimeout, match="locked by another connection") as caught:
            apply(engine, step("001_a"))
        assert caught.value.hint
        with pytest.raises(LockTimeout, match="locked by another connection"):
            engine.prepare()
        assert engine.read_history().applied == ()
        other.execute("ROLLBACK")
    apply(engine, step("001_a"))


def test_an_attached_database_that_is_busy_leaves_nothing(
    engine: SqliteEngine, path: Path, tmp_path: Path
) -> None:
    make(tmp_path / "other.db", "CREATE TABLE t (x)")
    this = step(
        "001_a",
        "CREATE TABLE a (x);",
        f"ATTACH '{tmp_path / 'other.db'}' AS other;",
        "INSERT INTO other.t VALUES (1);",
    )
    with closing(sqlite3.connect(tmp_path / "other.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TryAgain, match="locked by another connection"):
            apply(engine, this)
        other.execute("ROLLBACK")
    assert "a" not in tables(path)
    apply(engine, this)
    assert query(tmp_path / "other.db", "SELECT x FROM t") == [(1,)]


def test_a_reader_that_ends_in_time_does_not_stop_a_commit(path: Path) -> None:
    engine = make_engine(path, lock_wait=30)
    engine.prepare()
    with Child("hold_read", path) as child:
        child.wait_for("ready")
        running = engine.apply(step("001_a", "CREATE TABLE a (x);"), RUN, expected=frozenset())
        next(running)
        child.say("end soon")
        with pytest.raises(StopIteration):
            next(running)
    assert "a" in tables(path)
    engine.close()


def test_a_reader_that_stays_stops_the_commit_and_nothing_is_left(
    engine: SqliteEngine, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM sqlite_master").fetchall()
        with pytest.raises(TryAgain, match="locked by another connection"):
            apply(engine, step("001_a", "CREATE TABLE a (x);"))
        other.execute("ROLLBACK")
    assert "a" not in tables(path)


def test_of_two_runs_at_once_one_records_what_both_skip(path: Path) -> None:
    first, second = make_engine(path), make_engine(path)
    first.prepare()
    skip = LogEntry(event=LogEvent.SKIPPED, version=Version("002"), name="demo", detail="tags: x")
    # Each has made its plan before the other has recorded anything.
    for one in (first, second):
        one.record([skip, replace(skip, version=Version("3"))], RUN)
    told = "SELECT version FROM schema_migrations_log WHERE event = 'skipped'"
    assert query(path, told) == [("002",), ("3",)]
    apply(first, step("2_demo", "SELECT 1;"))
    second.record([skip], RUN)
    assert query(path, told) == [("002",), ("3",), ("002",)]
    first.close()
    second.close()


def test_exclusive_keeps_readers_out(engine: SqliteEngine, path: Path) -> None:
    this = step("001_a", "CREATE TABLE a (x);", begin_options="EXCLUSIVE")
    running = engine.apply(this, RUN, expected=frozenset())
    next(running)
    with pytest.raises(LockTimeout):
        make_engine(path).read_history()
    running.close()


def test_of_two_processes_each_migration_runs_in_one(path: Path) -> None:
    prepare(path)
    make(path, "CREATE TABLE ran (version)")
    with Child("run_ten", path) as one, Child("run_ten", path) as two:
        for child in (one, two):
            child.wait_for("ready")
        for child in (one, two):
            child.say("go")
        for child in (one, two):
            child.wait_for("done")
    assert query(path, "SELECT version FROM ran ORDER BY version") == [(n,) for n in range(1, 11)]
    assert len(make_engine(path).read_history().applied) == 10


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_kill_9_in_the_middle_of_a_step_leaves_nothing(path: Path, journal: str) -> None:
    prepare(path)
    make(path, f"PRAGMA journal_mode = {journal}")
    with Child("stop_in_the_middle", path) as child:
        child.wait_for("in the middle")
        child.process.kill()
    beside = path.with_name(path.name + ("-wal" if journal == "wal" else "-journal"))
    assert beside.stat().st_size > 0, "pages must have reached the disk for this to prove anything"
    engine = make_engine(path)
    history = engine.read_history()
    assert history.applied == ()
    assert history.database_is_new
    apply(engine, step("001_a", "CREATE TABLE a (x);", MANY))
    assert query(path, "SELECT count(*) FROM a") == [(20000,)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    engine.close()


def test_kill_9_between_statements_leaves_a_journal_to_go_on_from(path: Path) -> None:
    prepare(path)
    with Child("stop_between_statements", path) as child:
        child.wait_for("in the middle")
        child.process.kill()
    unfinished = make_engine(path).read_history().unfinished[0]
    assert unfinished.done == (checksum("CREATE TABLE a (x);"),)
    assert not unfinished.in_flight


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_a_long_statement(path: Path, number: signal.Signals) -> None:
    prepare(path)
    with Child("run_endless", path) as child:
        # Pages reach the disk while the statement runs.
        while path.stat().st_size < 100_000:
            assert child.process.poll() is None
        child.process.send_signal(number)
        child.wait_for("KeyboardInterrupt" if number is signal.SIGINT else "Terminated")
    assert "a" not in tables(path)
