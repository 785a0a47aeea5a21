"""Connections to a SQLite file: never made by accident, patient where it is busy, interruptible."""

import os
import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from banister.engines.base import SessionSettings
from banister.engines.sqlite.faults import explain, is_busy, primary_code, translated
from banister.engines.sqlite.guard import Guard
from banister.engines.sqlite.reaching import is_missing
from banister.errors import DatabaseError, UnsupportedByEngine

__all__ = [
    "Place",
    "Session",
    "looking",
    "open_reader",
    "open_writer",
    "pauses",
    "refuse_unsupported",
]

#: Seconds between two tries where the database is busy.
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05
#: Steps of SQLite's virtual machine between two looks at signals: well below a millisecond.
_STEPS_BETWEEN_SIGNALS = 10_000


@dataclass(kw_only=True)
class _Watch:
    """What can end a running statement from outside."""

    #: By the monotonic clock; None: no bound.
    deadline: float | None = None
    #: What a signal handler raised.
    raised: BaseException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file as it was when it was opened."""

    path: Path
    #: Device and inode.
    identity: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Look at the file that is there now."""
        return cls(path=path, identity=_identity(path))

    def check(self) -> None:
        """Raise DatabaseError where another file, or none, is there now."""
        if _identity(self.path) != self.identity:
            raise DatabaseError(
                f"{self.path} was removed or replaced while it was in use",
                code="file_moved",
                state="what this run has done is in the file that was there before",
                hint="find out what did that, let nothing use the file, then run again",
            )


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_dev, found.st_ino


