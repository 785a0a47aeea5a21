"""One migration as it went on a copy of a SQLite file. No I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from banister.model import (
    Contents,
    RelationFacts,
    RelationKind,
    RowLoss,
    StatementTrace,
    Step,
    TableSize,
)
from banister.rows import compare_contents
from banister.snapshot import ObjectIdentity, ObjectKind, Snapshot

__all__ = ["FileSeen", "Look"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is in the copy at one moment."""

    snapshot: Snapshot
    contents: Contents
    #: What cannot be done with a table or view, and what SQLite says to it.
    broken: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def has(self, kind: ObjectKind, name: str) -> bool:
        """Whether there is such an object."""
        return ObjectIdentity(kind, name) in self.snapshot.objects

    def parts(self, kind: ObjectKind, of: str) -> set[str]:
        """Return the names of what a table has of a kind."""
        return {
            identity.name
            for identity in self.snapshot.objects
            if identity.kind is kind and identity.of == of
        }

    def required(self, table: str) -> set[str]:
        """Return the columns of a table that may not be NULL."""
        return {
            identity.name
            for identity, found in self.snapshot.objects.items()
            if identity.kind is ObjectKind.COLUMN
            and identity.of == table
            and "not null" in found.properties
        }


@dataclass(frozen=True, kw_only=True)
class FileSeen:
    """One migration, statement by statement, and what was there before and after it."""

    step: Step
    traces: tuple[StatementTrace, ...]
    before: Look
    #: None: it failed.
    after: Look | None
    #: Tables and views that were there before the run, by number; what the run makes is no hazard.
    existing: Mapping[int, RelationFacts] = field(default_factory=dict)
    #: All that was there before this migration.
    there: Mapping[int, RelationFacts] = field(default_factory=dict)
    #: Of the target's tables, by name as it was before the run.
    sizes: Mapping[str, TableSize] = field(default_factory=dict)

    @cached_property
    def losses(self) -> Mapping[str, tuple[RowLoss, ...]]:
        """What became of the generated rows, by table."""
        found: dict[str, tuple[RowLoss, ...]] = {}
        if self.after is not None:
            for loss in compare_contents(self.before.contents, self.after.contents):
                found[loss.table] = (*found.get(loss.table, ()), loss)
        return found

    def dropped(self, kind: RelationKind) -> Iterator[tuple[StatementTrace, RelationFacts]]:
        """Yield what was there before the run and is dropped, with the statement that does it."""
        for trace in self.traces:
            for change in trace.relations:
                facts = change.before if change.dropped else None
                if facts is not None and facts.kind is kind and facts.oid in self.existing:
                    yield trace, facts

    def old_name(self, oid: int) -> str:
        """Return what a table of the target is called before this migration."""
        return self.there.get(oid, self.existing[oid]).name

    def size(self, oid: int) -> TableSize:
        """Return how large a table is in the target."""
        facts = self.existing.get(oid)
        return TableSize() if facts is None else self.sizes.get(facts.name, TableSize())

    def made_anew(self, facts: RelationFacts) -> str | None:
        """Return the name under which a table that is dropped is there again; None: it is gone.

        SQLite's manual has tables copied into a new one, for what ALTER TABLE cannot do:
        https://www.sqlite.org/lang_altertable.html#otheralter
        """
        for name in (facts.name, self.old_name(facts.oid)):
            if self.after is not None and self.after.has(ObjectKind.TABLE, name):
                return name
        return None

    @cached_property
    def rebuilt(self) -> Mapping[str, tuple[StatementTrace, int]]:
        """The tables that are made anew, with the statement that drops the old one, and its number.

        A failed migration has none.
        """
        found = {}
        for trace, facts in self.dropped(RelationKind.TABLE):
            name = self.made_anew(facts)
            if name is not None:
                found[name] = trace, facts.oid
        return found
