"""What a rule about dangerous statements is: a condition on what was seen, and what to say. No I/O.

A condition looks at what the server did, never at how the SQL is written, unless a statement leaves
nothing else to look at.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from banister.errors import Severity
from banister.model import Catalog, LockMode, RelationFacts, StatementTrace, Step, TableSize
from banister.rehearsal.verdicts import Verdict

__all__ = ["Hazard", "Match", "Safer", "Seen"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One statement, and what a condition may know around it."""

    trace: StatementTrace
    step: Step
    #: The statements of the same migration before it, in order.
    earlier: tuple[StatementTrace, ...] = ()
    later: tuple[StatementTrace, ...] = ()
    #: The target's major version; the scratch server's where there is no target.
    major: int
    #: All of the target's version; None: not known.
    version: tuple[int, ...] | None = None
    #: Relations that were there before the run, by OID; what the run makes is no hazard.
    existing: Mapping[int, RelationFacts] = field(default_factory=dict)
    #: All there is before the statement, also what the run has made.
    before: Catalog = field(default_factory=Catalog)
    #: Of the target's tables, by name as it was before the run.
    sizes: Mapping[str, TableSize] = field(default_factory=dict)

    def was_there(self, oid: int | None) -> bool:
        """Whether the relation was there before the run."""
        return oid is not None and oid in self.existing

    def size(self, oid: int | None) -> TableSize:
        """Return how large the relation is in the target."""
        before = None if oid is None else self.existing.get(oid)
        return TableSize() if before is None else self.sizes.get(before.name, TableSize())

    def holds(self, oid: int, mode: LockMode) -> bool:
        """Whether a lock on that relation, at least so strong, is held while the statement runs."""
        return any(lock.relation_oid == oid and lock.mode >= mode for lock in self.trace.all_locks)

    def took(self, oid: int, mode: LockMode) -> bool:
        """Whether the statement itself took a lock on that relation, at least so strong."""
        return any(lock.relation_oid == oid and lock.mode >= mode for lock in self.trace.locks)


@dataclass(frozen=True, kw_only=True)
class Match:
    """One thing that meets a condition, with the names that the rule's texts ask for."""

    #: The relation whose size matters; None: none does.
    table_oid: int | None = None
    #: For the texts' `{…}`; identifiers are quoted already. `table` is nearly always among them.
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Safer:
    """SQL to write instead, as templates with `{names}`; `{{` and `}}` are braces."""

    #: The text of one migration file each, in order; with `-- banister: transaction=off` as its
    #: first line where it needs that. They are run, in a test, in place of what the rule is about.
    files: tuple[str, ...]
    #: Major versions of the target that it is valid on, both included; None: any.
    since: int | None = None
    until: int | None = None
    #: The name among a match's that must not be empty; None: it is right for all.
    only_if: str | None = None

    def fits(self, major: int, names: Mapping[str, str]) -> bool:
        """Whether it is valid there, and right for a match with these names."""
        if self.only_if is not None and not names.get(self.only_if):
            return False
        return (self.since or 0) <= major <= (self.until or major)


@dataclass(frozen=True, kw_only=True)
class Hazard:
    """A rule."""

    #: Stable: files accept it by this name, and its page is docs/hazards/NAME.md.
    rule: str
    #: One line for the page and for SARIF, without names.
    title: str
    #: What happens: a template with `{names}`, lower case, no full stop.
    effect: str
    #: How bad a migration is for this alone.
    verdict: Verdict
    severity: Severity = Severity.WARNING
    #: It takes the longer, the larger the table is: on a small one it is a notice, and no more than
    #: a brief lock.
    grows: bool = False
    #: A copy cannot decide it: no verdict, and no pass either.
    undecided: bool = False
    #: The first that fits the target's version is offered.
    safer: tuple[Safer, ...] = ()
    #: What to know about that, or what to do where no SQL helps: a template too.
    advice: str | None = None
    #: Page of the PostgreSQL manual that says so.
    source: str
    #: Yield what in the statement meets the rule.
    meets: Callable[[Seen], Iterable[Match]]
