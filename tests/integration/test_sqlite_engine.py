"""SQLite alone: real files, real second processes, real crashes."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Self

import pytest

from banister.engines.base import Engine, HistoryChanged, SessionSettings
from banister.engines.sqlite import SqliteEngine
from banister.errors import (
    ConnectionFailed,
    DatabaseError,
    HistoryError,
    LockTimeout,
    MigrationFailed,
    UnsupportedByEngine,
)
from banister.model import (
    AppliedMigration,
    Direction,
    Directives,
    HistoryTable,
    LogEntry,
    LogEvent,
    RunInfo,
    Script,
    Source,
    Statement,
    StatementDone,
    Step,
    TransactionMode,
    Version,
)
from banister.script import checksum

RUN = RunInfo(run_id="run-1", who="tester", host="here", tool_version="0")
HERE = Path(__file__)
UP, DOWN = Direction.UP, Direction.DOWN


def script(
    label: str, statements: Sequence[str], direction: Direction = UP, **directives: object
) -> Script:
    text = "\n".join(statements) + "\n"
    return Script(
        source=Source(path=f"migrations/{label}.{direction}.sql", text=text),
        direction=direction,
        directives=Directives(**directives),  # type: ignore[arg-type]
        checksum=sha256(text.encode()).hexdigest(),
    )


def step(
    label: str,
    *statements: str,
    direction: Direction = UP,
    mode: TransactionMode = TransactionMode.WHOLE,
    down: Sequence[str] | None = None,
    done: int = 0,
    begin_options: str = "",
    **directives: object,
) -> Step:
    """A step of hand-split statements; `label` is number and name."""
    number, _, name = label.partition("_")
    ours = script(label, statements, direction, **directives)
    placed = []
    start = 0
    for text in statements:
        line, column = ours.source.line_and_column(start)
        placed.append(Statement(text=text, start=start, line=line, column=column))
        start += len(text) + 1
    return Step(
        version=Version(number),
        name=name,
        direction=direction,
        script=ours,
        statements=tuple(placed),
        mode=mode,
        done=done,
        begin_options=begin_options,
        down=None if down is None else script(label, down, DOWN),
    )


def make_engine(
    path: Path,
    *,
    history: str = "schema_migrations",
    lock_wait: float = 0.0,
    now: Callable[[], datetime] | None = None,
    **settings: float | None,
) -> SqliteEngine:
    extra = {} if now is None else {"now": now}
    return SqliteEngine(
        path,
        history=HistoryTable(name=history),
        settings=SessionSettings(**settings),  # type: ignore[arg-type]
        lock_wait=lock_wait,
        **extra,
    )


def apply(engine: Engine, this: Step, *before: str) -> AppliedMigration | None:
    """Carry out a step to its end, over the versions `before`."""
    running = engine.apply(this, RUN, expected=frozenset(map(Version, before)))
    while True:
        try:
            next(running)
        except StopIteration as end:
            row: AppliedMigration | None = end.value
            return row


def prepare(path: Path) -> None:
    with closing(make_engine(path)) as engine:
        engine.prepare()


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def make(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def events(path: Path) -> list[str]:
    return [str(row[0]) for row in query(path, "SELECT event FROM schema_migrations_log")]


def tables(path: Path) -> set[str]:
    rows = query(path, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    return {str(row[0]) for row in rows}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app data.db"


@pytest.fixture
def engine(path: Path) -> Iterator[SqliteEngine]:
    made = make_engine(path)
    made.prepare()
    yield made
    made.close()


# Reading


def test_reading_a_missing_file_is_an_empty_new_history_and_makes_nothing(path: Path) -> None:
    history = make_engine(path).read_history()
    assert history.database_is_new
    assert history.applied == ()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_reading_leaves_every_byte_and_file_as_it_was(path: Path, journal: str) -> None:
    make(path, f"PRAGMA journal_mode = {journal}", "CREATE TABLE t (a)")
    before = path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())
    history = make_engine(path).read_history()
    assert not history.database_is_new
    assert before == (path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir()))


def test_reading_works_beside_a_writer_in_wal_mode(path: Path) -> None:
    make(path, "PRAGMA journal_mode = wal", "CREATE TABLE t (a)")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE unseen (a)")
        assert not make_engine(path).read_history().database_is_new
        other.execute("ROLLBACK")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be an ordinary user, for whom file modes hold."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def locked_away() -> Iterator[Path]:
    """A folder that an ordinary user can read and not write, once the test has set its mode."""
    # pytest's own folder is closed to everyone else.
    folder = Path("/var/tmp") / f"banister-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_read_only_file_in_a_read_only_folder_can_be_read(
    locked_away: Path, journal: str
) -> None:
    path = locked_away / "a.db"
    engine = make_engine(path)
    engine.prepare()
    apply(engine, step("001_a", "CREATE TABLE a (x);"))
    engine.close()
    make(path, f"PRAGMA journal_mode = {journal}")
    path.chmod(0o444)
    locked_away.chmod(0o555)
    with unprivileged():
        assert [str(row.version) for row in make_engine(path).read_history().applied] == ["001"]


def test_writing_to_a_read_only_file_is_refused_with_what_must_be_writable(
    locked_away: Path,
) -> None:
    path = locked_away / "a.db"
    make(path, "CREATE TABLE t (a)")
    assert make_engine(path).unfit() is None
    path.chmod(0o444)
    with unprivileged():
        with pytest.raises(DatabaseError, match="cannot be written") as caught:
            make_engine(path).prepare()
        unfit = make_engine(path).unfit()
    assert "folder" in (caught.value.hint or "")
    assert isinstance(unfit, DatabaseError)


def test_a_missing_folder_is_an_error_not_an_empty_history(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="no folder"):
        make_engine(tmp_path / "typo" / "a.db").read_history()
    with pytest.raises(ConnectionFailed, match="no folder"):
        make_engine(tmp_path / "typo" / "a.db").prepare()


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="is a folder"):
        make_engine(tmp_path).read_history()


def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path) -> None:
    path.write_text("just some notes, long enough to have a header\n" * 40)
    for act in (lambda: make_engine(path).read_history(), lambda: make_engine(path).prepare()):
        with pytest.raises(ConnectionFailed, match="is not a SQLite database"):
            act()
    assert path.read_text().startswith("just some notes")


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    assert make_engine(path).read_history().database_is_new
    assert path.stat().st_size == 0


def test_what_sqlite_cannot_do_is_refused(path: Path) -> None:
    with pytest.raises(UnsupportedByEngine, match="memory"):
        make_engine(Path(":memory:"))
    with pytest.raises(UnsupportedByEngine, match="timezone"):
        make_engine(path, timezone="UTC")  # type: ignore[arg-type]


# New or not


def test_a_database_is_new_until_it_holds_a_table_or_a_row(engine: SqliteEngine) -> None:
    assert engine.read_history().database_is_new
    failed = LogEntry(event=LogEvent.FAILED, version=Version("001"), detail="typo")
    engine.record([failed], RUN)
    assert engine.read_history().database_is_new
    apply(engine, step("001_nothing"))
    assert not engine.read_history().database_is_new


def test_a_view_alone_makes_a_database_not_new(path: Path) -> None:
    make(path, "CREATE VIEW v AS SELECT 1")
    assert not make_engine(path).read_history().database_is_new


# A step and its record


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
    assert error.failure.sqlstate == "SQLITE_ERROR"
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


# The history tables are nobody else's


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


# Foreign keys

PARENT = (
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);",
    "CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);",
    "INSERT INTO parent VALUES (1, 'a'), (2, 'b');",
    "INSERT INTO child VALUES (10, 1), (20, 2);",
)
REBUILD = (
    "CREATE TABLE new_parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL);",
    "INSERT INTO new_parent SELECT * FROM parent;",
    "DROP TABLE parent;",
    "ALTER TABLE new_parent RENAME TO parent;",
)


def test_foreign_keys_hold_without_being_asked_for(engine: SqliteEngine) -> None:
    apply(engine, step("001_a", *PARENT))
    with pytest.raises(MigrationFailed, match="FOREIGN KEY"):
        apply(engine, step("002_b", "INSERT INTO child VALUES (30, 99);"), "1")


def test_a_parent_can_be_rebuilt_with_foreign_keys_off_and_children_stay(
    engine: SqliteEngine, path: Path
) -> None:
    apply(engine, step("001_a", *PARENT))
    apply(engine, step("002_b", *REBUILD, foreign_keys=False), "1")
    assert query(path, "SELECT * FROM child") == [(10, 1), (20, 2)]
    with pytest.raises(MigrationFailed, match="FOREIGN KEY"):
        apply(engine, step("003_c", "INSERT INTO child VALUES (30, 99);"), "1", "2")


def test_the_cascade_trap_is_what_the_directive_is_for(engine: SqliteEngine, path: Path) -> None:
    apply(engine, step("001_a", *PARENT))
    apply(engine, step("002_b", "PRAGMA foreign_keys = OFF;", *REBUILD), "1")
    assert query(path, "SELECT * FROM child") == []


def test_a_new_dangling_reference_fails_the_step_and_is_named(
    engine: SqliteEngine, path: Path
) -> None:
    apply(engine, step("001_a", *PARENT))
    lossy = [text.replace("SELECT * FROM parent", "SELECT * FROM parent WHERE id = 1")
             for text in REBUILD]  # fmt: skip
    with pytest.raises(MigrationFailed) as caught:
        apply(engine, step("002_b", *lossy, foreign_keys=False), "1")
    assert 'row 20 of "child" points to a row of "parent"' in caught.value.message
    assert query(path, "SELECT * FROM parent") == [(1, "a"), (2, "b")]
    apply(engine, step("002_b", *REBUILD, foreign_keys=False), "1")


def test_dangling_references_from_before_do_not_block(engine: SqliteEngine, path: Path) -> None:
    apply(engine, step("001_a", *PARENT, "CREATE TABLE loose (p REFERENCES parent);"))
    make(path, "PRAGMA foreign_keys = OFF", "INSERT INTO loose VALUES (1), (7), (8)")
    make(path, "DELETE FROM loose WHERE p = 1")
    # The rebuilt table numbers its rows anew.
    rebuild = (
        "CREATE TABLE new_loose (p REFERENCES parent);",
        "INSERT INTO new_loose SELECT p FROM loose;",
        "DROP TABLE loose;",
        "ALTER TABLE new_loose RENAME TO loose;",
    )
    apply(engine, step("002_b", *rebuild, foreign_keys=False), "1")
    another = step("003_c", "INSERT INTO loose VALUES (7);", foreign_keys=False)
    with pytest.raises(MigrationFailed, match="row 3 of"):
        apply(engine, another, "1", "2")


def test_a_foreign_key_that_can_never_hold_from_before_does_not_block(
    engine: SqliteEngine, path: Path
) -> None:
    make(path, "CREATE TABLE p (a)", "CREATE TABLE c (x REFERENCES p (a))")
    apply(engine, step("001_a", "CREATE TABLE b (x);", foreign_keys=False))
    bad = step("002_b", "CREATE TABLE d (x REFERENCES p (a));", foreign_keys=False)
    with pytest.raises(MigrationFailed, match="foreign key mismatch"):
        apply(engine, bad, "1")


# The session is the same for every step


def test_nothing_of_a_files_session_reaches_the_next(
    engine: SqliteEngine, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    first = step(
        "001_a",
        "CREATE TABLE a (x CHECK (x > 0));",
        "PRAGMA ignore_check_constraints = ON;",
        "PRAGMA case_sensitive_like = ON;",
        "CREATE TEMP TABLE scratch (x);",
        "CREATE TEMP TABLE a2 AS SELECT 1 AS x;",
        f"ATTACH '{other}' AS other;",
    )
    apply(engine, first)
    like = (
        "CREATE TABLE b AS SELECT 'a' LIKE 'A' AS same, "
        "(SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')) AS att, "
        "(SELECT count(*) FROM temp.sqlite_master) AS temporary;"
    )
    apply(engine, step("002_b", like), "1")
    assert query(path, "SELECT * FROM b") == [(1, 0, 0)]
    with pytest.raises(MigrationFailed, match="CHECK"):
        apply(engine, step("003_c", "INSERT INTO a VALUES (0);"), "1", "2")


def test_a_failed_step_leaves_a_fresh_session(engine: SqliteEngine) -> None:
    with pytest.raises(MigrationFailed):
        apply(engine, step("001_a", "CREATE TEMP TABLE scratch (x);", "FOO;"))
    apply(engine, step("001_a", "CREATE TEMP TABLE scratch (x);"))


def test_statement_timeout_interrupts(path: Path) -> None:
    engine = make_engine(path, statement_timeout=0.05)
    engine.prepare()
    with pytest.raises(MigrationFailed, match=r"ran longer than 0\.05 s"):
        apply(engine, step("001_a", LONG))
    engine.close()


# Statement by statement

STATEMENTS = TransactionMode.STATEMENTS


def test_statements_commit_one_by_one_with_their_journal(engine: SqliteEngine, path: Path) -> None:
    this = step("001_a", "CREATE TABLE a (x);", "VACUUM;", "CREATE TABLE b (x);", mode=STATEMENTS)
    running = engine.apply(this, RUN, expected=frozenset())
    next(running)
    assert "a" in tables(path)
    assert engine.read_history().unfinished[0].done == (checksum("CREATE TABLE a (x);"),)
    for _ in running:
        pass
    assert events(path) == [
        "started", "statement_done", "statement_started", "statement_done", "statement_done",
        "applied",
    ]  # fmt: skip
    history = engine.read_history()
    assert history.unfinished == ()
    assert [str(row.version) for row in history.applied] == ["001"]


def test_a_failure_between_statements_is_resumed_behind_what_is_done(
    engine: SqliteEngine, path: Path
) -> None:
    texts = ["CREATE TABLE a (x);", "VACUUM;", "CREATE TABLE b (x) FOO;"]
    with pytest.raises(MigrationFailed) as caught:
        apply(engine, step("001_a", *texts, mode=STATEMENTS))
    assert caught.value.location is not None
    assert caught.value.location.note == "up, statement 3 of 3"
    unfinished = engine.read_history().unfinished[0]
    assert unfinished.done == (checksum(texts[0]), checksum(texts[1]))
    assert not unfinished.in_flight
    texts[2] = "CREATE TABLE b (x);"
    apply(engine, step("001_a", *texts, mode=STATEMENTS, done=2))
    assert events(path).count("started") == 1
    assert engine.read_history().unfinished == ()
    assert {"a", "b"} <= tables(path)


def test_the_journal_mode_can_be_changed_outside_a_transaction(
    engine: SqliteEngine, path: Path
) -> None:
    apply(engine, step("001_a", "PRAGMA journal_mode = WAL;", mode=STATEMENTS))
    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert "statement_started" in events(path)


def test_a_failed_vacuum_is_known_to_have_failed(engine: SqliteEngine, path: Path) -> None:
    with pytest.raises(MigrationFailed):
        apply(engine, step("001_a", "VACUUM INTO '/nowhere/at/all.db';", mode=STATEMENTS))
    unfinished = engine.read_history().unfinished[0]
    assert unfinished.done == ()
    assert not unfinished.in_flight
    apply(engine, step("001_a", "VACUUM;", mode=STATEMENTS))
    assert engine.read_history().unfinished == ()


def test_a_step_outside_a_transaction_runs_in_one_of_two_runs(
    engine: SqliteEngine, path: Path
) -> None:
    this = step("001_a", "CREATE TABLE a (x);", "INSERT INTO a VALUES (1);", mode=STATEMENTS)
    first = engine.apply(this, RUN, expected=frozenset())
    next(first)
    second = make_engine(path)
    with pytest.raises(HistoryChanged):
        apply(second, this)
    # The second run plans again, and goes on where the first stands.
    apply(second, step("001_a", "CREATE TABLE a (x);", "INSERT INTO a VALUES (1);",
                       mode=STATEMENTS, done=1))  # fmt: skip
    with pytest.raises(HistoryChanged):
        next(first)
    assert query(path, "SELECT * FROM a") == [(1,)]
    second.close()


def test_up_again_after_a_down_starts_its_journal_anew(engine: SqliteEngine) -> None:
    this = step("001_a", "CREATE TABLE a (x);", "VACUUM;", mode=STATEMENTS)
    apply(engine, this)
    apply(engine, step("001_a", "DROP TABLE a;", direction=DOWN), "1")
    apply(engine, this)
    assert len(engine.read_history().applied) == 1


# Another runner's table


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


# Other writes


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


# Others at the same time


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
        with pytest.raises(LockTimeout):
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
        with pytest.raises(LockTimeout):
            apply(engine, step("001_a", "CREATE TABLE a (x);"))
        other.execute("ROLLBACK")
    assert "a" not in tables(path)


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


# Crashes and interrupts

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;"
# It does end: a test that fails must not hang.
LONG = ENDLESS.replace("FROM n)", "FROM n WHERE i < 10000000)")
MANY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
    "INSERT INTO a SELECT i FROM n;"
)


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


class Child:
    """This file's function `child_<name>` in a process of its own."""

    def __init__(self, name: str, path: Path) -> None:
        code = f"import {HERE.stem} as tests; tests.child_{name}(tests.Path({str(path)!r}))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=HERE.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait(timeout=60)

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == line

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


