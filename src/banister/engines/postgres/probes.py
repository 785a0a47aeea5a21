"""What the catalogs hold at one moment, and what changed between two moments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg.rows import TupleRow

from banister.engines.postgres.session import Connection
from banister.engines.queries import load_queries
from banister.model import (
    Catalog,
    Changed,
    ColumnFacts,
    ConstraintFacts,
    IndexFacts,
    ObjectFacts,
    RelationFacts,
    RelationKind,
)

__all__ = ["Look", "changes_between", "look_at", "probe_queries"]

Facts = TypeVar("Facts")
Key = TypeVar("Key", int, tuple[int, int])

#: A table has fewer columns: https://www.postgresql.org/docs/current/limits.html
_COLUMNS = 2048

_KINDS = {
    "r": RelationKind.TABLE,
    "p": RelationKind.PARTITIONED_TABLE,
    "i": RelationKind.INDEX,
    "I": RelationKind.PARTITIONED_INDEX,
    "v": RelationKind.VIEW,
    "m": RelationKind.MATERIALIZED_VIEW,
    "S": RelationKind.SEQUENCE,
    "f": RelationKind.FOREIGN_TABLE,
    "c": RelationKind.COMPOSITE,
    "t": RelationKind.TOAST,
}
#: https://www.postgresql.org/docs/current/catalog-pg-constraint.html
_CONSTRAINTS = {
    "c": "check",
    "f": "foreign key",
    "u": "unique",
    "p": "primary key",
    "x": "exclusion",
    "n": "not null",
    "t": "trigger",
}


def probe_queries() -> Mapping[str, str]:
    """Return the queries that probes are made of, by name."""
    return load_queries(__package__ or "", "probes.sql")


@dataclass(frozen=True, kw_only=True)
class Look:
    """The catalogs at one moment, and what the next look needs to read only what has changed."""

    catalog: Catalog
    #: Whatever is written behind it is written by this transaction or a later one.
    xid: str
    #: Where that changes, much may be called otherwise: everything is read again.
    marks: tuple[str | None, ...]
    #: Names of tables, types and schemas, by OID: what others are told by.
    names: Mapping[str, str]


def look_at(connection: Connection, hidden: Sequence[int], last: Look | None = None) -> Look:
    """Return what the catalogs hold as this session sees them, in its open transaction if any.

    `last` is an earlier look of the same session. Raises psycopg.Error.
    """
    queries, since = probe_queries(), None if last is None else last.xid
    values = {"hidden": list(hidden), "since": since}
    parts = ("there", "relations", "columns", "constraints", "indexes", "objects")
    with connection.pipeline():
        cursors = [connection.execute(queries[part].encode(), values) for part in parts]
    (there,), relations, columns, constraints, indexes, objects = (e.fetchall() for e in cursors)
    marks = tuple(there[5])
    names = dict(each.split(" ", 1) for each in there[6])
    if last is not None and (last.marks != marks or _renamed(last.names, names)):
        return look_at(connection, hidden)
    old = Catalog() if last is None else last.catalog
    numbers = [divmod(each, _COLUMNS) for each in there[1]]
    catalog = Catalog(
        relations=_merged(old.relations, {r[0]: _relation(r) for r in relations}, there[0]),
        columns=_merged(
            old.columns, {(r[0], r[2]): _column(r) for r in columns if not r[15]}, numbers
        ),
        constraints=_merged(old.constraints, {r[0]: _constraint(r) for r in constraints}, there[2]),
        indexes=_merged(old.indexes, {r[0]: _index(r) for r in indexes}, there[3]),
        objects=_as_before(old.objects, {(row[0], row[1]): _object(row) for row in objects}),
    )
    return Look(catalog=catalog, xid=there[4], marks=marks, names=names)


def _renamed(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    return any(new.get(oid, name) != name for oid, name in old.items())


def _merged(
    old: Mapping[Key, Facts], new: Mapping[Key, Facts], there: Iterable[Key]
) -> Mapping[Key, Facts]:
    """Return what is there now; where nothing has changed, the same object as before."""
    if not new and old.keys() <= (keys := set(there)) and len(old) <= len(keys):
        return old
    both = {**old, **new}
    return {key: both[key] for key in there if key in both}


def _as_before(
    old: Mapping[tuple[str, int], ObjectFacts], new: Mapping[tuple[str, int], ObjectFacts]
) -> Mapping[tuple[str, int], ObjectFacts]:
    """Return objects whose rows are the same as they were: their names go by the search_path."""
    return {
        key: old[key] if key in old and _same_row(old[key], facts) else facts
        for key, facts in new.items()
    }


def _same_row(old: ObjectFacts, new: ObjectFacts) -> bool:
    # The place of a value in its enum is in no stamp.
    if new.kind == "enum value" and old.definition != new.definition:
        return False
    return old.stamp == new.stamp


def changes_between(
    before: Mapping[Any, Facts], after: Mapping[Any, Facts]
) -> tuple[Changed[Facts], ...]:
    """Return what was made, dropped or altered, in the order of the keys."""
    if before is after:
        return ()
    return tuple(
        Changed(before=before.get(key), after=after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    )


def _relation(row: TupleRow) -> RelationFacts:
    return RelationFacts(
        oid=row[0], name=row[1], bare_name=row[2], schema=row[3], kind=_KINDS[row[4]],
        filenode=row[5], persistence=row[6], owner=row[7], access_method=row[8], tablespace=row[9],
        row_security=row[10], force_row_security=row[11], replica_identity=row[12],
        options=tuple(row[13]), table_oid=row[14], parents=tuple(row[15]), is_partition=row[16],
        detach_pending=row[17], default_partition=row[18], in_publication=row[19], stamp=row[20],
        partition_bound=row[21], partition_key=row[22],
    )  # fmt: skip


def _column(row: TupleRow) -> ColumnFacts:
    return ColumnFacts(
        table_oid=row[0], table=row[1], number=row[2], name=row[3], type=row[4], not_null=row[5],
        default=row[6], generated=row[7], identity=row[8], collation=row[9], storage=row[10],
        compression=row[11], statistics=row[12], options=tuple(row[13]),
        constrained_domain=bool(row[14]), dropped=row[15],
    )  # fmt: skip


def _constraint(row: TupleRow) -> ConstraintFacts:
    return ConstraintFacts(
        oid=row[0], name=row[1], kind=_CONSTRAINTS[row[2]], table_oid=row[3],
        table=row[4], domain=row[5], columns=tuple(row[6]), references=row[7],
        references_oid=row[8], validated=row[9], enforced=row[10], deferrable=row[11],
        index_oid=row[12], definition=row[13], parent_oid=row[14],
    )  # fmt: skip


def _index(row: TupleRow) -> IndexFacts:
    return IndexFacts(
        oid=row[0], name=row[1], table_oid=row[2], table=row[3], valid=row[4], ready=row[5],
        unique=row[6], primary=row[7], columns=tuple(row[8]), definition=row[9], partial=row[10],
    )  # fmt: skip


def _object(row: TupleRow) -> ObjectFacts:
    return ObjectFacts(
        kind=row[0], oid=row[1], name=row[2], of=row[3], of_oid=row[4], stamp=row[5],
        definition=row[6] or "",
    )  # fmt: skip
