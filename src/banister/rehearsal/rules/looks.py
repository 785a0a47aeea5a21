"""What several rules ask of a statement, in words. No I/O."""

from collections.abc import Iterator

from banister.model import (
    Catalog,
    ColumnFacts,
    ConstraintFacts,
    RelationFacts,
    RelationKind,
)
from banister.rehearsal.rules.base import Seen

__all__ = [
    "altered_columns",
    "below",
    "dropped_columns",
    "facts_of",
    "is_partitioned",
    "is_table",
    "made_earlier",
    "new_columns",
    "new_constraints",
    "rewritten",
    "scanned",
    "tables_scanned",
]

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})


def facts_of(seen: Seen, oid: int) -> RelationFacts:
    """Return what a table was before the statement, or is where the statement has made it."""
    if oid in seen.before.relations:
        return seen.before.relations[oid]
    return next(change.any for change in seen.trace.relations if change.any.oid == oid)


def is_table(seen: Seen, oid: int) -> bool:
    """Whether it is a table, partitioned or not, that was there before the run."""
    return oid in seen.existing and seen.existing[oid].kind in _TABLES


def is_partitioned(seen: Seen, oid: int) -> bool:
    """Whether it is a partitioned table."""
    return facts_of(seen, oid).kind is RelationKind.PARTITIONED_TABLE


def below(catalog: Catalog, oid: int) -> Iterator[RelationFacts]:
    """Yield the tables that inherit from a table, partitions too, at any depth."""
    for facts in catalog.relations.values():
        if oid in facts.parents and facts.kind in _TABLES:
            yield facts
            yield from below(catalog, facts.oid)


def rewritten(seen: Seen, oid: int) -> bool:
    """Whether every row of a table, or of one that inherits from it, was written again."""
    written = {each.table_oid for each in seen.trace.rewrites if each.how == "rewrite"}
    return bool(written) and any(each in written for each in _family(seen, oid))


def scanned(seen: Seen, oid: int, why: str) -> bool:
    """Whether a table, or one that inherits from it, was read whole for that reason."""
    read = {each.table_oid for each in seen.trace.scans if each.why == why}
    return bool(read) and any(each in read for each in _family(seen, oid))


def tables_scanned(seen: Seen, why: str) -> Iterator[RelationFacts]:
    """Yield the tables that were there before the run and were read whole for that reason."""
    for scan in seen.trace.scans:
        if scan.why == why and scan.table_oid in seen.existing:
            yield seen.existing[scan.table_oid]


def new_columns(seen: Seen) -> Iterator[ColumnFacts]:
    """Yield the columns that tables of before the run have got; not again for their partitions."""
    made = [change.after for change in seen.trace.columns if change.made]
    names = {(column.table_oid, column.name) for column in made if column is not None}
    for column in made:
        if column is not None and is_table(seen, column.table_oid):
            above = _above(seen, column.table_oid)
            if not any((parent, column.name) in names for parent in above):
                yield column


def dropped_columns(seen: Seen) -> Iterator[ColumnFacts]:
    """Yield the columns that tables of before the run have lost; not again for their partitions.

    Those of dropped tables, and those that this migration has made itself, are not among them.
    """
    gone = {change.any.oid for change in seen.trace.relations if change.dropped}
    lost = [change.before for change in seen.trace.columns if change.dropped]
    names = {(column.table_oid, column.name) for column in lost if column is not None}
    for column in lost:
        if column is None or column.table_oid in gone or not is_table(seen, column.table_oid):
            continue
        above = _above(seen, column.table_oid)
        again = any((parent, column.name) in names for parent in above)
        if not again and not made_earlier(seen, column):
            yield column


def altered_columns(seen: Seen) -> Iterator[tuple[ColumnFacts, ColumnFacts]]:
    """Yield the columns of tables that were there before the run, as they were and as they are."""
    changed = [
        (change.before, change.after)
        for change in seen.trace.columns
        if change.before is not None and change.after is not None
    ]
    names = {(before.table_oid, before.name) for before, _ in changed}
    for before, after in changed:
        if is_table(seen, after.table_oid):
            above = _above(seen, after.table_oid)
            if not any((parent, before.name) in names for parent in above):
                yield before, after


def made_earlier(seen: Seen, column: ColumnFacts) -> bool:
    """Whether an earlier statement of the same migration has made the column."""
    return any(
        change.made
        and (change.any.table_oid, change.any.number) == (column.table_oid, column.number)
        for trace in seen.earlier
        for change in trace.columns
    )


def new_constraints(seen: Seen, *kinds: str) -> Iterator[ConstraintFacts]:
    """Yield the constraints of these kinds that tables of before the run have got.

    Not among them: those that a change of a type made again, and those of partitions that follow
    from their table's.
    """
    changes = seen.trace.constraints
    again = {(c.any.table_oid, c.any.name) for c in changes if c.dropped}
    names = {(c.any.table_oid, c.any.name) for c in changes if c.made}
    for change in changes:
        made = change.after
        if made is None or not change.made or made.kind not in kinds:
            continue
        if not is_table(seen, made.table_oid) or (made.table_oid, made.name) in again:
            continue
        above = _above(seen, made.table_oid)
        inherited = any((parent, made.name) in names for parent in above)
        if made.parent_oid is None and not inherited:
            yield made


def _family(seen: Seen, oid: int) -> Iterator[int]:
    yield oid
    yield from (facts.oid for facts in below(seen.before, oid))


def _above(seen: Seen, oid: int) -> Iterator[int]:
    for parent in facts_of(seen, oid).parents:
        yield parent
        yield from _above(seen, parent)
