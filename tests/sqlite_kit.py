"""What the tests of SQLite alone share: engines over real files, and real second processes."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import pytest

from banister.engines.base import Engine, HistoryChanged, SessionSettings
from banister.engines.sqlite import SqliteEngine
from banister.model import (
    AppliedMigration,
    Direction,
    Directives,
    HistoryTable,
    RunInfo,
    Script,
    Source,
    Statement,
    Step,
    TransactionMode,
    Version,
)

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
    extra: dict[str, Any] = {} if now is None else {"now": now}
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
STATEMENTS = TransactionMode.STATEMENTS
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;"
# It does end: a test that fails must not hang.
LONG = ENDLESS.replace("FROM n)", "FROM n WHERE i < 10000000)")
MANY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
    "INSERT INTO a SELECT i FROM n;"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app data.db"


@pytest.fixture
def engine(path: Path) -> Iterator[SqliteEngine]:
    made = make_engine(path)
    made.prepare()
    yield made
    made.close()


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
