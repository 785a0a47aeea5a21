"""What a rehearsal found: verdicts, findings and traces, as reports read them. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from banister.errors import Location, Severity
from banister.model import (
    Dialect,
    LockMode,
    RelationKind,
    StatementTrace,
    Step,
    TableSize,
    Unfilled,
)
from banister.model.ranked import Ranked

__all__ = [
    "HazardFinding",
    "HeldLock",
    "MigrationRehearsal",
    "Rehearsal",
    "StatementRehearsal",
    "Verdict",
]


class Verdict(Ranked):
    """What running it does to others, from nothing to the worst."""

    SAFE = "safe online"
    BRIEF_LOCK = "brief exclusive lock"
    #: Tried on another major version than the target's, and no worse there.
    NOT_CERTIFIED = "not certified"
    BLOCKS_WRITES = "blocks writes"
    BLOCKS_ALL = "blocks reads and writes"
    LOSES_DATA = "loses data"
    CANNOT_RUN = "cannot run"

    @property
    def word(self) -> str:
        """The name as settings and programs have it, for example "blocks-writes"."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardFinding:
    """One rule that a statement, or a migration as a whole, meets."""

    #: Name of the rule, for example "set-not-null"; its page is docs/hazards/NAME.md.
    rule: str
    severity: Severity
    #: How bad the migration is for this alone.
    verdict: Verdict
    #: What happens, with the real names and, where known, the size of the table in the target.
    message: str
    #: SQL to write instead, valid on the target's version: the text of one migration each, with
    #: its directive where it needs one; empty: there is none.
    safer: tuple[str, ...] = ()
    #: What to know about that, or what to do where no SQL helps.
    advice: str | None = None
    #: The table concerned.
    relation: str | None = None
    location: Location | None = None
    #: The reason that the file gives for accepting it; None: it is not accepted.
    accepted: str | None = None
    #: The copy cannot tell whether the target refuses it: nothing that is checked may pass so.
    undecided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLock:
    """A lock on a relation that was there before the run, and how long it is held."""

    relation: str
    kind: RelationKind
    mode: LockMode
    #: "reads", "writes".
    blocks: tuple[str, ...]
    #: Numbers of the statements that take it and during which it is held last, from 1.
    taken_by: int
    held_through: int
    #: The target's table, where known.
    size: TableSize = field(default_factory=TableSize)


@dataclass(frozen=True, kw_only=True)
class StatementRehearsal:
    """One statement: what was seen, and what is to be said about it."""

    trace: StatementTrace
    location: Location
    #: The locks that it takes, strongest first.
    locks: tuple[HeldLock, ...] = ()
    #: What takes the longer, the larger the target's table is, for example "users is read whole".
    work: tuple[str, ...] = ()
    findings: tuple[HazardFinding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MigrationRehearsal:
    """One migration, statement by statement."""

    step: Step
    verdict: Verdict
    statements: tuple[StatementRehearsal, ...] = ()
    #: About the migration as a whole, and about directives that nothing meets.
    findings: tuple[HazardFinding, ...] = ()
    duration_ms: int = 0

    @property
    def all_findings(self) -> tuple[HazardFinding, ...]:
        """Those of the statements, in order, then those of the whole."""
        each = tuple(f for statement in self.statements for f in statement.findings)
        return (*each, *self.findings)


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What came of carrying pending migrations out on a scratch copy."""

    migrations: tuple[MigrationRehearsal, ...] = ()
    #: About several migrations together, such as locks in another order.
    across: tuple[HazardFinding, ...] = ()
    #: Whose rules it is judged by.
    dialect: Dialect = Dialect.POSTGRESQL
    #: What they ran on, for people, for example "PostgreSQL 18.1, embedded".
    server: str = ""
    #: How the copy was made, for people, for example "the target's schema, by pg_dump".
    copied: str = ""
    #: "not certified on 16: tried on PostgreSQL 18.1"; None: the same major.
    not_certified: str | None = None
    #: Probes that could not be used, and why.
    lost_probes: tuple[str, ...] = ()
    #: Tables that could not be given rows.
    unfilled: tuple[Unfilled, ...] = ()
    #: Of the target's tables, by name; empty: no target was looked at.
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    #: Migrations behind one that cannot run, which were not tried.
    not_tried: tuple[Step, ...] = ()
    duration_ms: int = 0

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return max((each.verdict for each in self.migrations), default=Verdict.SAFE)

    def reaches(self, level: Verdict) -> bool:
        """Whether anything that is not accepted is as bad as `level`, worse, or undecided."""
        found = (f for each in self.migrations for f in each.all_findings)
        return any(
            f.accepted is None and (f.undecided or f.verdict >= level)
            for f in (*found, *self.across)
        )
