"""The ground a step runs on: its session, its transactions, its log, and what may end it."""

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import PurePath

import psycopg
from psycopg.pq import TransactionStatus

from banister.engines.base import HistoryChanged, SessionSettings, TryAgain
from banister.engines.postgres.faults import failed_at_end, first_line
from banister.engines.postgres.history import HistoryStore, Identity
from banister.engines.postgres.interrupts import usable
from banister.engines.postgres.lock import signed
from banister.engines.postgres.observer import Observer
from banister.engines.postgres.saving import Saver
from banister.engines.postgres.session import LOCAL_TIMES, Connection, Session
from banister.engines.postgres.statements import Batch, batches, send
from banister.engines.postgres.tracing import Tracer
from banister.engines.postgres.watched import Damage, OneStatement, watched
from banister.errors import Failure, Location, LockTimeout, MigrationFailed, OutcomeUnknown
from banister.failpoints import FailPoint, fail_point
from banister.model import (
    AppliedMigration,
    Dialect,
    Direction,
    Event,
    LogEntry,
    LogEvent,
    RunInfo,
    ServerNotice,
    Statement,
    StatementDone,
    Step,
    TransactionMode,
    Version,
    WaitingForLock,
)
from banister.model.backup import SavedRows
from banister.model.passwords import hide_passwords
from banister.model.records import applied_row, end_entry, seed_entry, statement_entry
from banister.script import checksum, traits

__all__ = ["Stage"]

#: SQLSTATE → why the whole step may be tried again: others stood in its way, and it left nothing.
_PASSING = {
    "55P03": "a lock was not free in time",
    "40P01": "it was the victim of a deadlock",
    "40001": "it could not be serialized with other transactions",
}

#: So many statements of a step are looked at one by one, whatever they are.
_LOOKED_AT = 100
_WRITES_ROWS = frozenset({("INSERT",), ("UPDATE",), ("DELETE",), ("COPY",)})

#: Pause between two looks at the runner lock, in seconds; spread so that runners do not march.
_POLL_SECONDS = (0.2, 0.5)

