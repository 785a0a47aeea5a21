"""A step on SQLite is one with its record, and keeps its hands off the history."""

import sqlite3
from pathlib import Path

import pytest

from banister.engines.base import HistoryChanged
from banister.engines.sqlite import SqliteEngine
from banister.errors import (
    MigrationFailed,
)
from banister.model import (
    StatementDone,
)
from sqlite_kit import DOWN, RUN, apply, engine, events, make_engine, path, query, step, tables


def test_a_step_and_its_record_are_one(engine: SqliteEngine, path: Path) -> None:
    up = step(
        "007_make", "CREATE TABLE a (x);", "INSERT INTO a VALUES (1);", down=["DROP TABLE a;"]
    )
    running = engine.apply(up, RUN, expected=frozenset(), seed=True)
    assert next(running) == StatementDone(step=up, number=1, total=2)
    assert "a" not in tables(path)
    assert next(running) == StatementDone(step=up, number=2, total=2)
    with pytest.raises(StopIteration) as end:
        next(running)
    row = end.value.value
    assert (row.version.text, row.name, row.up_checksum) == ("007", "make", up.script.checksum)
    assert "a" in tables(path)
    history = engine.read_history(stored_downs=True)
    assert history.applied[0].down_text == "DROP TABLE a;\n"
    assert history.applied[0].applied_at == row.applied_at
    assert history.seeded is True
    assert sorted(events(path)) == ["applied", "seeded"]


def test_down_removes_change_and_row(engine: SqliteEngine, path: Path) -> None:
    apply(engine, step("001_a", "CREATE TABLE a (x);"))
    assert apply(engine, step("001_a", "DROP TABLE a;", direction=DOWN), "1") is None
    assert engine.read_history().applied == ()
    assert "a" not in tables(path)
    assert events(path) == ["applied", "rolled_back"]


def test_a_failure_leaves_nothing_and_says_where(engine: SqliteEngine, path: Path) -> None:
    bad = step("003_name", "CREATE TABLE a (x);", "INSERT INTO a\nVALUES (1) FOO;")
    with pytest.raises(MigrationFailed) as caught:
        apply(engine, bad)
    error = caught.value
    assert error.message == (
        'migration 003_name.up.sql failed: near "FOO": syntax error [SQLITE_ERROR]'
    )
    assert error.version == "003"
    assert (error.failure.sqlstate, error.failure.sqlite_error) == (None, "SQLITE_ERROR")
    assert error.location is not None
    assert (error.location.line, error.location.column) == (3, 12)
    assert error.location.note == "up, statement 2 of 2"
    assert tables(path) == {"schema_migrations", "schema_migrations_log", "sqlite_sequence"}
    assert events(path) == []
    apply(engine, step("003_name", "CREATE TABLE a (x);"))


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("SELECT a, missing FROM t;", 11),
        ("SELECT t.missing FROM t;", 8),
        ("SELECT 'missing', missing FROM t; -- missing", 19),
        ("SELECT missing, missing FROM t;", 1),
        ('SELECT "t--x", missing FROM t, (SELECT 1 AS "t--x");', 16),
        ("SELECT missing_too, missing FROM t, (SELECT 1 AS missing_too);", 21),
        ("INSERT INTO nowhere VALUES (1);", 13),
        ("SELECT nofunc(a) FROM t;", 8),
        ("SELECT a FROM t WHERE a = ) ;", 27),
    ],
)
def test_the_word_sqlite_names_is_found_when_it_stands_there_once(
    engine: SqliteEngine, text: str, column: int
) -> None:
    with pytest.raises(MigrationFailed) as caught:
        apply(engine, step("001_a", "CREATE TABLE t (a);", text))
    assert caught.value.location is not None
    assert (caught.value.location.line, caught.value.location.column) == (2, column)


def test_a_deferred_foreign_key_that_fails_at_commit_leaves_nothing(
    engine: SqliteEngine, path: Path
) -> None:
    bad = step(
        "001_a",
        "CREATE TABLE p (id INTEGER PRIMARY KEY);",
        "CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED);",
        "INSERT INTO c VALUES (1);",
    )
    with pytest.raises(MigrationFailed, match="FOREIGN KEY constraint failed") as caught:
        apply(engine, bad)
    assert caught.value.location is not None
    assert caught.value.location.note == "up, at COMMIT"
    assert engine.read_history().applied == ()
    assert "c" not in tables(path)


def test_a_trigger_that_rolls_back_leaves_nothing(engine: SqliteEngine, path: Path) -> None:
    bad = step(
        "001_a",
        "CREATE TABLE a (x);",
        "CREATE TRIGGER no BEFORE INSERT ON a BEGIN SELECT RAISE(ROLLBACK, 'not today'); END;",
        "INSERT INTO a VALUES (1);",
        "CREATE TABLE later (x);",
    )
    with pytest.raises(MigrationFailed, match="not today"):
        apply(engine, bad)
    assert not tables(path) & {"a", "later"}
    assert engine.read_history().applied == ()


@pytest.mark.parametrize("ending", ["COMMIT;", "ROLLBACK", "COMMIT", "END TRANSACTION;"])
def test_a_file_cannot_end_the_transaction(engine: SqliteEngine, path: Path, ending: str) -> None:
    bad = step("001_a", "CREATE TABLE a (x);", ending, "CREATE TABLE b (x);")
    with pytest.raises(MigrationFailed, match="end the transaction"):
        apply(engine, bad)
    assert not tables(path) & {"a", "b"}


