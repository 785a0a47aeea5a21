"""Carrying out one step on PostgreSQL: its statements, its row and its event, together."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import PurePath

import psycopg

from banister.engines.base import HistoryChanged, SessionSettings, TryAgain
from banister.engines.postgres.faults import failed_at_end, failed_in_statement, first_line
from banister.engines.postgres.history import HistoryStore, Identity
from banister.engines.postgres.observer import Observer
from banister.engines.postgres.recovery import BuildInProgress, Recovery
from banister.engines.postgres.session import LOCAL_ZONE, Connection, Session
from banister.engines.postgres.statements import batches, send
from banister.engines.postgres.watched import Damage, watched
from banister.errors import BanisterError, Failure, Location, MigrationFailed, OutcomeUnknown
from banister.model import (
    AppliedMigration,
    Dialect,
    Direction,
    Event,
    LogEntry,
    LogEvent,
    Recovered,
    RunInfo,
    ServerNotice,
    Statement,
    StatementDone,
    Step,
    TransactionMode,
    WaitingForLock,
)
from banister.script import checksum, traits

__all__ = ["Applier"]

#: SQLSTATE → why the whole step may be tried again: others stood in its way, and it left nothing.
_PASSING = {
    "55P03": "a lock was not free in time",
    "40P01": "it was the victim of a deadlock",
    "40001": "it could not be serialized with other transactions",
}

#: Seconds between two looks at a table's lock.
_TABLE_POLL_SECONDS = 0.5

#: The lock timeout rises by this factor an attempt, up to this many seconds.
_RISE = 1.5
_RISES_TO = 5.0

#: A statement that waits for other sessions by design must not give up quickly: when it does, it
#: leaves an INVALID index behind. Seconds.
_PATIENT_LOCK_TIMEOUT = 600.0


@dataclass(frozen=True, kw_only=True)
class Applier:
    """Carries out steps for one run over one session that holds the runner lock."""

    session: Session
    observer: Observer
    store: HistoryStore
    identity: Identity
    #: Named queries of recovery.sql.
    recovery_queries: Mapping[str, str]
    #: High and low half of the runner lock's key.
    key: tuple[int, int]
    settings: SessionSettings
    run: RunInfo
    not_before: datetime | None
    #: A decision about seeds to record with the step.
    seed: bool | None = None
    #: From 1: each further one waits longer for locks.
    attempt: int = 1

    def apply(self, step: Step) -> Generator[Event, None, AppliedMigration | None]:
        """Carry out a step; see `Engine.apply`."""
        run = self._whole if step.mode is TransactionMode.WHOLE else self._statements
        try:
            return (yield from run(step))
        except BanisterError:
            # What the server said before a failure often explains it.
            yield from self._said(step)
            raise

    def _whole(self, step: Step) -> Generator[Event, None, AppliedMigration | None]:
        started = time.monotonic()
        self._reset(step)
        with self._transaction(step, options=step.begin_options) as connection:
            for batch in batches(step, range(1, len(step.statements) + 1)):
                yield from self._watched(step, batch[0], partial(send, connection, step, batch))
                yield from self._said(step)
                for number in batch:
                    yield StatementDone(step=step, number=number, total=len(step.statements))
            row = self._record(connection, step, started)
        yield from self._said(step)
        return row

    def _statements(self, step: Step) -> Generator[Event, None, AppliedMigration | None]:
        started = time.monotonic()
        self._reset(step)
        first = step.done + 1
        if step.in_question is not None:
            first = yield from self._look_up(step)
        self._set_again(step, first)
        if step.done == 0 and step.in_question is None:
            begun = LogEntry(
                event=LogEvent.STARTED,
                version=step.version,
                name=step.name,
                direction=step.direction,
                checksum=step.script.checksum,
            )
            with self._transaction(step):
                self._log(step, begun)
        for number in range(first, len(step.statements) + 1):
            known = traits(step.statements[number - 1], Dialect.POSTGRESQL)
            if known.refuses_transaction or known.may_commit:
                yield from self._alone(step, number)
            else:
                yield from self._with_its_record(step, number)
            yield from self._said(step)
            yield StatementDone(step=step, number=number, total=len(step.statements))
        with self._transaction(step) as connection:
            return self._record(connection, step, started)

    def _alone(self, step: Step, number: int) -> Generator[Event, None, None]:
        """Run what cannot share a transaction with its record, between two events."""
        statement = step.statements[number - 1]
        with self._catalog(step, number) as recovery:
            table = recovery.table_of(statement)
        if table is None:
            yield from self._between_events(step, number)
            return
        yield from self._lock_table(step, number, table)
        try:
            yield from self._between_events(step, number)
        finally:
            with suppress(psycopg.Error):
                recovery.unlock_table(table)

    def _between_events(self, step: Step, number: int) -> Generator[Event, None, None]:
        statement = step.statements[number - 1]
        connection = self.session.connection
        with self._catalog(step, number) as recovery:
            cleared = recovery.clear_the_way(statement)
            memory = recovery.remember(statement)
        if cleared is not None:
            yield from self._recovered(step, number, cleared)
        event = replace(
            self._event(step, LogEvent.STATEMENT_STARTED, number),
            detail=json.dumps(memory | {"statement": statement.text}),
        )
        with self._transaction(step):
            self._log(step, event)
        yield from self._watched(step, number, partial(send, connection, step, [number]))
        with self._transaction(step):
            self._log(step, self._event(step, LogEvent.STATEMENT_DONE, number))

    def _with_its_record(self, step: Step, number: int) -> Generator[Event, None, None]:
        """Run a statement and record it in one transaction."""
        with self._transaction(step) as connection:
            yield from self._watched(step, number, partial(send, connection, step, [number]))
            self._log(step, self._event(step, LogEvent.STATEMENT_DONE, number))

    def _lock_table(self, step: Step, number: int, table: int) -> Generator[Event, None, None]:
        """Wait until nobody else of us builds on that table: two would end in a deadlock."""
        told = False
        while True:
            with self._catalog(step, number) as recovery:
                holder = recovery.lock_table(table)
            if holder is None:
                return
            if not told:
                told = True
                yield WaitingForLock(holder=holder, waited_seconds=0.0)
            time.sleep(_TABLE_POLL_SECONDS)

    def _look_up(self, step: Step) -> Generator[Event, None, int]:
        """Find out how the statement in question ended; return the number of the next to run."""
        number = step.done + 1
        memory = json.loads(step.in_question or "{}")
        was = Statement(text=memory.get("statement", ""), start=0, line=1, column=1)
        statement = was if was.text else step.statements[number - 1]
        with self._catalog(step, number) as recovery:
            verdict = recovery.judge(statement, memory)
        same = checksum(statement.text) == checksum(step.statements[number - 1].text)
        if verdict.done and not same:
            raise self._refusal(
                step,
                f"statement {number} took effect in an earlier run, and was edited since",
                "undo the edit of that statement",
            )
        decided = replace(
            self._event(step, LogEvent.DECIDED, number), detail="done" if verdict.done else "retry"
        )
        yield from self._recovered(step, number, verdict.message, decided)
        return number + 1 if verdict.done else number

    def _recovered(
        self, step: Step, number: int, message: str, *more: LogEntry
    ) -> Generator[Event, None, None]:
        entry = replace(self._event(step, LogEvent.RECOVERED, number), detail=message)
        with self._transaction(step):
            self._log(step, entry, *more)
        yield Recovered(step=step, number=number, message=message)

    def _set_again(self, step: Step, first: int) -> None:
        """Set what the finished statements had set for their session, which is gone."""
        for number in range(1, first):
            if traits(step.statements[number - 1], Dialect.POSTGRESQL).session_settings:
                send(self.session.connection, step, [number])

    @contextmanager
    def _catalog(self, step: Step, number: int) -> Iterator[Recovery]:
        """Ask the catalog; what goes wrong there is told at the statement it is asked about."""
        try:
            yield Recovery(connection=self.session.connection, queries=self.recovery_queries)
        except BuildInProgress as error:
            raise self._refusal(
                step,
                f"index {error} is being built by another session now",
                "wait until it is done, then run the same command again",
            ) from error
        except psycopg.Error as error:
            raise failed_in_statement(step, number, error) from error

    def _watched(
        self, step: Step, number: int, call: Callable[[], None]
    ) -> Generator[Event, None, None]:
        damage = Damage()
        try:
            yield from watched(self.session.connection, self.observer, step, number, damage, call)
        except MigrationFailed as error:
            if damage.tripped:
                raise TryAgain("too many sessions queued behind it", error) from error
            if error.failure.sqlstate in _PASSING:
                raise TryAgain(_PASSING[error.failure.sqlstate], error) from error
            raise

    def _log(self, step: Step, *entries: LogEntry) -> None:
        """Add events inside the open transaction."""
        self._become_ourselves(self.session.connection, step)
        self.store.log(self.session.connection, entries, self.run)

    def _event(self, step: Step, event: LogEvent, number: int) -> LogEntry:
        return LogEntry(
            event=event,
            version=step.version,
            name=step.name,
            direction=step.direction,
            statement=number,
            checksum=checksum(step.statements[number - 1].text),
        )

    def _record(
        self, connection: Connection, step: Step, started: float
    ) -> AppliedMigration | None:
        """Write or remove the step's row and log it, inside its transaction."""
        self._become_ourselves(connection, step)
        duration = round((time.monotonic() - started) * 1000)
        up = step.direction is Direction.UP
        entries = [
            LogEntry(
                event=LogEvent.APPLIED if up else LogEvent.ROLLED_BACK,
                version=step.version,
                name=step.name,
                direction=step.direction,
                checksum=step.script.checksum,
                duration_ms=duration,
            )
        ]
        if self.seed is not None:
            entries.append(LogEntry(event=LogEvent.SEEDED, detail="yes" if self.seed else "no"))
        row = None
        if up:
            row = self._insert(connection, step, duration)
        elif self.store.delete(connection, step.version) != 1:
            raise HistoryChanged
        self.store.log(connection, entries, self.run)
        return row

    def _insert(self, connection: Connection, step: Step, duration: int) -> AppliedMigration:
        row = AppliedMigration(
            version=step.version,
            name=step.name,
            up_checksum=step.script.checksum,
            down_checksum=step.down.checksum if step.down else None,
            down_text=step.down.source.text if step.down else None,
            duration_ms=duration,
        )
        try:
            at = self.store.insert(
                connection, row, self.run, self.identity, not_before=self.not_before
            )
        except psycopg.errors.UniqueViolation:
            raise HistoryChanged from None
        except psycopg.Error as error:
            raise failed_at_end(step, error, "recording it") from error
        return replace(row, applied_at=at, down_text=None)

    def _reset(self, step: Step) -> None:
        timeout = step.script.directives.lock_timeout
        if timeout is None:
            base = self.settings.lock_timeout
            timeout = max(base, min(base * _RISE ** (self.attempt - 1), _RISES_TO))
        if step.mode is TransactionMode.STATEMENTS:
            timeout = max(timeout, _PATIENT_LOCK_TIMEOUT)
        # What was said while the tables were made is not about this step.
        self.session.drop_notices()
        try:
            self.session.reset(self.settings, lock_timeout=timeout)
        except psycopg.Error as error:
            raise failed_at_end(step, error, "preparing the session") from error

    def _said(self, step: Step) -> Iterator[ServerNotice]:
        for notice in self.session.take_notices():
            yield ServerNotice(step=step, severity=notice.severity, message=notice.message)

    def _become_ourselves(self, connection: Connection, step: Step) -> None:
        """Make sure that what we write next is written by us, where the run began, under the lock.

        SET LOCAL, so that a role the file chose holds again after the transaction.
        """
        high, low = self.key
        try:
            with connection.pipeline():
                connection.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
                connection.execute("SET LOCAL role TO DEFAULT")
                connection.execute(LOCAL_ZONE)
            locked, same = self.store.still_ours(connection, self.identity, high=high, low=low)
        except psycopg.Error as error:
            raise failed_at_end(step, error, "recording it") from error
        if not same:
            raise self._refusal(
                step,
                f"it drops, renames or replaces the history table {self.store.table} or its log",
                "take that statement out; to keep the history elsewhere set `history_schema` "
                "and `history_table`",
            )
        if not locked:
            raise self._refusal(
                step,
                "it gave up the lock that keeps other runs out",
                "take pg_advisory_unlock_all() out of the file",
            )

    @staticmethod
    def _refusal(step: Step, why: str, hint: str) -> MigrationFailed:
        path = step.script.source.path
        return MigrationFailed(
            f"migration {PurePath(path).name} failed: {why}",
            version=step.version.text,
            failure=Failure(message=why),
            location=Location(path=path, note=str(step.direction)),
            hint=hint,
        )

    @contextmanager
    def _transaction(self, step: Step, *, options: str = "") -> Iterator[Connection]:
        """BEGIN … COMMIT; rolled back on any exception, also when the run is interrupted."""
        connection = self.session.connection
        try:
            connection.execute(f"BEGIN {options}".encode())
            yield connection
        except psycopg.Error as error:
            self._roll_back(connection)
            raise failed_at_end(step, error, "recording it") from error
        except BaseException:
            self._roll_back(connection)
            raise
        try:
            ended = connection.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            if connection.closed:
                raise self._unknown(step, error) from error
            self._roll_back(connection)
            failed = failed_at_end(step, error, "COMMIT")
            if error.sqlstate in _PASSING:
                raise TryAgain(_PASSING[error.sqlstate], failed) from error
            raise failed from error
        if ended != "COMMIT":
            raise self._refusal(
                step, "the server rolled it back", "look for statements that end the transaction"
            )

    @staticmethod
    def _unknown(step: Step, error: psycopg.Error) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"the connection was lost while {step.label} ({step.direction}) was being committed: "
            f"{first_line(error)}",
            location=Location(path=step.script.source.path),
            state="it is either applied whole, with its record, or not at all",
            hint="run `banister status`: the history table tells which",
        )

    @staticmethod
    def _roll_back(connection: Connection) -> None:
        """End the transaction; where even that fails, the connection is closed, which ends it."""
        try:
            if not connection.closed:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            connection.close()