#: The lock timeout rises by this factor an attempt, up to this many seconds.
_RISE = 1.5
_RISES_TO = 5.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step over one session that holds the runner lock."""

    step: Step
    session: Session
    observer: Observer
    store: HistoryStore
    identity: Identity
    #: Named queries of queries.sql and recovery.sql.
    queries: Mapping[str, str]
    #: High and low half of the runner lock's key.
    key: tuple[int, int]
    settings: SessionSettings
    run: RunInfo
    not_before: datetime | None
    #: A decision about seeds to record with the step.
    seed: bool | None = None
    #: The versions that the plan takes as applied.
    expected: frozenset[Version] = frozenset()
    #: Seconds to wait for another run, where the lock is taken by each transaction.
    lock_wait: float = 0.0
    #: From 1: each further one waits longer for locks.
    attempt: int = 1
    #: Looks on at each statement, where that is wanted.
    tracer: Tracer | None = None
    #: Saves rows before they are taken away, where that is wanted.
    saver: Saver | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield the step's statements as they are sent.

        Each alone where they are looked at, but for those that follow many and only write rows.
        """
        for batch in batches(self.step):
            saver = self.saver
            loses = saver is not None and (
                not saver.looks or any(saver.concerns(n) for n, _ in batch)
            )
            if not loses and (self.tracer is None or _only_rows(batch)):
                yield batch
            else:
                yield from ([each] for each in batch)

    def send(
        self, batch: Batch, *, alone: bool = False, meanwhile: Callable[[], None] | None = None
    ) -> Generator[Event, None, None]:
        """Run the statements of a batch; see `watched`. `alone`: in no transaction of ours."""
        number, statement = batch[0]
        call = partial(send, self.session.connection, self.step, batch)
        if self.saver is not None:
            self.saver.look(number, statement)
        if self.saver is not None and self.saver.concerns(number):
            yield from self._saved(number, partial(self.saver.before, number, statement))
            yield from self.watched(number, call)
            yield from self._saved(number, partial(self.saver.after, number, statement))
            return
        if self.tracer is None:
            yield from self.watched(number, call, meanwhile)
            return
        run = partial(self.watched, number, call)
        yield from self.tracer.around(self.step, batch, run, alone=alone)

    def _saved(
        self, number: int, save: Callable[[], list[SavedRows]]
    ) -> Generator[Event, None, None]:
        """Save rows as statements are run: others are waited for under the same bounds."""
        saved: list[SavedRows] = []
        yield from self.watched(number, lambda: saved.extend(save()))
        yield from saved

    def reset(self) -> None:
        """Bring the session to the state every file starts from."""
        timeout = self.step.script.directives.lock_timeout
        if timeout is None:
            base = self.settings.lock_timeout
            timeout = max(base, min(base * _RISE ** (self.attempt - 1), _RISES_TO))
        # What was said while the tables were made is not about this step.
        self.session.drop_notices()
        try:
            self.session.reset(
                self.settings,
                lock_timeout=timeout,
                orphans=self.step.mode is TransactionMode.STATEMENTS,
            )
            if self.tracer is not None:
                self.tracer.start()
        except psycopg.Error as error:
            raise failed_at_end(self.step, error, "preparing the session") from error

    def watched(
        self, number: int, call: Callable[[], None], meanwhile: Callable[[], None] | None = None
    ) -> Generator[Event, None, None]:
        """Run `call`, about statement `number`; TryAgain where others stood in its way."""
        damage = Damage()
        try:
            about = OneStatement(step=self.step, number=number)
            connection, observer = self.session.connection, self.observer
            yield from watched(connection, observer, about, damage, call, meanwhile=meanwhile)
        except MigrationFailed as error:
            passing = self.passing(error, damage)
            if passing is error:
                raise
            raise passing from error

    def passing(self, failed: MigrationFailed, damage: Damage) -> MigrationFailed | TryAgain:
        """Return what is to be raised: TryAgain where others stood in its way."""
        if damage.tripped:
            return TryAgain("too many sessions queued behind it", failed)
        if failed.failure.sqlstate in _PASSING:
            return TryAgain(_PASSING[failed.failure.sqlstate], failed)
        return failed

    def log(self, *entries: LogEntry) -> None:
        """Add events inside the open transaction."""
        self._become_ourselves(self.session.connection)
        self.store.log(self.session.connection, entries, self.run)

    def event(self, event: LogEvent, number: int, statement: Statement) -> LogEntry:
        """Return an event about statement `number`."""
        return statement_entry(self.step, event, number, checksum(statement.text))

    def record(self, connection: Connection, started: float) -> AppliedMigration | None:
        """Write or remove the step's row and log it, inside its transaction."""
        if self.saver is not None and self.saver.looks:
            self.saver.check_nothing_else_went()
        self._become_ourselves(connection)
        duration = round((time.monotonic() - started) * 1000)
        entries = [*self.saver.entries] if self.saver is not None else []
        entries.append(end_entry(self.step, duration))
        if self.seed is not None:
            entries.append(seed_entry(seed=self.seed))
        if self.step.direction is Direction.UP:
            return self._insert(connection, duration, entries)
        if self.store.delete(connection, self.step.version) != 1:
            raise HistoryChanged
        self.store.log(connection, entries, self.run)
        return None

    def _insert(
        self, connection: Connection, duration: int, entries: Sequence[LogEntry]
    ) -> AppliedMigration:
        row = applied_row(self.step, duration)
        try:
            # One round trip for both.
            with connection.pipeline():
                inserted = self.store.insert(
                    connection, row, self.run, self.identity, not_before=self.not_before
                )
                self.store.log(connection, entries, self.run)
        except psycopg.errors.UniqueViolation:
            raise HistoryChanged from None
        return replace(row, applied_at=inserted(), down_text=None)

    def done(self, number: int) -> StatementDone:
        """Return the event that says so of statement `number`."""
        return StatementDone(step=self.step, number=number, total=len(self.step.statements))

    def said(self) -> Iterator[ServerNotice]:
        """Yield what the server said since the last call."""
        for notice in self.session.take_notices():
            said = hide_passwords(notice.message)
            yield ServerNotice(step=self.step, severity=notice.severity, message=said)

    def _become_ourselves(self, connection: Connection) -> None:
        """Make sure that what we write next is written by us, where the run began, under the lock.

        SET LOCAL, so that a role the file chose holds again after the transaction.
        """
        high, low = self.key
        try:
            with connection.pipeline():
                self.session.be_ourselves(LOCAL_TIMES)
                ours = self.store.still_ours(connection, self.identity, high=high, low=low)
            locked, same, untouched = ours()
        except psycopg.Error as error:
            raise failed_at_end(self.step, error, "recording it") from error
        if not same:
            raise self.refusal(
                f"it drops, renames or replaces the history table {self.store.table} or its log",
                "take that statement out; to keep the history elsewhere set `history_schema` "
                "and `history_table`",
            )
        if not untouched:
            raise self.refusal(
                f"it writes to the history table {self.store.table} or its log, or alters them",
                "take that statement out: Banister alone writes there; to keep the history "
                "elsewhere set `history_schema` and `history_table`",
            )
        if not locked:
            raise self.refusal(
                "it gave up the lock that keeps other runs out",
                "take pg_advisory_unlock_all() out of the file",
            )

    def refusal(self, why: str, hint: str) -> MigrationFailed:
        """Return the error for something that a file must not do."""
        path = self.step.script.source.path
        return MigrationFailed(
            f"migration {PurePath(path).name} failed: {why}",
            version=self.step.version.text,
            failure=Failure(message=why),
            location=Location(path=path, note=str(self.step.direction)),
            hint=hint,
        )

    def take_turn(self, options: str) -> Generator[Event, None, bool]:
        """Behind a pooler: begin a transaction that holds the runner lock; return whether begun.

        Polled, as the session lock is. Raises HistoryChanged when the applied versions are not the
        expected ones any more, with nothing begun.
        """
        if not self.session.pooled:
            return False
        started = time.monotonic()
        told = False
        while True:
            with self._rolled_back_on_error():
                self.session.begin(options)
                pid, taken = self._try_xact_lock()
                if taken and self.store.versions(self.session.connection) != self.expected:
                    raise HistoryChanged
            if taken:
                self.observer.pid = pid
                return True
            self._roll_back(self.session.connection)
            waited = time.monotonic() - started
            if waited > self.lock_wait:
                raise LockTimeout(
                    "another run holds the lock",
                    hint="run again when it is done; `lock_wait` in the settings says how long "
                    "to wait",
                )
            if not told:
                told = True
                yield WaitingForLock(holder="another run", waited_seconds=waited)
            time.sleep(random.uniform(*_POLL_SECONDS))  # noqa: S311 -- jitter, not a secret

    @contextmanager
    def _rolled_back_on_error(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            self._roll_back(self.session.connection)
            raise failed_at_end(self.step, error, "taking the lock") from error
        except BaseException:
            self._roll_back(self.session.connection)
            raise

    def _try_xact_lock(self) -> tuple[int, bool]:
        query = self.queries["try_xact_lock"].encode()
        row = self.session.connection.execute(query, {"key": signed(*self.key)}).fetchone()
        return (row[0], row[1]) if row else (0, False)

    @contextmanager
    def transaction(self, *, options: str = "", begun: bool = False) -> Iterator[Connection]:
        """BEGIN … COMMIT; rolled back on any exception, also when the run is interrupted.

        `begun`: `take_turn` has begun it.
        """
        connection = self.session.connection
        try:
            if not begun:
                self.session.begin(options)
            if self.tracer is not None:
                self.tracer.begun()
            yield connection
            self.session.leave_nothing_behind()
        except psycopg.Error as error:
            self._undo(connection)
            raise self.ended(error, "recording it") from error
        except BaseException:
            self._undo(connection)
            raise
        fail_point(FailPoint.BEFORE_COMMIT, connection.fileno)
        try:
            ended = connection.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            if connection.closed:
                raise self._unknown(error) from error
            self._undo(connection)
            raise self.ended(error, "COMMIT") from error
        if ended != "COMMIT":
            raise self.refusal(
                "the server rolled it back", "look for statements that end the transaction"
            )
        fail_point(FailPoint.AFTER_COMMIT, connection.fileno)

    def end(self) -> None:
        """Roll back what is open; where even that fails, the connection is closed."""
        self._roll_back(self.session.connection)

    def _undo(self, connection: Connection) -> None:
        """Roll back, and remove what was saved: the rows are where they were."""
        self._roll_back(connection)
        if self.saver is not None:
            self.saver.undo()

    def ended(self, error: psycopg.Error, what: str) -> Exception:
        """Return what is to be raised for a transaction that was rolled back in `what`."""
        failed = failed_at_end(self.step, error, what)
        if error.sqlstate in _PASSING:
            return TryAgain(_PASSING[error.sqlstate], failed)
        return failed

    def _unknown(self, error: psycopg.Error) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"the connection was lost while {self.step.label} ({self.step.direction}) was being "
            f"committed: {first_line(error)}",
            location=Location(path=self.step.script.source.path),
            state="it is either applied whole, with its record, or not at all",
            hint="run `banister status`: the history table tells which",
        )

    @staticmethod
    def _roll_back(connection: Connection) -> None:
        """End the transaction; where even that fails, the connection is closed, which ends it."""
        try:
            if not usable(connection):
                return
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            connection.close()


def _only_rows(batch: Batch) -> bool:
    """Whether these come late in a file and only write rows: there may be millions of them."""
    return batch[0][0] > _LOOKED_AT and all(
        traits(statement, Dialect.POSTGRESQL).words[:1] in _WRITES_ROWS for _, statement in batch
    )
