"""Rules about building and dropping indexes while others wait. No I/O."""

import re
from collections.abc import Iterator, Mapping

from banister.errors import Severity
from banister.model import IndexFacts, LockMode, RelationFacts, RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.verdicts import Verdict

__all__ = ["INDEXES"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_CREATE_INDEX = _MANUAL + "sql-createindex.html"
_OUTSIDE = "-- banister: transaction=off\n"
_SKIPPED = re.compile(r'relation "(.+)" already exists, skipping\Z')


def _concurrently(definition: str, *more: str) -> str:
    return definition.replace(" INDEX ", " ".join((" INDEX CONCURRENTLY", *more, "")), 1) + ";"


def _of_constraints(seen: Seen) -> set[int | None]:
    """Return the indexes that came or went with the constraint that they carry."""
    changes = (c for c in seen.trace.constraints if c.any.kind != "foreign key")
    return {c.any.index_oid for c in changes if c.made or c.dropped}


def _made_again(seen: Seen) -> set[tuple[int, str]]:
    """Return the indexes that the statement has replaced by new ones, by table and name."""
    changes = seen.trace.indexes
    made = {(c.any.table_oid, c.any.name) for c in changes if c.made}
    return made & {(c.any.table_oid, c.any.name) for c in changes if c.dropped}


def _newly_made(seen: Seen) -> Iterator[tuple[IndexFacts, RelationFacts]]:
    """Yield indexes that came by themselves, on tables that were there, while writers waited.

    Not among them: parts of another index, and those that carry a constraint.
    """
    facts = {c.any.oid: c.any for c in seen.trace.relations}
    carried, again = _of_constraints(seen), _made_again(seen)
    for change in seen.trace.indexes:
        index = change.after
        if index is None or not change.made or index.oid in carried:
            continue
        if (index.table_oid, index.name) in again or index.oid not in facts:
            continue
        blocked = seen.was_there(index.table_oid) and seen.holds(index.table_oid, LockMode.SHARE)
        if blocked and not facts[index.oid].parents:
            yield index, facts[index.oid]


def _built_while_writers_wait(seen: Seen) -> Iterator[Match]:
    built = {build.index_oid for build in seen.trace.builds}
    for index, _ in _newly_made(seen):
        if index.oid in built:
            names = {"table": index.table, "index": index.name}
            names["concurrently"] = _concurrently(index.definition)
            yield Match(table_oid=index.table_oid, names=names)


def _built_on_partitions(seen: Seen) -> Iterator[Match]:
    after = {c.any.oid: c.any for c in seen.trace.relations if not c.dropped}
    built = {build.index_oid for build in seen.trace.builds if seen.was_there(build.table_oid)}
    made = {c.any.oid: c.any for c in seen.trace.indexes if c.made}
    for index, facts in _newly_made(seen):
        parts = tuple(_below(after, facts.oid))
        if facts.kind is not RelationKind.PARTITIONED_INDEX:
            continue
        if not built.intersection(part.oid for part in parts):
            continue
        leaves = [made[part.oid] for part in parts if part.oid in built]
        only = [index, *(made[p.oid] for p in parts if p.oid in made and p.oid not in built)]
        attached = (
            f"ALTER INDEX {after[part.parents[0]].name} ATTACH PARTITION {part.name};"
            for part in reversed(parts)
        )
        names = {
            "table": index.table,
            "index": index.name,
            "partitions": ", ".join(leaf.table for leaf in leaves),
            "only": "\n".join(f"{each.definition};" for each in only),
            "builds": "\n".join(_concurrently(leaf.definition) for leaf in leaves),
            "attached": "\n".join(attached),
        }
        yield Match(table_oid=index.table_oid, names=names)


def _below(relations: Mapping[int, RelationFacts], oid: int) -> Iterator[RelationFacts]:
    """Yield the parts of a partitioned index, each behind the one that it is a part of."""
    for facts in relations.values():
        if oid in facts.parents:
            yield facts
            yield from _below(relations, facts.oid)


def _made_already(seen: Seen) -> Iterator[Match]:
    skipped = {found[1] for text in seen.trace.notices if (found := _SKIPPED.match(text))}
    for index in seen.before.indexes.values():
        relation = seen.before.relations[index.oid]
        table = index.table_oid
        if relation.bare_name not in skipped or not seen.was_there(table):
            continue
        if seen.took(table, LockMode.SHARE) and not seen.trace.alone:
            again = _concurrently(index.definition, "IF NOT EXISTS")
            partitioned = relation.kind is RelationKind.PARTITIONED_INDEX
            names = {
                "table": index.table,
                "index": relation.name,
                "definition": index.definition,
                "again": "" if partitioned else again,
            }
            yield Match(table_oid=table, names=names)


def _dropped_alone(seen: Seen) -> Iterator[Match]:
    gone = {c.any.oid for c in seen.trace.relations if c.dropped}
    with_column = {c.any.table_oid for c in seen.trace.columns if c.dropped}
    carried, again = _of_constraints(seen), _made_again(seen)
    for change in seen.trace.indexes:
        index = change.before
        if index is None or not change.dropped or not seen.was_there(index.oid):
            continue
        if index.table_oid in gone | with_column or index.oid in carried or seen.trace.alone:
            continue
        relation = seen.before.relations[index.oid]
        if gone.intersection(relation.parents) or (index.table_oid, index.name) in again:
            continue
        partitioned = relation.kind is RelationKind.PARTITIONED_INDEX
        yield Match(
            table_oid=index.table_oid,
            names={
                "table": index.table,
                "index": relation.name,
                "hint": "; that of a partitioned table cannot go CONCURRENTLY" * partitioned,
                "alone": "" if partitioned else f"DROP INDEX CONCURRENTLY {relation.name};",
            },
        )


def _dropped_with_constraint(seen: Seen) -> Iterator[Match]:
    gone = {c.any.oid for c in seen.trace.relations if c.dropped}
    dropped = {c.any.oid for c in seen.trace.constraints if c.dropped}
    made = {(c.any.table_oid, c.any.name) for c in seen.trace.constraints if c.made}
    lost = {(c.any.table_oid, c.any.name) for c in seen.trace.columns if c.dropped}
    for change in seen.trace.constraints:
        key = change.before
        if key is None or not change.dropped or key.kind == "foreign key":
            continue
        if key.index_oid not in gone or key.table_oid in gone or not seen.was_there(key.index_oid):
            continue
        if key.parent_oid in dropped or (key.table_oid, key.name) in made:
            continue
        if not any((key.table_oid, column) in lost for column in key.columns):
            names = {"table": key.table, "constraint": key.name, "kind": key.kind}
            names["columns"] = ", ".join(key.columns)
            yield Match(table_oid=key.table_oid, names=names)


def _rebuilt(seen: Seen) -> Iterator[Match]:
    excluding = {k.index_oid for k in seen.before.constraints.values() if k.kind == "exclusion"}
    moved = {
        c.any.oid
        for c in seen.trace.relations
        if c.before is not None and c.before.tablespace != c.any.tablespace
    }
    tables: dict[int, list[int]] = {}
    for build in seen.trace.builds:
        known = build.index_oid in seen.before.indexes and seen.was_there(build.index_oid)
        if known and build.index_oid not in moved:
            tables.setdefault(build.table_oid, []).append(build.index_oid)
    for table, indexes in tables.items():
        again = [seen.before.relations[oid].name for oid in indexes if oid not in excluding]
        kept = excluding.intersection(indexes)
        names = {
            "table": seen.before.relations[table].name,
            "hint": "that of an EXCLUDE constraint cannot be built CONCURRENTLY" if kept else "",
            "indexes": ", ".join(seen.before.relations[oid].name for oid in indexes),
            "again": "\n".join(f"REINDEX INDEX CONCURRENTLY {name};" for name in again),
        }
        yield Match(table_oid=table, names=names)


INDEXES = (
    Hazard(
        rule="create-index-blocking",
        title="CREATE INDEX without CONCURRENTLY",
        effect="builds {index} while nobody can write to {table}",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(Safer(files=(_OUTSIDE + "{concurrently}",)),),
        source=_CREATE_INDEX + "#SQL-CREATEINDEX-CONCURRENTLY",
        meets=_built_while_writers_wait,
    ),
    Hazard(
        rule="create-index-partitioned",
        title="CREATE INDEX on a partitioned table builds on all partitions at once",
        effect="builds {index} on {partitions} while nobody can write to {table}",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(Safer(files=("{only}", _OUTSIDE + "{builds}", "{attached}")),),
        advice="{index} is not used before all its parts are attached",
        source=_MANUAL + "ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE",
        meets=_built_on_partitions,
    ),
    Hazard(
        rule="create-index-if-not-exists-noop",
        title="CREATE INDEX IF NOT EXISTS waits for writers, also where the index exists",
        effect="stops everybody who writes to {table}, only to find that {index} is there",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        safer=(Safer(files=(_OUTSIDE + "{again}",), only_if="again"),),
        advice="only the name is compared: the index that is there is {definition}; take the"
        " statement out, or look for the name first with to_regclass('{index}')",
        source=_CREATE_INDEX,
        meets=_made_already,
    ),
    Hazard(
        rule="drop-index-blocking",
        title="DROP INDEX without CONCURRENTLY",
        effect="drops {index}; nobody can read or write {table} meanwhile",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        safer=(Safer(files=(_OUTSIDE + "{alone}",), only_if="alone"),),
        advice="queries that went by {index} read {table} whole from then on: look for it in"
        " pg_stat_user_indexes first{hint}",
        source=_MANUAL + "sql-dropindex.html",
        meets=_dropped_alone,
    ),
    Hazard(
        rule="drop-constraint-index",
        title="Dropping a key drops its index, and nobody can read or write meanwhile",
        effect="drops the {kind} constraint {constraint} with its index; nobody can read or write"
        " {table} meanwhile",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="nothing keeps ({columns}) unique then, ON CONFLICT ({columns}) fails, and queries"
        " by these columns read {table} whole: build another index CONCURRENTLY before; there is"
        " no way to drop a constraint without the lock, so keep lock_timeout short",
        source=_MANUAL + "sql-altertable.html",
        meets=_dropped_with_constraint,
    ),
    Hazard(
        rule="reindex-blocking",
        title="REINDEX without CONCURRENTLY",
        effect="builds {indexes} again while nobody can write to {table}, nor plan a query on it",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=(_OUTSIDE + "{again}",), only_if="again"),),
        advice="{hint}",
        source=_MANUAL + "sql-reindex.html#SQL-REINDEX-CONCURRENTLY",
        meets=_rebuilt,
    ),
)
