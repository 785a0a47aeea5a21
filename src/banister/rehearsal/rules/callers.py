"""Rules about what running programs use beside tables: functions, types, rights. No I/O."""

from collections.abc import Iterator

from banister.model import Changed, Dialect, ObjectFacts, RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Seen
from banister.rehearsal.verdicts import Verdict
from banister.script import traits

__all__ = ["CALLERS"]

_ROUTINES = frozenset({"function", "procedure", "aggregate"})
_TYPES = frozenset({"enum", "domain", "range", "type"})
_HELD = frozenset({
    RelationKind.TABLE, RelationKind.PARTITIONED_TABLE, RelationKind.VIEW,
    RelationKind.MATERIALIZED_VIEW,
})  # fmt: skip
_MANUAL = "https://www.postgresql.org/docs/current/"


def _changed(seen: Seen, kinds: frozenset[str]) -> Iterator[Changed[ObjectFacts]]:
    """Yield what has changed of these kinds, but for what the migration itself has made."""
    made = {
        (change.any.kind, change.any.oid)
        for trace in seen.earlier
        for change in trace.objects
        if change.made
    }
    for change in seen.trace.objects:
        if change.any.kind in kinds and (change.any.kind, change.any.oid) not in made:
            yield change


def _dropped(seen: Seen, kinds: frozenset[str]) -> Iterator[Match]:
    # A type goes with the table that has its name.
    relations = {change.any.name for change in seen.trace.relations if change.dropped}
    for change in _changed(seen, kinds):
        if change.dropped and change.any.name not in relations:
            yield Match(names={"kind": change.any.kind, "name": change.any.name})


def _renamed(seen: Seen, kinds: frozenset[str]) -> Iterator[Match]:
    for change in _changed(seen, kinds):
        before, after = change.before, change.after
        if before is not None and after is not None and before.name != after.name:
            names = {"kind": before.kind, "name": before.name, "new": after.name}
            yield Match(names=names)


def _routines_dropped(seen: Seen) -> Iterator[Match]:
    return _dropped(seen, _ROUTINES)


def _routines_renamed(seen: Seen) -> Iterator[Match]:
    return _renamed(seen, _ROUTINES)


def _types_dropped(seen: Seen) -> Iterator[Match]:
    return _dropped(seen, _TYPES)


def _types_renamed(seen: Seen) -> Iterator[Match]:
    return _renamed(seen, _TYPES)


def _revoked(seen: Seen) -> Iterator[Match]:
    words = traits(seen.trace.statement, Dialect.POSTGRESQL).words
    if words[:1] != ("REVOKE",):
        return
    for change in seen.trace.relations:
        if seen.was_there(change.any.oid) and change.any.kind in _HELD:
            yield Match(table_oid=None, names={"table": change.any.name})


CALLERS = (
    Hazard(
        rule="drop-routine",
        title="A function, procedure or aggregate is dropped",
        effect="{kind} {name} is gone: an application that still calls it fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="let no program call it first; CREATE OR REPLACE changes one and keeps its rights",
        source=_MANUAL + "sql-dropfunction.html",
        meets=_routines_dropped,
    ),
    Hazard(
        rule="rename-routine",
        title="A function, procedure or aggregate gets another name",
        effect="{kind} {name} is called {new} now: an application that still says {name} fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="make one with the old name, which calls the new one, in the same migration",
        source=_MANUAL + "sql-alterfunction.html",
        meets=_routines_renamed,
    ),
    Hazard(
        rule="drop-type",
        title="A type is dropped",
        effect="{kind} {name} is gone: an application that still names it, as in a cast, fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="let no program name it first",
        source=_MANUAL + "sql-droptype.html",
        meets=_types_dropped,
    ),
    Hazard(
        rule="rename-type",
        title="A type gets another name",
        effect="{kind} {name} is called {new} now: an application that still says {name}, as in a"
        " cast, fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="make a domain with the old name over the new type in the same migration",
        source=_MANUAL + "sql-altertype.html",
        meets=_types_renamed,
    ),
    Hazard(
        rule="revoke",
        title="Rights are taken away",
        effect="takes rights on {table} away: an application of a role that still uses them fails"
        " with: permission denied",
        verdict=Verdict.BRIEF_LOCK,
        advice="let no program of that role use them first",
        source=_MANUAL + "sql-revoke.html",
        meets=_revoked,
    ),
)
