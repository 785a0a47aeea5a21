"""Tables that a run makes and an earlier migration of it fills with the target's rows. No I/O."""

import re
from collections.abc import Iterator, Mapping

from banister.model import RelationFacts, RelationKind, StatementTrace
from banister.rehearsal.judging import Tried

__all__ = ["with_inherited"]

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})
_FILLS = frozenset({"DO", "INSERT", "MERGE", "WITH"})
_WORD = re.compile(r"\w+")
#: Characters of a statement in which tables are looked for.
_WITHIN = 100_000


def with_inherited(
    existing: Mapping[int, RelationFacts], tried: Tried
) -> Mapping[int, RelationFacts]:
    """Return the tables that hold rows of the target when a migration is done.

    Those of before, and what the migration has made that rows of theirs went into, that became a
    partition of theirs, or that has the name of one now: for migrations behind it they count as
    tables that were there.
    """
    found = dict(existing)
    for trace, catalog in zip(tried.traces, tried.before, strict=True):
        changed = {each.any.oid: each.any for each in trace.relations}
        tables = {
            oid: facts
            for oid, facts in {**catalog.relations, **changed}.items()
            if facts.kind in _TABLES
        }
        for oid in _taken_in(found, tables, trace):
            found.setdefault(oid, tables[oid])
        for oid in changed.keys() & (found.keys() - existing.keys()):
            found[oid] = changed[oid]
    return found


def _taken_in(
    found: Mapping[int, RelationFacts], tables: Mapping[int, RelationFacts], trace: StatementTrace
) -> Iterator[int]:
    names = {facts.name for facts in found.values() if facts.kind in _TABLES}
    for change in trace.relations:
        now = change.after
        if now is None or now.oid not in tables:
            continue
        if now.name in names or any(parent in found for parent in now.parents):
            yield now.oid
    words = {word.lower() for word in _WORD.findall(trace.statement.text[:_WITHIN])}
    if not any(facts.bare_name.lower() in words for facts in found.values()):
        return
    yield from (each.table_oid for each in trace.written if each.table_oid in tables)
    first = next(iter(_WORD.findall(trace.statement.text[:_WITHIN])), "").upper()
    made = first == "CREATE" and "as" in words
    if made or first in _FILLS:
        yield from (oid for oid, facts in tables.items() if facts.bare_name.lower() in words)