def tell(line: str) -> None:
    """Say something to the parent process."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def child_stop_in_the_middle(path: Path) -> None:
    # A small cache makes SQLite write uncommitted pages to the disk.
    this = step("001_a", "CREATE TABLE a (x);", "PRAGMA cache_size = 2;", MANY)
    running = make_engine(path).apply(this, RUN, expected=frozenset())
    for _ in range(3):
        next(running)
    tell("in the middle")
    sys.stdin.read()


def child_stop_between_statements(path: Path) -> None:
    this = step("001_a", "CREATE TABLE a (x);", "CREATE TABLE b (x);", mode=STATEMENTS)
    running = make_engine(path).apply(this, RUN, expected=frozenset())
    next(running)
    tell("in the middle")
    sys.stdin.read()


class Terminated(BaseException):
    """What a program may make of SIGTERM."""


def child_run_endless(path: Path) -> None:
    def terminate(*_: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    # Ends this process, whatever SQLite does, should nothing else end the statement.
    signal.alarm(30)
    insert = ENDLESS.replace(
        "SELECT max(i) FROM n", "INSERT INTO a SELECT i FROM n WHERE i < 99999"
    )
    this = step("001_a", "CREATE TABLE a (x);", "PRAGMA cache_size = 2;", insert)
    running = make_engine(path).apply(this, RUN, expected=frozenset())
    try:
        for _ in running:
            pass
    except (KeyboardInterrupt, Terminated) as error:
        tell(type(error).__name__)


def child_hold_read(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM sqlite_master").fetchall()
        tell("ready")
        sys.stdin.readline()
        connection.execute("ROLLBACK")


def child_run_ten(path: Path) -> None:
    engine = make_engine(path, lock_wait=60)
    tell("ready")
    sys.stdin.readline()
    while len(applied := engine.read_history().applied) < 10:
        number = len(applied) + 1
        this = step(f"{number}_m", f"INSERT INTO ran VALUES ({number});")
        try:
            apply(engine, this, *(row.version.text for row in applied))
        except HistoryChanged:
            continue
    tell("done")
