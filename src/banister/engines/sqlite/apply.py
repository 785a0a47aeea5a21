"""Carrying out one step on SQLite: its statements, its row and its event, together."""

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from banister.engines.base import HistoryChanged, TryAgain
from banister.engines.sqlite import faults
from banister.engines.sqlite.foreign_keys import Violation, added, find_violations, lost_with
from banister.engines.sqlite.saving import RowSaver
from banister.engines.sqlite.session import Session
from banister.engines.sqlite.tables import Applied, HistoryTables
from banister.engines.sqlite.tracing import Tracer
from banister.errors import BanisterError
from banister.failpoints import FailPoint, fail_point
from banister.model import (
    AppliedMigration,
    Dialect,
    Direction,
    Event,
    LogEvent,
    RunInfo,
    Statement,
    StatementDone,
    Step,
    TransactionMode,
    Version,
)
from banister.model.records import (
    applied_row,
    end_entry,
    seed_entry,
    statement_entry,
    step_entry,
)
from banister.planning import only_sets
from banister.script import checksum, traits

__all__ = ["Applier"]


@dataclass(frozen=True, kw_only=True)
class Applier:
    """Carries out one step over one session."""

    session: Session
    tables: HistoryTables
    path: Path
    run: RunInfo
    step: Step
    #: The versions that the plan takes as applied.
    expected: frozenset[Version]
    #: A decision about seeds to record with the step.
    seed: bool | None
    #: Bound for one statement in seconds.
    statement_timeout: float | None
    #: What this session knew to be applied when it last wrote.
    known: Applied | None
    #: Looks on at each statement, where that is wanted.
    tracer: Tracer | None = None
    #: Saves rows before they are taken away, where that is wanted.
    saver: RowSaver | None = None

    def apply(self) -> Generator[Event, None, tuple[AppliedMigration | None, Applied]]:
        """Carry the step out; return the row written at up, and what is applied then."""
        if self.step.mode is TransactionMode.WHOLE:
            return (yield from self._whole())
        return (yield from self._statements())

    def _whole(self) -> Generator[Event, None, tuple[AppliedMigration | None, Applied]]:
        started = time.monotonic()
        fail_point(FailPoint.BEFORE_BEGIN)
        with self._transaction(self.step.begin_options):
            applied = self._check_history()
            before = self._violations()
            for number, statement in self.step.to_run():
                yield from self._watched(number, statement, self._run)
                fail_point(FailPoint.IN_TRANSACTION)
                yield self._done(number)
            fail_point(FailPoint.BEFORE_RECORD)
            self._check_tables(applied)
            self._check_violations(before)
            self._log_saved()
            recorded = self._record(applied, started)
            self._log_seed()
        return recorded

    def _statements(self) -> Generator[Event, None, tuple[AppliedMigration | None, Applied]]:
        started = time.monotonic()
        fail_point(FailPoint.BEFORE_BEGIN)
        first = self.step.done + 1
        total = len(self.step.statements)
        with self._transaction():
            self._check_history()
            self._check_journal(self.step.done)
            before = self._violations()
            if self.step.done == 0:
                self._log(LogEvent.STARTED)
            self._log_seed()
        self._set_again(first)
        for number, statement in self.step.to_run(first):
            if traits(statement, Dialect.SQLITE).refuses_transaction:
                yield from self._watched(number, statement, self._run_alone)
            else:
                with self._transaction():
                    self._check_journal(number - 1)
                    yield from self._watched(number, statement, self._run)
                    fail_point(FailPoint.IN_TRANSACTION)
                    self._log(LogEvent.STATEMENT_DONE, number, statement)
                    self._log_saved()
            yield self._done(number)
        fail_point(FailPoint.BEFORE_END)
        with self._transaction():
            applied = self._check_history()
            self._check_journal(total)
            self._check_violations(before)
            return self._record(applied, started)

    def _watched(
        self, number: int, statement: Statement, run: Callable[[int, Statement], None]
    ) -> Generator[Event, None, None]:
        call = partial(run, number, statement)
        if self.saver is not None:
            yield from self.saver.around(number, call)
            return
        if self.tracer is None:
            call()
            return
        yield from self.tracer.around(self.session, self.step, number, call)

    def _set_again(self, first: int) -> None:
        """Set what the finished statements had set for their session, which is gone."""
        for number, statement in self.step.to_run():
            if number == first:
                return
            if only_sets(statement, Dialect.SQLITE):
                self._run(number, statement)

    def _run_alone(self, number: int, statement: Statement) -> None:
        """Run what cannot share a transaction with its record, between two events."""
        fail_point(FailPoint.BEFORE_STARTED)
        with self._transaction():
            self._check_journal(number - 1)
            self._log(LogEvent.STATEMENT_STARTED, number, statement)
        fail_point(FailPoint.BEFORE_STATEMENT)
        try:
            self._run(number, statement)
        except (BanisterError, TryAgain):
            # SQLite has said that it failed, and then nothing of it is left: the next run may
            # begin with it again without asking anyone.
            with suppress(BanisterError), self._transaction():
                self._log(LogEvent.DECIDED, number, statement, detail="retry")
            raise
        fail_point(FailPoint.AFTER_STATEMENT)
        with self._transaction():
            self._check_journal(number - 1)
            self._log(LogEvent.STATEMENT_DONE, number, statement)
        fail_point(FailPoint.AFTER_DONE)

    def _run(self, number: int, statement: Statement) -> None:
        """Run one statement (from 1); raise MigrationFailed with its place."""
        was_inside = self.session.in_transaction
        self._refuse_cascade(number, statement)
        try:
            self.session.execute_theirs(statement.text, timeout=self.statement_timeout)
        except faults.DRIVER_ERRORS as error:
            raise self._explain(number, statement, error) from error
        if self.session.in_transaction is not was_inside:
            raise faults.failed(
                self.step,
                "it has ended the transaction that keeps the change and its record together"
                if was_inside
                else "it has left a transaction open",
                number=number,
                offset=statement.start,
                hint="look at what it did: Banister could not roll it back"
                if was_inside
                else "remove it",
            )

    def _refuse_cascade(self, number: int, statement: Statement) -> None:
        """Refuse to drop a table where rows of others would silently go with it."""
        if self.step.script.directives.foreign_keys is False or traits(
            statement, Dialect.SQLITE
        ).words[:2] != ("DROP", "TABLE"):
            return
        for table in self.session.dropped_by(statement.text):
            loss = lost_with(self.session, self.tables, table)
            if loss is not None:
                raise faults.failed(
                    self.step,
                    loss,
                    number=number,
                    offset=statement.start,
                    hint="to rebuild the table, write `-- banister: foreign_keys=off` at the top "
                    "of the file; if those rows are to change, say so in statements before it",
                )

    def _explain(
        self, number: int, statement: Statement, error: Exception
    ) -> BanisterError | TryAgain:
        refusal = self.session.guard.refusal
        if refusal is not None:
            return faults.failed(
                self.step,
                refusal.message,
                number=number,
                offset=statement.start,
                hint=refusal.hint,
            )
        if faults.is_busy(error):
            return faults.in_the_way(
                self.step, self.path, error, number=number, offset=statement.start
            )
        if faults.primary_code(error) == sqlite3.SQLITE_INTERRUPT and self.statement_timeout:
            return faults.failed(
                self.step,
                f"it ran longer than {self.statement_timeout:g} s",
                number=number,
                offset=statement.start,
                name="SQLITE_INTERRUPT",
                hint="`statement_timeout` in the settings bounds its time",
            )
        return faults.failed_in_statement(self.step, number, statement, error)

    @contextmanager
    def _transaction(self, options: str = "") -> Iterator[None]:
        """Commit what is done inside, or leave nothing of it; translate the driver's errors."""
        try:
            with faults.translated(self.path):
                self.session.begin(options)
            try:
                yield
                fail_point(FailPoint.BEFORE_COMMIT)
                self.session.commit()
                if self.saver is not None:
                    self.saver.keep()
                fail_point(FailPoint.AFTER_COMMIT)
            except faults.DRIVER_ERRORS as error:
                if faults.is_busy(error):
                    raise faults.in_the_way(self.step, self.path, error) from error
                raise faults.failed_at_end(self.step, error) from error
        except BaseException:
            open_still = self.session.in_transaction
            self.session.roll_back()
            # Behind a COMMIT what was saved is all there is of it.
            if self.saver is not None and open_still:
                self.saver.undo()
            raise

    def _check_history(self) -> Applied:
        """Return what is applied; raise HistoryChanged when it is not what was expected."""
        applied = self.tables.applied(self.session, self.known)
        if applied.versions.keys() != {version.number for version in self.expected}:
            raise HistoryChanged
        return applied

    def _check_journal(self, done: int) -> None:
        """Raise HistoryChanged when another run has carried this step further, or begun it anew.

        Between the transactions of a step nothing is locked; each of them looks.
        """
        if self.tables.journaled(self.session, self.step.version) != done:
            raise HistoryChanged

    def _violations(self) -> tuple[Violation, ...]:
        if self.step.script.directives.foreign_keys is not False:
            return ()
        return find_violations(self.session, self.tables)

    def _check_violations(self, before: tuple[Violation, ...]) -> None:
        new = added(before, self._violations())
        if not new:
            return
        more = f", and {len(new) - 1} more" if len(new) > 1 else ""
        raise faults.failed(
            self.step,
            f"with foreign_keys=off it leaves a dangling reference: {new[0]}{more}",
            hint="keep every row that others point to when a table is rebuilt, "
            "or correct the rows that point to it in the same file",
        )

    def _check_tables(self, applied: Applied) -> None:
        """Refuse what got at the history tables behind the guard: PRAGMA writable_schema."""
        unchanged = not self.session.guard.session_changed
        if unchanged or self.tables.identity(self.session) == applied.identity:
            return
        raise faults.failed(
            self.step,
            f'it changes the history table "{self.tables.table.name}" or its log',
            hint="leave them out of the file: Banister alone writes there",
        )

    def _record(self, applied: Applied, started: float) -> tuple[AppliedMigration | None, Applied]:
        """Write or remove the step's row, and log it."""
        step = self.step
        duration = round((time.monotonic() - started) * 1000)
        row: AppliedMigration | None = None
        if step.direction is Direction.UP:
            row, applied = self.tables.add(
                self.session, applied_row(step, duration), self.run, applied
            )
        else:
            if step.version.number not in applied.versions:
                raise HistoryChanged
            applied = self.tables.remove(self.session, step.version, applied)
        self.tables.log(self.session, [end_entry(step, duration)], self.run)
        return row, applied

    def _log(
        self,
        event: LogEvent,
        number: int = 0,
        statement: Statement | None = None,
        *,
        detail: str | None = None,
    ) -> None:
        entry = step_entry(self.step, event)
        if statement is not None:
            text = statement.text
            entry = statement_entry(self.step, event, number, checksum(text), detail=detail)
        self.tables.log(self.session, [entry], self.run)

    def _log_saved(self) -> None:
        if self.saver is not None and self.saver.entries:
            self.tables.log(self.session, self.saver.entries, self.run)

    def _log_seed(self) -> None:
        if self.seed is not None:
            self.tables.log(self.session, [seed_entry(seed=self.seed)], self.run)

    def _done(self, number: int) -> StatementDone:
        return StatementDone(step=self.step, number=number, total=len(self.step.statements))
