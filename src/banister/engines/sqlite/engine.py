"""The SQLite adapter of the engine contract."""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from banister.engines.base import Database, HistoryChanged, SessionSettings
from banister.engines.sqlite.apply import Applier
from banister.engines.sqlite.faults import translated
from banister.engines.sqlite.guard import Guard
from banister.engines.sqlite.session import Session, is_missing, open_reader, open_writer
from banister.engines.sqlite.tables import Applied, HistoryTables
from banister.errors import (
    BanisterError,
    ConnectionFailed,
    DatabaseError,
    UnsupportedByEngine,
)
from banister.model import (
    AppliedMigration,
    Dialect,
    Event,
    History,
    HistoryTable,
    LogEntry,
    RunInfo,
    Step,
    Version,
)
from banister.model.records import baseline_entry, edit_entry

__all__ = ["SqliteEngine"]


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteEngine:
    """One SQLite file. Nothing is locked between steps: every transaction takes the write lock."""

    def __init__(
        self,
        path: Path,
        *,
        history: HistoryTable,
        settings: SessionSettings,
        lock_wait: float,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Take the path; nothing is opened yet, and only `prepare` makes a file.

        `lock_wait` is how many seconds every operation waits while other connections are in its
        way. Raises UnsupportedByEngine for what SQLite cannot do.
        """
        _refuse_unsupported(path, settings)
        self._path = path
        self._settings = settings
        self._patience = lock_wait
        self._tables = HistoryTables(history, now=now)
        self._session: Session | None = None
        #: What the session knew to be applied when it last wrote; None: read it.
        self._known: Applied | None = None

    @property
    def database(self) -> Database:
        """What this engine talks to."""
        return Database(
            dialect=Dialect.SQLITE,
            display=str(self._path),
            server=f"SQLite {sqlite3.sqlite_version}",
            server_version=sqlite3.sqlite_version_info,
        )

    def read_history(self, *, stored_downs: bool = False) -> History:
        """Return what the file remembers, from one snapshot; a missing file is an empty history.

        Opens the file for reads alone and closes it again. Raises HistoryError, ConnectionFailed.
        """
        if is_missing(self._path):
            return History(database_is_new=True)
        session = open_reader(self._path, patience=self._patience)
        try:
            with translated(self._path):
                session.execute("BEGIN")
                history = self._tables.read(session, stored_downs=stored_downs)
                session.commit()
            return history
        finally:
            session.close()

    def lock(self, *, wait_seconds: float) -> Generator[Event, None, None]:
        """Hold nothing: BEGIN IMMEDIATE is the lock, taken anew by every step."""
        _ = wait_seconds
        yield from ()

    def unlock(self) -> None:
        """Do nothing: no lock is held between steps."""

    def unfit(self, steps: Sequence[Step] = ()) -> BanisterError | None:  # noqa: ARG002 -- all fit
        """Return why nothing can be written here; see `Engine.unfit`."""
        needed = [self._path.parent]
        try:
            if not is_missing(self._path):
                needed.append(self._path)
        except ConnectionFailed as error:
            return error
        for place in needed:
            if not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
                return DatabaseError(
                    f"{place} cannot be written by this user",
                    code="read_only",
                    state="nothing was run",
                    hint="the file and its folder, where SQLite keeps its journal, must both be "
                    "writable for this user",
                )
        return None

    def prepare(self) -> None:
        """Make the file and the history tables, or add our columns to another runner's."""
        missing = is_missing(self._path)
        with self._writing(create=missing) as session:
            self._tables.prepare(session)

    def apply(
        self,
        step: Step,
        run: RunInfo,
        *,
        expected: frozenset[Version],
        seed: bool | None = None,
        attempt: int = 1,  # noqa: ARG002 -- what is busy is waited for inside
    ) -> Generator[Event, None, AppliedMigration | None]:
        """Carry out a step and record it; see `Engine.apply`."""
        with self._session_for(step) as session:
            applier = Applier(
                session=session,
                tables=self._tables,
                path=self._path,
                run=run,
                step=step,
                expected=expected,
                seed=seed,
                statement_timeout=self._settings.statement_timeout,
                known=self._known,
            )
            row, self._known = yield from applier.apply()
        return row

    def record(self, entries: Sequence[LogEntry], run: RunInfo) -> None:
        """Add events to the log, in one transaction of their own."""
        with self._writing() as session:
            self._tables.prepare(session)
            self._tables.log(session, entries, run)

    def stamp(self, rows: Sequence[AppliedMigration], run: RunInfo) -> None:
        """Record migrations as applied without running them, in one transaction.

        Raises HistoryChanged when one of them has been recorded meanwhile.
        """
        with self._writing() as session:
            applied = self._tables.applied(session)
            for row in rows:
                if row.version.number in applied.versions:
                    raise HistoryChanged
                _, applied = self._tables.add(session, row, run, applied)
                self._tables.log(session, [baseline_entry(row)], run)

    def accept_edit(self, row: AppliedMigration, run: RunInfo, *, replaced: str | None) -> None:
        """Replace a row's name, checksums and kept down text, with its EDIT_ACCEPTED event.

        Raises HistoryChanged when the row is not there any more.
        """
        with self._writing() as session:
            applied = self._tables.applied(session)
            if row.version.number not in applied.versions:
                raise HistoryChanged
            self._tables.accept(session, row, applied)
            self._tables.log(session, [edit_entry(row, replaced)], run)

    def reconnect(self) -> None:
        """Do nothing: a file is opened whenever it is needed."""

    def close(self) -> None:
        """Close the connection. Never raises."""
        session, self._session, self._known = self._session, None, None
        if session is not None:
            session.close()

    @contextmanager
    def _writing(self, *, create: bool = False) -> Iterator[Session]:
        """Run one transaction of our own; translate the driver's errors."""
        session = self._kept_session(create=create)
        try:
            with translated(self._path):
                session.begin()
                yield session
                session.commit()
            self._known = None
        except BaseException:
            session.roll_back()
            self.close()
            raise

    @contextmanager
    def _session_for(self, step: Step) -> Iterator[Session]:
        """Give a step a session that no file before it has changed, and let none behind it.

        A new connection for every step would read the whole schema again every time; so it is
        kept as long as no statement touched what a session remembers.
        """
        foreign_keys = step.script.directives.foreign_keys is not False
        if not foreign_keys:
            # Inside a transaction this PRAGMA does nothing, so the connection is made with it:
            # https://www.sqlite.org/pragma.html#pragma_foreign_keys
            self.close()
        session = self._kept_session(foreign_keys=foreign_keys)
        bound = step.script.directives.lock_timeout
        session.patience = self._patience if bound is None else bound
        finished = False
        try:
            yield session
            finished = True
        finally:
            session.patience = self._patience
            if not finished or not foreign_keys or session.guard.session_changed:
                self.close()

    def _kept_session(self, *, create: bool = False, foreign_keys: bool = True) -> Session:
        if self._session is None:
            if not create and is_missing(self._path):
                raise ConnectionFailed(
                    f"there is no file {self._path} any more",
                    hint="find out what removed it; the next `banister up` makes a new one",
                )
            self._session = open_writer(
                self._path,
                guard=Guard(self._tables.names),
                patience=self._patience,
                foreign_keys=foreign_keys,
                create=create,
            )
        return self._session


def _refuse_unsupported(path: Path, settings: SessionSettings) -> None:
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
