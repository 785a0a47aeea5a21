"""Foreign keys, sessions that do not leak, and files that run statement by statement."""

from pathlib import Path

import pytest

from banister.engines.base import HistoryChanged
from banister.engines.sqlite import SqliteEngine
from banister.errors import (
    MigrationFailed,
)
from banister.model import TransactionMode
from banister.script import checksum
from sqlite_kit import (
    DOWN,
    LONG,
    PARENT,
    REBUILD,
    RUN,
    STATEMENTS,
    apply,
    engine,
    events,
    make,
    make_engine,
    path,
    query,
    step,
    tables,
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


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("CASCADE", 'SQLite would delete the rows of "child" that point to it'),
        ("SET NULL", 'SQLite would set null "parent" of the rows of "child" that point to it'),
        ("SET DEFAULT", 'SQLite would set default "parent" of the rows of "child"'),
    ],
)
@pytest.mark.parametrize("mode", [TransactionMode.WHOLE, STATEMENTS])
def test_a_parent_is_not_dropped_where_rows_of_its_children_would_go_with_it(
    engine: SqliteEngine, path: Path, action: str, said: str, mode: TransactionMode
) -> None:
    apply(engine, step("001_a", *(text.replace("CASCADE", action) for text in PARENT)))
    drop = 'DROP TABLE IF EXISTS "PARENT";'
    with pytest.raises(MigrationFailed) as caught:
        apply(engine, step("002_b", "SELECT 1;", f"-- parents\n{drop}", mode=mode), "1")
    assert said in caught.value.message
    assert "foreign_keys=off" in (caught.value.hint or "")
    assert caught.value.location is not None
    assert caught.value.location.note == "up, statement 2 of 2"
    assert query(path, "SELECT * FROM child") == [(10, 1), (20, 2)]


@pytest.mark.parametrize(
    "statements",
    [
        ("DELETE FROM child;", "DROP TABLE parent;"),
        ("UPDATE child SET parent = NULL;", "DROP TABLE parent;"),
        ("DELETE FROM parent;", "DROP TABLE parent;"),
        ("DROP TABLE child;", "DROP TABLE parent;"),
        ("CREATE TEMP TABLE parent (id);", "DROP TABLE temp.parent;"),
        ("DROP TABLE IF EXISTS nowhere;", "SELECT 1;"),
    ],
)
def test_a_parent_is_dropped_where_nothing_is_lost_or_the_file_says_so(
    engine: SqliteEngine, statements: tuple[str, ...]
) -> None:
    apply(engine, step("001_a", *PARENT))
    apply(engine, step("002_b", *statements), "1")


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


def test_what_was_set_for_the_session_is_set_again_where_a_file_goes_on(
    engine: SqliteEngine, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    texts = [
        "CREATE TABLE a (x CHECK (x > 0));",
        "PRAGMA ignore_check_constraints = ON;",
        "PRAGMA user_version = 7;",
        f"ATTACH '{other}' AS other;",
        "CREATE TABLE other.b (x);",
        "FOO;",
    ]
    with pytest.raises(MigrationFailed):
        apply(engine, step("001_a", *texts, mode=STATEMENTS))
    make(path, "PRAGMA user_version = 8")
    texts[5:] = ["INSERT INTO a VALUES (0);", "INSERT INTO other.b VALUES (1);"]
    apply(engine, step("001_a", *texts, mode=STATEMENTS, done=5))
    assert query(path, "SELECT x FROM a") == [(0,)]
    assert query(other, "SELECT x FROM b") == [(1,)]
    assert query(path, "PRAGMA user_version") == [(8,)]