class Session:
    """One connection. Its methods let the driver's errors out; callers translate them."""

    def __init__(self, connection: sqlite3.Connection, *, guard: Guard, patience: float) -> None:
        connection.set_authorizer(guard)
        self._connection = connection
        self._watch = _Watch()
        pulse = _pulse(self._watch)
        next(pulse)
        connection.set_progress_handler(pulse.__next__, _STEPS_BETWEEN_SIGNALS)
        self.guard = guard
        #: The file that must stay at its place; None: it may be moved.
        self.place: Place | None = None
        #: Seconds to wait where another connection stands in the way.
        self.patience = patience
        #: The same inside a transaction, which itself keeps others waiting.
        self.lock_timeout = patience

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def execute(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement of ours, again and again while the database is busy."""
        try:
            return self._patiently(sql, tuple(values), keep=True, within=self.patience)
        except sqlite3.OperationalError as error:
            if not str(error).startswith("Could not decode"):
                raise
        # Text that is not UTF-8 in another runner's table must not stop a run that passes by it.
        self._connection.text_factory = _lenient_text
        try:
            return self._patiently(sql, tuple(values), keep=True, within=self.patience)
        finally:
            self._connection.text_factory = str

    def rows_of(self, sql: str, *, at_once: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query of ours, so many at once, as they are read."""
        with closing(self._connection.execute(sql)) as cursor:
            while some := cursor.fetchmany(at_once):
                yield some

    def execute_theirs(self, sql: str, *, timeout: float | None = None) -> None:
        """Run one statement of a migration to its end, under the guard.

        `timeout` bounds it in seconds. Rows are read and dropped: a statement that returns rows
        does its work only while they are read.
        """
        self.guard.refusal = None
        self.guard.in_transaction = self.in_transaction
        self.guard.watching = True
        # Rows are dropped: what their text is written in does not matter.
        self._connection.text_factory = bytes
        self._watch.deadline = None if timeout is None else time.monotonic() + timeout
        try:
            self._patiently(sql, (), keep=False, within=self.lock_timeout)
        finally:
            self.guard.watching = False
            self._connection.text_factory = str
            self._watch.deadline = None

    def dropped_by(self, sql: str) -> tuple[str, ...]:
        """Return the tables of the file that a statement would drop; it is compiled, not run."""
        self.guard.dropped.clear()
        self.guard.watching = True
        try:
            self._once(f"EXPLAIN {sql}", (), keep=False)
        except (sqlite3.Error, sqlite3.Warning):
            # What is wrong with it is told when it is run.
            return ()
        finally:
            self.guard.watching = False
        return tuple(self.guard.dropped)

    def begin(self, options: str = "") -> None:
        """Begin a transaction that holds the write lock from its start."""
        exclusive = "EXCLUSIVE" in options.upper()
        self._check_place()
        self.execute("BEGIN EXCLUSIVE" if exclusive else "BEGIN IMMEDIATE")

    def could_begin(self) -> bool:
        """Whether a transaction that writes could begin at this moment. Nothing is held then."""
        try:
            self._once("BEGIN IMMEDIATE", (), keep=True)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            return False
        self._once("ROLLBACK", (), keep=True)
        return True

    def commit(self) -> None:
        """Commit; while readers stand in the way the transaction stays open and waits for them.

        Without a write-ahead log it keeps new readers out meanwhile: not for long.
        https://www.sqlite.org/lockingv3.html#writer_starvation
        Raises DatabaseError where the file is not at its place any more.
        """
        self._check_place()
        self._patiently("COMMIT", (), keep=True, within=self.lock_timeout)

    def roll_back(self) -> None:
        """Leave no transaction open, also where SQLite has rolled back by itself. Never raises."""
        # https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
        if self.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; what is not committed is rolled back. Never raises."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _check_place(self) -> None:
        """Refuse to write into a file that nobody will find: SQLite itself does not always tell.

        https://www.sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
        """
        if self.place is not None:
            self.place.check()

    def _patiently(
        self, sql: str, values: tuple[object, ...], *, keep: bool, within: float
    ) -> list[tuple[Any, ...]]:
        give_up = time.monotonic() + within
        for pause in pauses():
            try:
                return self._once(sql, values, keep=keep)
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() >= give_up:
                    raise
            time.sleep(pause)
        raise AssertionError("pauses have no end")

    def _once(self, sql: str, values: tuple[object, ...], *, keep: bool) -> list[tuple[Any, ...]]:
        try:
            cursor = self._connection.execute(sql, values)
            if keep:
                return cursor.fetchall()
            for _ in cursor:
                pass
        except sqlite3.OperationalError as error:
            raised, self._watch.raised = self._watch.raised, None
            if primary_code(error) == sqlite3.SQLITE_INTERRUPT and raised is not None:
                raise raised from None
            raise
        return []


def pauses() -> Iterator[float]:
    """Yield the seconds to wait between tries, without an end."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)


def _pulse(watch: _Watch) -> Generator[int, None, None]:
    """Answer 0 to go on and 1 to interrupt the statement that runs.

    SQLite's C code never lets Python's signal handlers run; calling Python now and then does, and
    what they raise would be lost in the callback. In a generator it is raised at the `yield`.
    """
    while True:
        try:
            late = watch.deadline is not None and time.monotonic() > watch.deadline
            yield 1 if late else 0
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001 -- raised again once SQLite has returned
            watch.raised = error
            yield 1


@contextmanager
def looking(path: Path, *, patience: float) -> Iterator[Session | None]:
    """Open a database for reads alone, in one transaction; None where it is not there.

    Raises ConnectionFailed, DatabaseError.
    """
    if is_missing(path):
        yield None
        return
    session = open_reader(path, patience=patience)
    try:
        with translated(path):
            session.execute("BEGIN")
            yield session
            session.commit()
    finally:
        session.close()


def open_reader(path: Path, *, patience: float) -> Session:
    """Open a database that exists for reads alone.

    SQLite may still finish what a crash left behind, without which nothing can be read.
    """
    # With mode=ro a write-ahead log would leave its files behind, and a crash could not be
    # recovered from: https://www.sqlite.org/wal.html#read_only_databases
    try:
        if not _would_be_left_behind(path):
            return _open_reader(path, "mode=rw", patience)
    except sqlite3.Error as error:
        if not (_refuses_writing(error) and _stands_alone(path)):
            raise explain(error, path) from error
    with translated(path):
        return _open_reader(path, "mode=ro&immutable=1", patience)


def open_writer(
    path: Path,
    *,
    guard: Guard,
    patience: float,
    foreign_keys: bool = True,
    create: bool = False,
) -> Session:
    """Open a database for writing; `create` makes the file where there is none."""
    with translated(path):
        session = _connect(path, "mode=rwc" if create else "mode=rw", guard, patience)
        session.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        session.place = Place.of(path)
        return session


def _open_reader(path: Path, mode: str, patience: float) -> Session:
    session = _connect(path, mode, Guard(frozenset()), patience)
    try:
        session.execute("PRAGMA query_only = ON")
        session.execute("SELECT count(*) FROM main.sqlite_master")
    except sqlite3.Error:
        session.close()
        raise
    return session


def _connect(path: Path, mode: str, guard: Guard, patience: float) -> Session:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        # We poll ourselves: SQLite's own waiting cannot be interrupted.
        timeout=0,
        isolation_level=None,
        # A statement taken from a cache would not be compiled again, and the guard not asked.
        cached_statements=0,
    )
    return Session(connection, guard=guard, patience=patience)


def _refuses_writing(error: BaseException) -> bool:
    return primary_code(error) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def _would_be_left_behind(path: Path) -> bool:
    """Whether this user would leave the files of a write-ahead log that nobody has open.

    Who may not write into the file cannot remove them at the end, and as this user's they would
    keep others from writing.
    """
    may_write = os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    memory = path.with_name(f"{path.name}-shm")
    if may_write or memory.exists() or not _stands_alone(path):
        return False
    try:
        with path.open("rb") as file:
            # Both are 2 with a write-ahead log: https://www.sqlite.org/fileformat2.html
            return file.read(20)[18:] == b"\x02\x02"
    except OSError:
        return False


def _stands_alone(path: Path) -> bool:
    """Whether the file alone is the whole database: no journal beside it holds a part of it."""
    for suffix in ("-wal", "-journal"):
        beside = path.with_name(path.name + suffix)
        try:
            if beside.stat().st_size:
                return False
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def _lenient_text(cell: bytes) -> str:
    return cell.decode(errors="replace")


def refuse_unsupported(path: Path, settings: SessionSettings) -> None:
    """Raise UnsupportedByEngine for what SQLite cannot do."""
    if path.name == ":memory:":
        raise UnsupportedByEngine(
            "a SQLite database in memory is gone when the command ends",
            hint="give the path of a file",
        )
    for setting in ("role", "search_path", "timezone"):
        if getattr(settings, setting) is not None:
            raise UnsupportedByEngine(
                f"SQLite has no {setting}",
                hint=f"put `{setting}` into the [env.NAME] table of the PostgreSQL database that "
                "it is for, so that it does not hold here",
            )
