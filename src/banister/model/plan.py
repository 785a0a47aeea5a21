"""Plans: what a run would do, decided before anything is done. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from banister.errors import Finding, Severity
from banister.model.losses import Loss
from banister.model.migration import Migration, Version
from banister.model.text import Direction, Script, Statement

__all__ = ["Plan", "State", "StatusRow", "Step", "TransactionMode"]


class TransactionMode(StrEnum):
    """How a step's statements are committed."""

    #: All statements, the history row and the log event in one transaction.
    WHOLE = "whole"
    #: Statement by statement, with a journal in the log.
    STATEMENTS = "statements"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One migration in one direction."""

    version: Version
    name: str
    direction: Direction
    script: Script
    #: Without a BEGIN and COMMIT that wrapped the file.
    statements: Sequence[Statement]
    mode: TransactionMode = TransactionMode.WHOLE
    #: What the file's own BEGIN asked for, for example "ISOLATION LEVEL SERIALIZABLE".
    begin_options: str = ""
    #: Statements that an earlier run finished: this run starts behind them.
    done: int = 0
    #: The statement behind those was begun and its end is not known: what was remembered before it
    #: (may be empty). None: nothing is in question.
    in_question: str | None = None
    #: Lower-case names of what its statements set beyond their transaction.
    session_settings: frozenset[str] = frozenset()
    #: The down script to keep with the row at `up`.
    down: Script | None = None
    #: What the plan says about this step, for people.
    notes: tuple[str, ...] = ()
    #: Rows that are saved before the statement that takes them away.
    losses: tuple[Loss, ...] | None = None

    @property
    def label(self) -> str:
        """Number and name, as the files have it."""
        return f"{self.version}_{self.name}"

    @property
    def half_done(self) -> bool:
        """Whether an earlier run has begun it and not ended it."""
        return self.done > 0 or self.in_question is not None

    def to_run(self, first: int = 1) -> Iterator[tuple[int, Statement]]:
        """Yield number and statement from number `first` (from 1) on; go through them once."""
        return enumerate(self.statements[first - 1 :] if first > 1 else self.statements, first)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run would do, in order, and all that stands against it."""

    direction: Direction
    steps: tuple[Step, ...] = ()
    #: Pending migrations that their tags leave out of this run, in order.
    skipped: tuple[Migration, ...] = ()
    #: Those of `skipped` that the log does not know yet: the run records them.
    newly_skipped: tuple[Migration, ...] = ()
    #: A decision about seeds to record with the first step; None: none to record.
    seed: bool | None = None
    findings: tuple[Finding, ...] = ()
    #: The applied versions the plan was made from; a run that finds others plans again.
    made_from: frozenset[Version] = frozenset()
    #: The highest applied version before the run.
    current: Version | None = None

    @cached_property
    def longest_label(self) -> int:
        """How many characters the longest label of a step has; 0 without steps."""
        return max((len(step.label) for step in self.steps), default=0)

    @cached_property
    def counts(self) -> frozenset[int]:
        """How many statements its steps have still to run: each number once."""
        return frozenset(len(step.statements) - step.done for step in self.steps)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a run."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def has_work(self) -> bool:
        """Whether a run would write anything."""
        return bool(self.steps or self.newly_skipped)


class State(StrEnum):
    """Where a migration stands."""

    APPLIED = "applied"
    PENDING = "pending"
    SKIPPED = "skipped"
    #: Applied, and its file is gone.
    MISSING = "missing"
    #: Applied, and its file has another text now.
    EDITED = "edited"
    #: Applied, and its file has another name now.
    RENAMED = "renamed"
    #: Applied, and its file cannot be read.
    UNREADABLE = "unreadable"
    #: Begun outside a transaction and not ended.
    UNFINISHED = "unfinished"


@dataclass(frozen=True, kw_only=True)
class StatusRow:
    """One line of `status`."""

    version: Version
    name: str
    state: State
    tags: frozenset[str] = frozenset()
    applied_at: datetime | None = None
    duration_ms: int | None = None
    #: Whether `down` could run it: a down file, or one kept in the database.
    reversible: bool = True
    #: False: applied with a down file too large to be kept in the database.
    down_kept: bool = True
