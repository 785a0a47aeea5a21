"""What a run tells while it works. Reports read these and nothing else. No I/O."""

from dataclasses import dataclass

from banister.errors import BanisterError, Finding
from banister.model.migration import AppliedMigration, Migration
from banister.model.plan import Plan, Step

__all__ = [
    "Blocked",
    "Blocker",
    "Connected",
    "Event",
    "NothingToDo",
    "Planned",
    "Progress",
    "ProofEvent",
    "Recovered",
    "Retrying",
    "RunFinished",
    "ServerNotice",
    "Skipped",
    "StatementDone",
    "StepDone",
    "StepFailed",
    "StepStarted",
    "WaitingForLock",
    "Warned",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(Event):
    """Which database is spoken to; always the first event."""

    #: As in `Database`: never a secret.
    display: str
    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    """Something is to be said that is no part of a plan, such as about the connection."""

    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingForLock(Event):
    """Another run holds the lock; sent when the wait begins and when the holder changes.

    On SQLite it may be any program that writes.
    """

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
class Blocker:
    """A session that holds what ours waits for. What the role may not see is None."""

    #: 0: a prepared transaction.
    pid: int
    user: str | None = None
    application: str | None = None
    #: "active", "idle in transaction" and so on.
    state: str | None = None
    #: Age of its transaction.
    transaction_seconds: float | None = None
    #: For example "AccessShareLock".
    lock_modes: str | None = None
    #: Name of the prepared transaction.
    prepared: str | None = None
    #: What it is when it is no client, for example "autovacuum worker".
    kind: str | None = None
    #: The beginning of the statement that it runs or ran last; only where that was asked for.
    query: str | None = None

    def __str__(self) -> str:
        if self.pid == 0:
            return f"prepared transaction {self.prepared or '(not visible to this role)'}"
        said = [f"{self.kind or 'session'} {self.pid}"]
        if self.user:
            said.append(f"user {self.user}")
        if self.application:
            said.append(f"application {self.application}")
        if self.state:
            said.append(self.state)
        if self.transaction_seconds is not None:
            said.append(f"transaction open for {self.transaction_seconds:.0f} s")
        if self.lock_modes:
            said.append(f"holds {self.lock_modes}")
        if self.query:
            said.append(f"{'runs' if self.state == 'active' else 'ran'}: {self.query}")
        return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked(Event):
    """A statement waits for a lock; sent when the wait is noticed and when blockers change."""

    step: Step
    #: From 1; 0: none of the step's own statements.
    number: int
    #: The table that is waited for, where it is one.
    relation: str | None
    blockers: tuple[Blocker, ...]
    #: Sessions that wait behind ours.
    queued: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """How far the server says that a long statement has come."""

    step: Step
    #: From 1.
    number: int
    phase: str
    percent: float | None
    #: Who the statement waits for.
    waits_for: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying(Event):
    """A step was rolled back whole and will be tried again after a pause."""

    step: Step
    #: The attempt that has just failed, from 1.
    attempt: int
    reason: str
    delay_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(Event):
    """What an interrupted run left behind was looked at and put right."""

    step: Step
    #: From 1.
    number: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofEvent:
    """How far the work on scratch databases has come."""

    #: What is being done, for people.
    doing: str
    number: int
    total: int
