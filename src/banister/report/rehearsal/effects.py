"""What a statement did to tables that were there before: rewritten, read, emptied. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from banister.model import RelationKind, StatementTrace, TableSize, Written
from banister.rehearsal import Rehearsal
from banister.rehearsal.sizes import size_words
from banister.report.style import plural

__all__ = ["Effect", "Tables", "effects_of", "tables_of"]

_SCANNED = {
    "verify": "reads all of {} to check a condition",
    "foreign key": "reads all of {} to check a foreign key",
    "read": "reads all of {}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing that takes the longer, the larger a table is."""

    #: For example "rewrites portfolios and 3 indexes".
    words: str
    #: The table, where its size says how long it takes.
    table: str | None = None
    size: TableSize = field(default_factory=TableSize)
    #: False: it alone is no reason to speak of a statement.
    matters: bool = True

    def __str__(self) -> str:
        """Return both."""
        size = size_words(self.size)
        return f"{self.words}: {size}" if size else self.words


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a run by OID, since the run may rename them."""

    sizes: Mapping[str, TableSize]
    #: The name before the run of those that it renames; None: the run made it.
    before: Mapping[int, str | None]

    def is_new(self, oid: int) -> bool:
        """Whether the run made it."""
        return oid in self.before and self.before[oid] is None

    def size(self, oid: int, name: str) -> TableSize:
        """Return how large the table is in the target."""
        known_as = self.before.get(oid, name)
        return TableSize() if known_as is None else self.sizes.get(known_as, TableSize())


def tables_of(rehearsal: Rehearsal) -> Tables:
    """Follow the tables of a run from its first statement on."""
    before: dict[int, str | None] = {}
    for migration in rehearsal.migrations:
        for statement in migration.statements:
            for change in statement.trace.relations:
                before.setdefault(
                    change.any.oid, None if change.before is None else change.before.name
                )
    return Tables(sizes=rehearsal.sizes, before=before)


def effects_of(trace: StatementTrace, tables: Tables) -> tuple[Effect, ...]:
    """Return what the statement did to tables that were there before the run, heaviest first."""
    rewritten = _rewritten(trace, tables)
    rest = (
        *_emptied(trace, tables),
        *_scanned(trace, tables, rewritten),
        *_built(trace, tables, rewritten),
        *_wrote(trace, tables),
        *_cascaded(trace),
    )
    return (*rewritten.values(), *rest)


def _rewritten(trace: StatementTrace, tables: Tables) -> dict[int, Effect]:
    told: dict[int, Effect] = {}
    for one in trace.rewrites:
        if one.how != "rewrite" or one.table_oid in told or tables.is_new(one.table_oid):
            continue
        same = [r for r in trace.rewrites if r.table_oid == one.table_oid and r.how == "rewrite"]
        of_table = any(r.relation_oid == r.table_oid for r in same)
        kinds = {RelationKind.INDEX, RelationKind.PARTITIONED_INDEX}
        indexes = {r.relation_oid for r in same if r.kind in kinds}
        if of_table:
            indexes |= {b.index_oid for b in trace.builds if b.table_oid == one.table_oid}
        count = "1 index" if len(indexes) == 1 else f"{len(indexes)} indexes"
        if of_table:
            words = f"rewrites {one.table}" + (f" and {count}" if indexes else "")
        elif indexes:
            words = f"builds {count} of {one.table} again"
        else:
            continue
        told[one.table_oid] = Effect(
            words=words, table=one.table, size=tables.size(one.table_oid, one.table)
        )
    return told


def _emptied(trace: StatementTrace, tables: Tables) -> list[Effect]:
    gone = {
        one.table_oid: one.table
        for one in trace.rewrites
        if one.how == "truncate"
        and one.relation_oid == one.table_oid
        and not tables.is_new(one.table_oid)
    }
    return [
        Effect(words=f"empties {t}", table=t, size=tables.size(oid, t)) for oid, t in gone.items()
    ]


def _scanned(
    trace: StatementTrace, tables: Tables, rewritten: Mapping[int, Effect]
) -> list[Effect]:
    told: dict[int, Effect] = {}
    ranks = list(_SCANNED)
    known = [one for one in trace.scans if one.why in _SCANNED]
    for one in sorted(known, key=lambda scan: ranks.index(scan.why)):
        if one.table_oid in told or one.table_oid in rewritten or tables.is_new(one.table_oid):
            continue
        size = tables.size(one.table_oid, one.table)
        told[one.table_oid] = Effect(
            words=_SCANNED[one.why].format(one.table), table=one.table, size=size
        )
    return list(told.values())


def _built(trace: StatementTrace, tables: Tables, rewritten: Mapping[int, Effect]) -> list[Effect]:
    again = {one.relation_oid for one in trace.rewrites}
    return [
        Effect(
            words=f"builds index {one.index} on {one.table}",
            table=one.table,
            size=tables.size(one.table_oid, one.table),
        )
        for one in trace.builds
        if one.table_oid not in rewritten
        and one.index_oid not in again
        and not tables.is_new(one.table_oid)
    ]


def _wrote(trace: StatementTrace, tables: Tables) -> list[Effect]:
    told = []
    for one in trace.written:
        if tables.is_new(one.table_oid):
            continue
        size = tables.size(one.table_oid, one.table)
        if one.updated:
            told.append(_share("updates", one.updated, one, size))
        if one.deleted:
            told.append(_share("deletes", one.deleted, one, size))
        if one.inserted:
            words = f"inserts {plural(one.inserted, 'row')} into {one.table}"
            told.append(Effect(words=words, matters=False))
    return told


def _share(verb: str, count: int, one: Written, size: TableSize) -> Effect:
    """Return how many rows of the target are written, from the share of those on the copy."""
    rows = affected_rows(count, one, size)
    whole = one.rows_before is not None and 0 < one.rows_before <= count
    said = f"{verb} {'all' if whole else 'some'} rows of {one.table}"
    if rows is None:
        return Effect(words=said)
    about = size_words(TableSize(rows=rows))
    return Effect(words=f"{said}, an estimated {about}")


def affected_rows(count: int, one: Written, size: TableSize) -> int | None:
    """Return an estimate of the rows of the target; None where it cannot be made."""
    if not one.rows_before or size.rows is None:
        return None
    return round(size.rows * min(1.0, count / one.rows_before))


def _cascaded(trace: StatementTrace) -> list[Effect]:
    if not trace.cascaded:
        return []
    shown, more = trace.cascaded[:5], len(trace.cascaded) - 5
    tail = f" and {more} more" if more > 0 else ""
    return [Effect(words=f"drops along with it {', '.join(shown)}{tail}")]
