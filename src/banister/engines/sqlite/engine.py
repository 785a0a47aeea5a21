"""The SQLite adapter of the engine contract."""

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from banister.engines.base import Committed, Database, HistoryChanged, SessionSettings
from banister.engines.sqlite.apply import Applier
from banister.engines.sqlite.catalog import empty_catalog, read_catalog
from banister.engines.sqlite.faults import holder, locked, translated
from banister.engines.sqlite.fill import fill_tables
from banister.engines.sqlite.guard import Guard
from banister.engines.sqlite.outline import read_surroundings, schema_text
from banister.engines.sqlite.reaching import is_missing, unfit
from banister.engines.sqlite.rows import read_contents
from banister.engines.sqlite.saving import row_saver
from banister.engines.sqlite.session import (
    Place,
    Session,
    looking,
    open_writer,
    pauses,
    refuse_unsupported,
)
from banister.engines.sqlite.tables import Applied, HistoryTables
from banister.engines.sqlite.tracing import Tracer
from banister.errors import (
    BanisterError,
    ConnectionFailed,
    LockTimeout,
)
from banister.model import (
    AppliedMigration,
    Contents,
    Dialect,
    Event,
    History,
    HistoryTable,
    LogEntry,
    LogEvent,
    RunInfo,
    Step,
    Surroundings,
    Unfilled,
    Version,
    WaitingForLock,
)
from banister.model.records import baseline_entry, edit_entry
from banister.snapshot import Snapshot

__all__ = ["SqliteEngine"]

#: The lock timeout rises by this factor an attempt, up to this many seconds.
_RISE = 1.5
_RISES_TO = 5.0

#: Pause after a transaction of ours that readers kept from its end, so that they get on. Seconds.
_BETWEEN_WRITES = 0.5

#: How long the record of a failure, or a fingerprint, may wait for others. Seconds.
_LOG_WITHIN = 5.0

