"""What a server did for each statement of a step, as it was seen from inside. No I/O.

Names of relations are as people write them: quoted where they must be, without the schema where
that is public. Objects are told apart by their OIDs, so that a rename is no drop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Generic, TypeVar

from banister.errors import Failure
from banister.model.events import Event
from banister.model.locks import LockMode
from banister.model.plan import Step
from banister.model.text import Statement

__all__ = [
    "Aim", "Build", "Catalog", "Changed", "ColumnFacts", "ConstraintFacts", "IndexFacts", "Lock",
    "ObjectFacts", "RelationFacts", "RelationKind", "Rewrite", "Scan", "StatementTrace",
    "Surroundings", "TableSize", "Traced", "Written",
]  # fmt: skip

Facts = TypeVar("Facts")


class RelationKind(StrEnum):
    """What a row of pg_class is, or what is locked as one."""

    TABLE = "table"
    PARTITIONED_TABLE = "partitioned table"
    INDEX = "index"
    PARTITIONED_INDEX = "partitioned index"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    SEQUENCE = "sequence"
    FOREIGN_TABLE = "foreign table"
    COMPOSITE = "composite type"
    TOAST = "toast table"
    #: All of it, as SQLite locks it.
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationFacts:
    """A table, index, view and so on at one moment."""

    oid: int
    name: str
    #: Without the schema, unquoted.
    bare_name: str
    schema: str
    kind: RelationKind
    #: 0: it has no file.
    filenode: int
    #: "p" permanent, "u" unlogged, "t" temporary.
    persistence: str
    owner: str
    access_method: str | None = None
    tablespace: str | None = None
    row_security: bool = False
    force_row_security: bool = False
    replica_identity: str = "d"
    #: For example ("fillfactor=70",).
    options: tuple[str, ...] = ()
    #: The table that an index or a toast table belongs to.
    table_oid: int | None = None
    #: The parents that it inherits from, or is a partition of.
    parents: tuple[int, ...] = ()
    is_partition: bool = False
    #: For a partition: "FOR VALUES …" or "DEFAULT".
    partition_bound: str | None = None
    #: For a partitioned table, for example "RANGE (at)".
    partition_key: str | None = None
    #: A partition that is being taken out by DETACH … CONCURRENTLY.
    detach_pending: bool = False
    #: For a partitioned table: its default partition.
    default_partition: int | None = None
    in_publication: bool = False
    #: Changes whenever the row in pg_class does.
    stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """A column at one moment."""

    table_oid: int
    table: str
    number: int
    name: str
    #: As format_type writes it.
    type: str
    not_null: bool
    #: The expression of its default, or of a generated column.
    default: str | None = None
    #: "" plain, "s" generated and stored, "v" generated and virtual.
    generated: str = ""
    #: "" none, "a" always, "d" by default.
    identity: str = ""
    collation: str | None = None
    storage: str = ""
    compression: str = ""
    statistics: int | None = None
    options: tuple[str, ...] = ()
    #: The type is a domain with conditions or NOT NULL.
    constrained_domain: bool = False
    dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintFacts:
    """A constraint at one moment."""

    oid: int
    name: str
    #: "check", "foreign key", "unique", "primary key", "exclusion", "not null", "trigger".
    kind: str
    #: 0: it is a domain's.
    table_oid: int
    table: str
    #: The domain that it is on.
    domain: str | None = None
    columns: tuple[str, ...] = ()
    #: The table that a foreign key points to.
    references: str | None = None
    references_oid: int | None = None
    validated: bool = True
    enforced: bool = True
    deferrable: bool = False
    #: The index that carries it, or, of a foreign key, that it points to.
    index_oid: int | None = None
    #: As pg_get_constraintdef writes it, for example "CHECK ((a > 0))".
    definition: str = ""
    #: The constraint of a partitioned table that this one is the partition's part of.
    parent_oid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """An index at one moment; its name and file are in its RelationFacts."""

    oid: int
    name: str
    table_oid: int
    table: str
    valid: bool
    ready: bool
    unique: bool
    primary: bool
    #: Key columns in order; None for an expression.
    columns: tuple[str | None, ...] = ()
    #: As pg_get_indexdef writes it.
    definition: str = ""
    #: It has a WHERE.
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """Any other object: "schema", "function", "procedure", "aggregate", "enum", "domain", "type",
    "range", "trigger", "event trigger", "rule", "policy", "extension", "statistics",
    "publication", "enum value", "sequence value", "cast", "operator", "collation".
    """

    kind: str
    oid: int
    #: As people write it; of a function with its arguments.
    name: str
    #: The table, or type, that it belongs to.
    of: str | None = None
    of_oid: int | None = None
    #: Changes whenever its row in the catalog does.
    stamp: str = ""
    #: Of a domain the type behind it.
    definition: str = ""


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All of that at one moment, by OID, without Banister's own tables."""

    relations: Mapping[int, RelationFacts] = field(default_factory=dict)
    #: By the table and the column's number.
    columns: Mapping[tuple[int, int], ColumnFacts] = field(default_factory=dict)
    constraints: Mapping[int, ConstraintFacts] = field(default_factory=dict)
    indexes: Mapping[int, IndexFacts] = field(default_factory=dict)
    #: By kind and OID.
    objects: Mapping[tuple[str, int], ObjectFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Generic[Facts]):
    """One object before and after a statement."""

    #: None: the statement made it.
    before: Facts | None
    #: None: the statement dropped it.
    after: Facts | None

    @property
    def made(self) -> bool:
        """Whether the statement made it."""
        return self.before is None

    @property
    def dropped(self) -> bool:
        """Whether the statement dropped it."""
        return self.after is None

    @property
    def any(self) -> Facts:
        """What it is, or was where it is gone."""
        found = self.before if self.after is None else self.after
        if found is None:
            raise ValueError("a change of nothing")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock on a relation."""

    relation_oid: int
    #: As it was called when the lock was taken.
    relation: str
    kind: RelationKind
    mode: LockMode
    #: The table that an index belongs to, otherwise the relation itself.
    table: str
    table_oid: int
    #: The statement that took it, from 1.
    taken_by: int
    #: False: it was waited for while the statement was looked at.
    granted: bool = True

    @property
    def blocks(self) -> tuple[str, ...]:
        """What ordinary statements of others wait for it: of "reads" and "writes"."""
        # Nothing but REFRESH writes to a materialized view.
        if self.kind is RelationKind.MATERIALIZED_VIEW and "reads" not in self.mode.blocks:
            return ()
        return self.mode.blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A relation whose file was replaced by a new one."""

    relation_oid: int
    relation: str
    kind: RelationKind
    #: The table, where the relation is an index.
    table: str
    table_oid: int
    #: "rewrite": every row was written again; "truncate": the rows are gone; "reset": a sequence.
    how: str
    #: Of "persistence", "default", "type", "access method"; empty where it is not known.
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A table that was read whole."""

    table_oid: int
    table: str
    #: "verify" (a condition is checked), "foreign key", "rewrite", "read" (any other).
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """An index whose entries were made from the rows of its table."""

    index_oid: int
    index: str
    table_oid: int
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Rows of a table that a statement wrote, and how many the table of the copy had before."""

    table_oid: int
    table: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rows_before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A table that a statement is to update or delete rows of, whether it met any or none."""

    table_oid: int
    table: str
    #: "update" or "delete".
    how: str
    #: Rows are found by a unique key with values that stand in the statement.
    by_key: bool = False


@dataclass(frozen=True, kw_only=True)
class StatementTrace:
    """All that was seen of one statement."""

    #: From 1, in its step.
    number: int
    #: The last of several that only write rows and were looked at together; 0: it is one.
    through: int = 0
    statement: Statement
    #: Locks on relations that it took, or made stronger; those of catalogs are left out.
    locks: tuple[Lock, ...] = ()
    #: Locks of earlier statements of the same transaction, held while it ran.
    held: tuple[Lock, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    scans: tuple[Scan, ...] = ()
    builds: tuple[Build, ...] = ()
    written: tuple[Written, ...] = ()
    aims: tuple[Aim, ...] = ()
    #: The code that it leads to: its own, as of DO, and that of functions and triggers.
    code: str = ""
    relations: tuple[Changed[RelationFacts], ...] = ()
    columns: tuple[Changed[ColumnFacts], ...] = ()
    constraints: tuple[Changed[ConstraintFacts], ...] = ()
    indexes: tuple[Changed[IndexFacts], ...] = ()
    objects: tuple[Changed[ObjectFacts], ...] = ()
    #: What the server said, at any level from DEBUG1 on.
    notices: tuple[str, ...] = ()
    #: What the server dropped along with what the statement names, as it calls it.
    cascaded: tuple[str, ...] = ()
    #: Settings that hold beyond the transaction, with their new values.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: The lock timeout it ran under, in seconds; 0: none.
    lock_timeout: float = 0.0
    #: It cannot run, or did not run, in a transaction.
    alone: bool = False
    #: Why the server refused it.
    failure: Failure | None = None
    #: Why it fails where tables hold generated rows, while it runs on empty ones.
    failure_on_rows: Failure | None = None
    duration_ms: int = 0

    @cached_property
    def all_locks(self) -> tuple[Lock, ...]:
        """Those held before it and those it took."""
        return (*self.held, *self.locks)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """How large a table of the target is; None: not known."""

    rows: int | None = None
    #: With its indexes and what is stored out of line.
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a copy of a database needs to know of it beside its schema."""

    #: Of its tables, by name.
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    #: Settings that change what statements do, as sessions have them there.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: Roles that own something there, or are given a right.
    roles: frozenset[str] = frozenset()
    #: All roles that there are, also those.
    other_roles: frozenset[str] = frozenset()
    #: Those that policies do not hold back.
    past_policies: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced(Event):
    """A statement was carried out, or refused, under observation."""

    step: Step
    trace: StatementTrace
    #: As they were before the statement.
    before: Catalog
