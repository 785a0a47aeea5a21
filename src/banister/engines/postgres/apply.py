"""Carrying out one step on PostgreSQL: its statements, its row and its event, together."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath

import psycopg

from banister.engines.base import HistoryChanged, SessionSettings
from banister.engines.postgres.faults import failed_at_end, first_line
from banister.engines.postgres.history import HistoryStore, Identity
from banister.engines.postgres.session import Connection, Session
from banister.engines.postgres.statements import send_alone, send_batched
from banister.errors import Failure, Location, MigrationFailed, OutcomeUnknown
from banister.model import (
    AppliedMigration,
    Dialect,
    Direction,
    Event,
    LogEntry,
    LogEvent,
    RunInfo,
    ServerNotice,
    StatementDone,
    Step,
    TransactionMode,
)
from banister.script import checksum, traits

__all__ = ["Applier"]

#: A statement that waits for other sessions by design must not give up quickly: when it does, it
#: leaves an INVALID index behind. Seconds.
_PATIENT_LOCK_TIMEOUT = 600.0


@dataclass(frozen=True, kw_only=True)
class Applier:
    """Carries out steps for one run over one session that holds the runner lock."""

    session: Session
    store: HistoryStore
    identity: Identity
    #: High and low half of the runner lock's key.
    key: tuple[int, int]
    settings: SessionSettings
    run: RunInfo
    not_before: datetime | None
    #: A decision about seeds to record with the step.
    seed: bool | None = None

    def apply(self, step: Step) -> Generator[Event, None, AppliedMigration | None]:
        """Carry out a step; see `Engine.apply`."""
        if step.mode is TransactionMode.WHOLE:
            return (yield from self._whole(step))
        return (yield from self._statements(step))

    def _whole(self, step: Step) -> Generator[Event, None, AppliedMigration | None]:
        started = time.monotonic()
        self._reset(step)
        with self._transaction(step, options=step.begin_options) as connection:
            numbers = range(step.done + 1, len(step.statements) + 1)
            for number in send_batched(connection, step, numbers):
                yield from self._said(step)
                yield StatementDone(step=step, number=number, total=len(step.statements))
            row = self._record(connection, step, started)
        yield from self._said(step)
        return row

    def _statements(self, step: Step) -> Generator[Event, None, AppliedMigration | None]:
        started = time.monotonic()
        self._reset(step)
        if step.done == 0:
            begun = LogEntry(
                event=LogEvent.STARTED,
                version=step.version,
                name=step.name,
                direction=step.direction,
                checksum=step.script.checksum,
            )
            with self._transaction(step) as connection:
                self.store.log(connection, [begun], self.run)
        for number in range(step.done + 1, len(step.statements) + 1):
            known = traits(step.statements[number - 1], Dialect.POSTGRESQL)
            if known.refuses_transaction or known.may_commit:
                self._alone(step, number)
            else:
                self._with_its_record(step, number)
            yield from self._said(step)
            yield StatementDone(step=step, number=number, total=len(step.statements))
        with self._transaction(step) as connection:
            return self._record(connection, step, started)

    def _alone(self, step: Step, number: int) -> None:
        """Run what cannot share a transaction with its record, between two events."""
        with self._transaction(step) as connection:
            event = self._event(step, LogEvent.STATEMENT_STARTED, number)
            self.store.log(connection, [event], self.run)
        send_alone(self.session.connection, step, number)
        self._finish(step, number, lambda _: None)

    def _with_its_record(self, step: Step, number: int) -> None:
        """Run a statement and record it in one transaction."""
        self._finish(step, number, lambda connection: send_alone(connection, step, number))

    def _finish(self, step: Step, number: int, work: Callable[[Connection], None]) -> None:
        with self._transaction(step) as connection:
            work(connection)
            event = self._event(step, LogEvent.STATEMENT_DONE, number)
            self._become_ourselves(connection, step)
            self.store.log(connection, [event], self.run)

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
            timeout = self.settings.lock_timeout
        if step.mode is TransactionMode.STATEMENTS:
            timeout = max(timeout, _PATIENT_LOCK_TIMEOUT)
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
            connection.execute("SET LOCAL SESSION AUTHORIZATION DEFAULT")
            connection.execute("SET LOCAL role TO DEFAULT")
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
            raise failed_at_end(step, error, "COMMIT") from error
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