def test_savepoints_are_the_files_own_business(engine: SqliteEngine, path: Path) -> None:
    apply(
        engine,
        step(
            "001_a",
            "SAVEPOINT s;",
            "CREATE TABLE a (x);",
            "ROLLBACK TO s;",
            "CREATE TABLE b (x);",
        ),
    )
    assert "a" not in tables(path)
    assert "b" in tables(path)


def test_a_journal_that_cannot_roll_back_is_refused(engine: SqliteEngine) -> None:
    with pytest.raises(MigrationFailed, match="journal_mode"):
        apply(engine, step("001_a", "PRAGMA journal_mode = OFF;", "CREATE TABLE a (x);"))


def test_statements_that_return_rows_run_to_their_end(engine: SqliteEngine, path: Path) -> None:
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO a SELECT i FROM n RETURNING x;"
    )
    apply(engine, step("001_a", "CREATE TABLE a (x);", many))
    assert query(path, "SELECT count(*) FROM a") == [(500,)]


@pytest.mark.parametrize("text", ["INSERT INTO a VALUES (:value);", "INSERT INTO a VALUES (?);"])
def test_a_parameter_in_a_file_is_explained(engine: SqliteEngine, text: str) -> None:
    with pytest.raises(MigrationFailed, match="parameter"):
        apply(engine, step("001_a", "CREATE TABLE a (x);", text))


def test_closing_the_generator_leaves_nothing(engine: SqliteEngine, path: Path) -> None:
    running = engine.apply(step("001_a", "CREATE TABLE a (x);"), RUN, expected=frozenset())
    next(running)
    running.close()
    assert "a" not in tables(path)
    apply(engine, step("001_a", "CREATE TABLE a (x);"))


def test_a_changed_history_is_noticed_before_the_first_statement(
    engine: SqliteEngine, path: Path
) -> None:
    apply(engine, step("001_a", "CREATE TABLE a (x);"))
    with pytest.raises(HistoryChanged):
        apply(engine, step("002_b", "CREATE TABLE b (x);"))
    with pytest.raises(HistoryChanged):
        apply(engine, step("001_a", "DROP TABLE a;", direction=DOWN), "1", "2")
    assert "b" not in tables(path)
    assert "a" in tables(path)


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE schema_migrations;",
        "DROP TABLE IF EXISTS Schema_Migrations;",
        'DROP TABLE main."schema_migrations_log";',
        "ALTER TABLE schema_migrations RENAME TO old;",
        "ALTER TABLE schema_migrations ADD COLUMN x;",
        "DELETE FROM schema_migrations;",
        "INSERT INTO schema_migrations VALUES ('9', 'x', 'x', 1, 1, 1, 1, 1);",
        "UPDATE schema_migrations SET name = '';",
        "DROP TRIGGER schema_migrations_log_no_delete;",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM schema_migrations; END;",
    ],
)
def test_a_migration_cannot_touch_the_history(engine: SqliteEngine, path: Path, text: str) -> None:
    apply(engine, step("001_a", "CREATE TABLE a (x);"))
    before = (
        query(path, "SELECT * FROM sqlite_master"),
        query(path, "SELECT * FROM schema_migrations"),
    )
    # A trigger is compiled when it fires.
    with pytest.raises(MigrationFailed, match="history table") as caught:
        apply(engine, step("002_b", text, "INSERT INTO a VALUES (1);"), "1")
    assert "history_table" in (caught.value.hint or "")
    after = (
        query(path, "SELECT * FROM sqlite_master"),
        query(path, "SELECT * FROM schema_migrations"),
    )
    assert after == before


def test_a_change_behind_sqlites_back_is_noticed(engine: SqliteEngine) -> None:
    trick = (
        "UPDATE sqlite_master SET sql = replace(sql, 'run_id TEXT', 'run_id TEXT, x TEXT') "
        "WHERE name = 'schema_migrations';"
    )
    with pytest.raises(MigrationFailed, match="changes the history table"):
        apply(engine, step("001_a", "PRAGMA writable_schema = ON;", trick))
    assert engine.read_history().applied == ()


def test_a_temporary_table_cannot_stand_in_for_the_history(
    engine: SqliteEngine, path: Path
) -> None:
    apply(engine, step("001_a", "CREATE TEMP TABLE schema_migrations (version, name, applied_at);"))
    apply(engine, step("002_b", "CREATE TABLE b (x);"), "1")
    assert query(path, "SELECT count(*) FROM schema_migrations") == [(2,)]


def test_the_log_is_only_added_to(engine: SqliteEngine, path: Path) -> None:
    apply(engine, step("001_a"))
    for change in ("DELETE FROM schema_migrations_log", "UPDATE schema_migrations_log SET who = 0"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
            query(path, change)


def test_table_names_with_quotes_and_spaces_work(path: Path) -> None:
    name = 'my "odd" table; --'
    engine = make_engine(path, history=name)
    engine.prepare()
    engine.prepare()
    apply(engine, step("001_a", "CREATE TABLE a (x);"))
    apply(engine, step("002_b", "CREATE TABLE b (x);"), "1")
    apply(engine, step("002_b", "DROP TABLE b;", direction=DOWN), "1", "2")
    assert [str(row.version) for row in engine.read_history().applied] == ["001"]
    engine.close()
    assert name in tables(path)
    assert f"{name}_log" in tables(path)
