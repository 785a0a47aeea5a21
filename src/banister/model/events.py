"""What a run tells while it works. Reports read these and nothing else. No I/O."""

from dataclasses import dataclass

from banister.errors import BanisterError
from banister.model.migration import AppliedMigration, Migration
from banister.model.plan import Plan, Step

__all__ = [
    "Event",
    "NothingToDo",
    "Planned",
    "RunFinished",
    "ServerNotice",
    "Skipped",
    "StatementDone",
    "StepDone",
    "StepFailed",
    "StepStarted",
    "WaitingForLock",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingForLock(Event):
    """Another run holds the lock; sent when the wait begins and when the holder changes."""

    #: Who holds it, for people: pid, user, application.
    holder: str
    waited_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Event):
    """The plan that is about to run. Sent again when another run has changed the history."""

    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToDo(Event):
    """There is nothing to run."""

    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(Event):
    """A migration was left out by its tags, and that was recorded."""

    migration: Migration


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """A step begins."""

    step: Step
    #: From 1.
    number: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementDone(Event):
    """The server has carried out a statement of the step; in a transaction it is not committed."""

    step: Step
    #: From 1.
    number: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNotice(Event):
    """The server said something while a statement ran."""

    step: Step
    severity: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone(Event):
    """A step is committed together with its record."""

    step: Step
    duration_ms: int
    #: The row that was written at `up`, None at `down`.
    row: AppliedMigration | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed(Event):
    """A step failed; the error is raised after this event."""

    step: Step
    error: BanisterError


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The run is over and every step of it is done."""

    run_id: str
    plan: Plan
    steps: tuple[Step, ...]
    duration_ms: int
