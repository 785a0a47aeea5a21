"""Rules about UNIQUE, PRIMARY KEY and EXCLUDE constraints. No I/O."""

from collections.abc import Iterator

from banister.model import ConstraintFacts, IndexFacts
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import (
    facts_of,
    is_partitioned,
    new_columns,
    new_constraints,
    rewritten,
    scanned,
)
from banister.rehearsal.rules.texts import CONCURRENTLY, not_null_names, then_not_null
from banister.rehearsal.verdicts import Verdict

__all__ = ["KEYS"]

_ALTER_TABLE = "https://www.postgresql.org/docs/current/sql-altertable.html"
_CREATE_INDEX = "https://www.postgresql.org/docs/current/sql-createindex.html"
_USING = "ALTER TABLE {table} ADD CONSTRAINT {constraint} {kind} USING INDEX {index}{when};"


def _made_with_index(seen: Seen, kind: str) -> Iterator[tuple[ConstraintFacts, IndexFacts]]:
    """Yield constraints whose index the statement has built on a table that was there before."""
    indexes = {change.any.oid: change.any for change in seen.trace.indexes if change.made}
    for key in new_constraints(seen, kind):
        index = indexes.get(key.index_oid or 0)
        if index is not None:
            yield key, index


def _names(seen: Seen, key: ConstraintFacts, index: IndexFacts) -> dict[str, str]:
    build = index.definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
    when = " DEFERRABLE" if key.deferrable else ""
    if "INITIALLY DEFERRED" in key.definition:
        when += " INITIALLY DEFERRED"
    return {
        "table": key.table,
        "constraint": key.name,
        "index": index.name,
        "columns": ", ".join(key.columns),
        "kind": key.kind.upper(),
        "when": when,
        "concurrently": "" if is_partitioned(seen, key.table_oid) else build,
    }


def _unique(seen: Seen) -> Iterator[Match]:
    for key, index in _made_with_index(seen, "unique"):
        # A new column that fills itself is another rule's; its key still has to be built.
        told = not rewritten(seen, key.table_oid) and any(
            column.table_oid == key.table_oid and column.name in key.columns
            for column in new_columns(seen)
        )
        if not told:
            yield Match(table_oid=key.table_oid, names=_names(seen, key, index))


def _primary(seen: Seen) -> Iterator[Match]:
    for key, index in _made_with_index(seen, "primary key"):
        names = {**_names(seen, key, index), **_nullable(seen, key)}
        yield Match(table_oid=key.table_oid, names=names)


def _nullable(seen: Seen, key: ConstraintFacts) -> dict[str, str]:
    before = {
        column.name: column.not_null
        for column in seen.before.columns.values()
        if column.table_oid == key.table_oid
    }
    partitioned = is_partitioned(seen, key.table_oid)
    wanted = [name for name in key.columns if not before.get(name, True) and not partitioned]
    return not_null_names(facts_of(seen, key.table_oid), wanted)


def _primary_of_nullable(seen: Seen) -> Iterator[Match]:
    made = {change.any.oid for change in seen.trace.indexes if change.made}
    for key in new_constraints(seen, "primary key"):
        if key.index_oid in made or not scanned(seen, key.table_oid, "verify"):
            continue
        index = next(c.before for c in seen.trace.indexes if c.any.oid == key.index_oid)
        if index is not None:
            names = {**_names(seen, key, index), **_nullable(seen, key)}
            yield Match(table_oid=key.table_oid, names=names)


def _exclusion(seen: Seen) -> Iterator[Match]:
    for key, index in _made_with_index(seen, "exclusion"):
        yield Match(table_oid=key.table_oid, names=_names(seen, key, index))


KEYS = (
    Hazard(
        rule="add-unique-constraint",
        title="A UNIQUE constraint is added and its index built at once",
        effect="reads {table} and builds {index} while nobody can read or write the table",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=(CONCURRENTLY, _USING), only_if="concurrently"),),
        advice="on a partitioned table build the index ON ONLY it, CONCURRENTLY on each partition,"
        " and attach these",
        source=_ALTER_TABLE,
        meets=_unique,
    ),
    Hazard(
        rule="add-primary-key",
        title="A primary key is added and its index built at once",
        effect="reads {table}, looks for NULL in {columns} and builds {index} while nobody can"
        " read or write the table",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=then_not_null(after=(CONCURRENTLY, _USING), only_if="concurrently"),
        source=_ALTER_TABLE,
        meets=_primary,
    ),
    Hazard(
        rule="primary-key-using-index-nullable",
        title="A primary key takes an index over columns that may be NULL",
        effect="reads all of {table} while nobody can read or write it, to look for NULL in"
        " {columns}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=then_not_null(after=(_USING,)),
        source=_ALTER_TABLE,
        meets=_primary_of_nullable,
    ),
    Hazard(
        rule="add-exclusion-constraint",
        title="An EXCLUDE constraint is added",
        effect="reads {table} and builds {index} while nobody can read or write the table",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        advice="there is no way to add it to a table in use: make a second table with it, copy the"
        " rows batch by batch while a trigger keeps both, and exchange their names",
        source=_CREATE_INDEX,
        meets=_exclusion,
    ),
)
