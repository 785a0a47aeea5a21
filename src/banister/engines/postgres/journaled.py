"""Carrying out a step statement by statement, with a journal that a crash cannot confuse.

A statement that may have a transaction commits together with its event; one that cannot has an
event before and one after, and the catalog is asked what became of it when the second is missing.
"""

import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from banister.engines.base import HistoryChanged, TryAgain
from banister.engines.postgres.faults import failed_at_end, failed_in_statement
from banister.engines.postgres.recovery import BuildInProgress, Recovery
from banister.engines.postgres.stage import Stage
from banister.engines.postgres.statements import send
from banister.errors import BanisterError, MigrationFailed
from banister.failpoints import FailPoint, fail_point
from banister.model import (
    AppliedMigration,
    Dialect,
    Event,
    LogEntry,
    LogEvent,
    Recovered,
    Statement,
    Step,
    WaitingForLock,
)
from banister.model.records import step_entry
from banister.planning import only_sets
from banister.script import checksum, traits

__all__ = ["Journaled"]

#: Seconds between two looks at a table's lock.
_TABLE_POLL_SECONDS = 0.5

#: A statement that waits for other sessions by design must not give up quickly: when it does, it
#: leaves an INVALID index behind.
_PATIENT_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Journaled:
    """Carries out the step of a stage, from the first statement that is not known to be done."""

    stage: Stage

    @property
    def _step(self) -> Step:
        return self.stage.step

    def run(self) -> Generator[Event, None, AppliedMigration | None]:
        """Run what is not done yet; return the row written at up, None at down."""
        started = time.monotonic()
        self.stage.reset()
        fail_point(FailPoint.BEFORE_BEGIN, self.stage.session.connection.fileno)
        self._check_history()
        first = self._step.done + 1
        if self._step.in_question is not None:
            first = yield from self._look_up()
        self._set_again(first)
        if self._step.done == 0 and self._step.in_question is None:
            begun = step_entry(self._step, LogEvent.STARTED)
            with self.stage.transaction():
                self.stage.log(begun)
        for number, statement in self._step.to_run(first):
            known = traits(statement, Dialect.POSTGRESQL)
            if known.refuses_transaction or known.may_commit:
                yield from self._alone(number, statement)
            else:
                yield from self._with_its_record(number, statement)
            yield from self.stage.said()
            yield self.stage.done(number)
        fail_point(FailPoint.BEFORE_END, self.stage.session.connection.fileno)
        with self.stage.transaction() as connection:
            return self.stage.record(connection, started)

    def _check_history(self) -> None:
        """Raise HistoryChanged before anything is committed that could not be taken back."""
        try:
            versions = self.stage.store.versions(self.stage.session.connection)
        except psycopg.Error as error:
            raise failed_at_end(self._step, error, "reading the history") from error
        if versions != self.stage.expected:
            raise HistoryChanged

    def _alone(self, number: int, statement: Statement) -> Generator[Event, None, None]:
        """Run what cannot share a transaction with its record, between two events."""
        with self._catalog(number, statement) as recovery:
            table = recovery.table_of(statement)
        if table is None:
            yield from self._between_events(number, statement)
            return
        yield from self._lock_table(number, statement, table)
        try:
            yield from self._between_events(number, statement)
        finally:
            with suppress(psycopg.Error):
                recovery.unlock_table(table)

    def _between_events(self, number: int, statement: Statement) -> Generator[Event, None, None]:
        fileno = self.stage.session.connection.fileno
        fail_point(FailPoint.BEFORE_STARTED, fileno)
        with self._catalog(number, statement) as recovery:
            cleared = recovery.clear_the_way(statement)
            memory = recovery.remember(statement)
        if cleared is not None:
            yield from self._recovered(number, statement, cleared)
        event = replace(
            self.stage.event(LogEvent.STATEMENT_STARTED, number, statement),
            detail=json.dumps(memory),
        )
        with self.stage.transaction():
            self.stage.log(event)
        fail_point(FailPoint.BEFORE_STATEMENT, fileno)
        try:
            with self._patience():
                yield from self.stage.send([(number, statement)], alone=True)
        except (MigrationFailed, TryAgain) as error:
            yield from self._refused(number, statement, error, memory)
            raise
        fail_point(FailPoint.AFTER_STATEMENT, fileno)
        with self.stage.transaction():
            self.stage.log(self.stage.event(LogEvent.STATEMENT_DONE, number, statement))
        fail_point(FailPoint.AFTER_DONE, fileno)

    def _refused(
        self,
        number: int,
        statement: Statement,
        error: MigrationFailed | TryAgain,
        memory: Mapping[str, Any],
    ) -> Generator[Event, None, None]:
        """The server has answered that it did not take effect: the next run begins with it again.

        What it left half made is cleared away now, where that can be done; otherwise the next run
        looks.
        """
        failed = error.error if isinstance(error, TryAgain) else error
        if self.stage.session.connection.closed or failed.failure.sqlstate is None:
            return
        with suppress(BanisterError):
            with self._catalog(number, statement) as recovery:
                cleared = recovery.clear_after_refusal(statement, memory)
            if cleared is None:
                return
            decided = replace(self.stage.event(LogEvent.DECIDED, number, statement), detail="retry")
            if cleared:
                yield from self._recovered(number, statement, cleared, decided)
            else:
                with self.stage.transaction():
                    self.stage.log(decided)

    def _with_its_record(self, number: int, statement: Statement) -> Generator[Event, None, None]:
        """Run a statement and record it in one transaction."""
        with self.stage.transaction():
            yield from self.stage.send([(number, statement)])
            fail_point(FailPoint.IN_TRANSACTION, self.stage.session.connection.fileno)
            self.stage.log(self.stage.event(LogEvent.STATEMENT_DONE, number, statement))

    def _lock_table(
        self, number: int, statement: Statement, table: int
    ) -> Generator[Event, None, None]:
        """Wait until nobody else of us builds on that table: two would end in a deadlock."""
        told = False
        while True:
            with self._catalog(number, statement) as recovery:
                holder = recovery.lock_table(table)
            if holder is None:
                return
            if not told:
                told = True
                yield WaitingForLock(holder=holder, waited_seconds=0.0)
            time.sleep(_TABLE_POLL_SECONDS)

    def _look_up(self) -> Generator[Event, None, int]:
        """Find out how the statement in question ended; return the number of the next to run."""
        number = self._step.done + 1
        memory = json.loads(self._step.in_question or "{}")
        was = Statement(text=memory.get("statement", ""), start=0, line=1, column=1)
        statement = self._step.statements[number - 1]
        looked_for = was if was.text else statement
        fileno = self.stage.session.connection.fileno
        fail_point(FailPoint.BEFORE_RECOVERY, fileno)
        with self._catalog(number, statement) as recovery:
            verdict = recovery.judge(looked_for, memory)
        fail_point(FailPoint.AFTER_RECOVERY, fileno)
        same = checksum(looked_for.text) == checksum(statement.text)
        if verdict.done and not same:
            raise self.stage.refusal(
                f"statement {number} took effect in an earlier run, and was edited since",
                "undo the edit of that statement",
            )
        decided = replace(
            self.stage.event(LogEvent.DECIDED, number, statement),
            detail="done" if verdict.done else "retry",
        )
        yield from self._recovered(number, statement, verdict.message, decided)
        return number + 1 if verdict.done else number

    def _recovered(
        self, number: int, statement: Statement, message: str, *more: LogEntry
    ) -> Generator[Event, None, None]:
        entry = replace(self.stage.event(LogEvent.RECOVERED, number, statement), detail=message)
        with self.stage.transaction():
            self.stage.log(entry, *more)
        yield Recovered(step=self._step, number=number, message=message)

    def _set_again(self, first: int) -> None:
        """Set what the finished statements had set for their session, which is gone."""
        for number, statement in self._step.to_run():
            if number == first:
                return
            if only_sets(statement, Dialect.POSTGRESQL):
                send(self.stage.session.connection, self._step, [(number, statement)])

    @contextmanager
    def _catalog(self, number: int, statement: Statement) -> Iterator[Recovery]:
        """Ask the catalog; what goes wrong there is told at the statement it is asked about."""
        try:
            yield Recovery(connection=self.stage.session.connection, queries=self.stage.queries)
        except BuildInProgress as error:
            raise self.stage.refusal(
                f"index {error} is being built by another session now",
                "wait until it is done, then run the same command again",
            ) from error
        except psycopg.Error as error:
            raise failed_in_statement(self._step, number, statement, error) from error

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Let a statement wait longer for locks, unless the file itself says how long."""
        says_itself = "lock_timeout" in self._step.session_settings
        if says_itself or self._step.script.directives.lock_timeout is not None:
            yield
            return
        patient = max(_PATIENT_SECONDS, self.stage.settings.lock_timeout)
        before = self._set_lock_timeout(f"{patient:g}s")
        yield
        self._set_lock_timeout(before)

    def _set_lock_timeout(self, value: str) -> str:
        """Set the session's lock timeout and return what it was."""
        connection, queries = self.stage.session.connection, self.stage.queries
        try:
            was = connection.execute(queries["lock_timeout"].encode()).fetchone()
            connection.execute(queries["set_lock_timeout"].encode(), {"value": value})
        except psycopg.Error as error:
            raise failed_at_end(self._step, error, "preparing the session") from error
        return str(was[0]) if was else value