#: Two runs that take turns do not tell of every moment that they wait. Seconds.
_TELL_AFTER = 0.5


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
        confined: bool = False,
        traced: bool = False,
    ) -> None:
        """Take the path; nothing is opened yet, and only `prepare` makes a file.

        `lock_wait` is how many seconds every operation waits while other connections are in its
        way. `confined`: statements that work on other files are refused. `traced`: `apply` tells
        what each statement does. Raises UnsupportedByEngine for what SQLite cannot do.
        """
        refuse_unsupported(path, settings)
        self._path = path
        self._settings = settings
        self._patience = lock_wait
        self._tables = HistoryTables(history, now=now)
        self._confined = confined
        names = self._tables.names
        self._tracer = Tracer(self._tables.queries, left_out=names) if traced else None
        self._session: Session | None = None
        #: The file that this run writes into, once it has been opened.
        self._place: Place | None = None
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
        with looking(self._path, patience=self._patience) as session:
            if session is None:
                return History(database_is_new=True)
            return self._tables.read(session, stored_downs=stored_downs)

    def snapshot(
        self,
        *,
        own: bool = False,  # noqa: ARG002 -- nothing has an owner
        within: float | None = None,
    ) -> Snapshot:
        """Return the schema, by reads alone; see `Engine.snapshot`."""
        patience = min(self._patience, within or self._patience)
        with looking(self._path, patience=patience) as session:
            if session is None:
                return empty_catalog()
            return read_catalog(session, self._tables.queries, left_out=self._tables.names)

    def surroundings(self) -> Surroundings:
        """Return how large the tables are, by reads alone; see `Engine.surroundings`."""
        with looking(self._path, patience=self._patience) as session:
            if session is None:
                return Surroundings()
            return read_surroundings(session, self._tables.queries, left_out=self._tables.names)

    def dump_schema(self, *, for_major: int, with_owners: bool = True) -> str:  # noqa: ARG002
        """Return what makes the schema, by reads alone; see `Engine.dump_schema`."""
        with looking(self._path, patience=self._patience) as session:
            if session is None:
                return ""
            return schema_text(session, self._tables.queries, left_out=self._tables.names)

    def contents(self, *, limit: int = 200) -> Contents:
        """Return the rows of every table, by reads alone; see `Engine.contents`."""
        with looking(self._path, patience=self._patience) as session:
            if session is None:
                return Contents()
            return read_contents(
                session, self._tables.queries, left_out=self._tables.names, limit=limit
            )

    def fill(self, wanted: frozenset[str] | None = None) -> tuple[Unfilled, ...]:
        """Put generated rows into tables; see `Engine.fill`."""
        found: list[Unfilled] = []

        def work(session: Session) -> bool:
            found[:] = fill_tables(
                session, self._tables.queries, wanted, left_out=self._tables.names
            )
            return True

        self._write(work)
        return tuple(found)

    def lock(self, *, wait_seconds: float) -> Generator[Event, None, None]:
        """Wait for whoever writes; nothing is held: BEGIN IMMEDIATE is the lock of every step."""
        if is_missing(self._path):
            return
        try:
            yield from self._turn(self._kept_session(), wait_seconds)
        except LockTimeout as error:
            error.state = "nothing was run"
            raise

    def unlock(self) -> None:
        """Do nothing: no lock is held between steps."""

    def unfit(self, steps: Sequence[Step] = ()) -> BanisterError | None:  # noqa: ARG002 -- all fit
        """Return why nothing can be written here; see `Engine.unfit`."""
        return unfit(self._path)

    def prepare(self) -> None:
        """Make the file and the history tables, or add our columns to another runner's."""
        missing = is_missing(self._path)
        self._write(self._tables.prepare, create=missing)

    def apply(
        self,
        step: Step,
        run: RunInfo,
        *,
        expected: frozenset[Version],
        seed: bool | None = None,
        attempt: int = 1,
    ) -> Generator[Event, None, AppliedMigration | None]:
        """Carry out a step and record it; see `Engine.apply`."""
        with self._session_for(step, attempt) as session:
            yield from self._turn(session, session.patience)
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
                tracer=self._tracer,
                saver=row_saver(step, run, session, self._tables, self._settings.backup_dir),
            )
            row, self._known = yield from applier.apply()
        return row

    def apply_together(
        self,
        steps: Sequence[Step],  # noqa: ARG002 -- the contract
        run: RunInfo,  # noqa: ARG002 -- the contract
    ) -> Generator[Event | Committed, None, None]:
        """Leave each step to `apply`: there is no way to the database that could be shared."""
        yield from ()

    def record(self, entries: Sequence[LogEntry], run: RunInfo) -> None:
        """Add events to the log, in one transaction of their own."""

        def work(session: Session) -> bool:
            made = self._tables.prepare(session)
            news = self._tables.news(session, entries)
            self._tables.log(session, news, run)
            return made or bool(news)

        # A failure is told at once, also where others keep it from being written down; and for a
        # fingerprint nobody should have to wait.
        brief = all(entry.event in {LogEvent.FAILED, LogEvent.SNAPSHOT} for entry in entries)
        self._write(work, within=min(self._patience, _LOG_WITHIN) if brief else None)

    def stamp(self, rows: Sequence[AppliedMigration], run: RunInfo) -> None:
        """Record migrations as applied without running them, in one transaction.

        Raises HistoryChanged when one of them has been recorded meanwhile.
        """

        def work(session: Session) -> bool:
            applied = self._tables.applied(session)
            for row in rows:
                if row.version.number in applied.versions:
                    raise HistoryChanged
                _, applied = self._tables.add(session, row, run, applied)
                self._tables.log(session, [baseline_entry(row)], run)
            return bool(rows)

        self._write(work)

    def accept_edit(self, row: AppliedMigration, run: RunInfo, *, replaced: str | None) -> None:
        """Replace a row's name, checksums and kept down text, with its EDIT_ACCEPTED event.

        Raises HistoryChanged when the row is not there any more.
        """

        def work(session: Session) -> bool:
            applied = self._tables.applied(session)
            if row.version.number not in applied.versions:
                raise HistoryChanged
            self._tables.accept(session, row, applied)
            self._tables.log(session, [edit_entry(row, replaced)], run)
            return True

        self._write(work)

    def reconnect(self) -> None:
        """Do nothing: a file is opened whenever it is needed."""

    def close(self) -> None:
        """Close the connection. Never raises."""
        session, self._session, self._known = self._session, None, None
        if session is not None:
            session.close()

    def _write(
        self, work: Callable[[Session], bool], *, create: bool = False, within: float | None = None
    ) -> None:
        """Run one transaction of our own; again, after a pause, where readers do not let it end.

        `work` returns whether it has written: a COMMIT waits for readers also where nothing was.
        """
        within = self._patience if within is None else within
        give_up = time.monotonic() + within
        while True:
            session = self._kept_session(create=create)
            session.patience = within
            try:
                with translated(self._path):
                    session.begin()
                    if work(session):
                        session.commit()
                    else:
                        session.roll_back()
            except LockTimeout:
                self._abandon(session)
                if time.monotonic() >= give_up:
                    raise
            except BaseException:
                self._abandon(session)
                raise
            else:
                self._known = None
                session.patience = self._patience
                return
            time.sleep(_BETWEEN_WRITES)

    def _abandon(self, session: Session) -> None:
        session.roll_back()
        self.close()

    def _turn(self, session: Session, within: float) -> Generator[Event, None, None]:
        """Wait until the file can be written, at most so many seconds, and say who is in the way.

        Nothing is held afterwards. Raises LockTimeout.
        """
        started = time.monotonic()
        told: str | None = None
        for pause in pauses():
            with translated(self._path):
                if session.could_begin():
                    return
            waited = time.monotonic() - started
            if waited >= within:
                raise locked(self._path)
            if waited >= _TELL_AFTER and (holding := holder(self._path)) != told:
                told = holding
                yield WaitingForLock(holder=holding, waited_seconds=waited)
            time.sleep(pause)

    @contextmanager
    def _session_for(self, step: Step, attempt: int) -> Iterator[Session]:
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
        base = self._settings.lock_timeout
        rising = max(base, min(base * _RISE ** (attempt - 1), _RISES_TO))
        session.lock_timeout = rising if bound is None else bound
        finished = False
        try:
            yield session
            finished = True
        finally:
            session.patience = self._patience
            session.lock_timeout = base
            if not finished or not foreign_keys or session.guard.session_changed:
                self.close()

    def _kept_session(self, *, create: bool = False, foreign_keys: bool = True) -> Session:
        if self._session is None:
            if self._place is not None:
                self._place.check()
            if not create and is_missing(self._path):
                raise ConnectionFailed(
                    f"there is no file {self._path} any more",
                    hint="find out what removed it; the next `banister up` makes a new one",
                )
            self._session = open_writer(
                self._path,
                guard=Guard(self._tables.names, confined=self._confined),
                patience=self._patience,
                foreign_keys=foreign_keys,
                create=create,
            )
            self._session.lock_timeout = self._settings.lock_timeout
            self._place = self._session.place
        return self._session
