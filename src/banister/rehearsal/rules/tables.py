"""Rules about tables as a whole: dropped, emptied, renamed, written again. No I/O."""

from collections.abc import Iterator

from banister.model import Changed, LockMode, RelationFacts, RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.verdicts import Verdict

__all__ = ["TABLES"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_TABLES = frozenset(
    {RelationKind.TABLE, RelationKind.PARTITIONED_TABLE, RelationKind.FOREIGN_TABLE}
)
_VIEWS = frozenset({RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})
_FULL_REWRITES = frozenset({"VACUUM", "CLUSTER"})


def _dropped(seen: Seen) -> Iterator[Match]:
    if seen.trace.cascaded:
        return
    for change in seen.trace.relations:
        table = change.any
        whole = table.kind in _TABLES and not table.is_partition
        if change.dropped and whole and seen.was_there(table.oid):
            yield Match(table_oid=table.oid, names={"table": table.name})


def _dropped_along(seen: Seen) -> Iterator[Match]:
    trace = seen.trace
    touched = {
        *(c.any.oid for c in trace.relations if c.dropped),
        *(c.any.table_oid for c in trace.columns if c.dropped),
    }
    oids = sorted(oid for oid in touched if seen.was_there(oid))
    kinds = {seen.existing[oid].kind for oid in oids}
    if trace.cascaded and kinds & _TABLES and trace.statement.text[:4].upper() == "DROP":
        yield Match(names={"dropped": ", ".join(trace.cascaded)})


def _emptied(seen: Seen, *, along: bool) -> Iterator[Match]:
    cascaded = {
        text.removeprefix('truncate cascades to table "').removesuffix('"')
        for text in seen.trace.notices
        if text.startswith("truncate cascades to table ")
    }
    for rewrite in seen.trace.rewrites:
        facts = seen.existing.get(rewrite.relation_oid)
        if rewrite.how != "truncate" or facts is None:
            continue
        if (facts.bare_name in cascaded) is along:
            yield Match(table_oid=facts.oid, names={"table": facts.name})


def _truncated(seen: Seen) -> Iterator[Match]:
    return _emptied(seen, along=False)


def _truncated_along(seen: Seen) -> Iterator[Match]:
    return _emptied(seen, along=True)


def _renamed(seen: Seen) -> Iterator[tuple[RelationFacts, RelationFacts]]:
    """Yield what has another name, unless something of the old name stands in for it."""
    again = {c.after.name for trace in seen.later for c in trace.relations if c.after and c.made}
    for change in seen.trace.relations:
        before, after = _both(change)
        if before is None or after is None or before.name == after.name:
            continue
        if seen.was_there(before.oid) and before.name not in again:
            yield before, after


def _both(change: Changed[RelationFacts]) -> tuple[RelationFacts | None, RelationFacts | None]:
    return change.before, change.after


def _table_renamed(seen: Seen) -> Iterator[Match]:
    for before, after in _renamed(seen):
        if before.kind in _TABLES and before.schema == after.schema:
            yield Match(
                names={
                    "table": before.name,
                    "new": after.name,
                    "bare": after.name.rpartition(".")[2],
                }
            )


def _table_moved(seen: Seen) -> Iterator[Match]:
    if _schemas_renamed(seen):
        return
    for before, after in _renamed(seen):
        if before.kind in _TABLES | _VIEWS and before.schema != after.schema:
            yield Match(names={"table": before.name, "new": after.name})


def _view_renamed(seen: Seen) -> Iterator[Match]:
    for before, after in _renamed(seen):
        if before.kind in _VIEWS and before.schema == after.schema:
            yield Match(names={"table": before.name, "new": after.name})


def _schemas_renamed(seen: Seen) -> list[tuple[str, str]]:
    return [
        (change.before.name, change.after.name)
        for change in seen.trace.objects
        if change.before and change.after and change.after.kind == "schema"
        if change.before.name != change.after.name
    ]


def _schema_renamed(seen: Seen) -> Iterator[Match]:
    there = {c.before.oid for c in seen.trace.relations if c.before and c.after}
    if any(seen.was_there(oid) for oid in there):
        for old, new in _schemas_renamed(seen):
            yield Match(names={"old": old, "new": new})


def _written_again(seen: Seen) -> Iterator[Match]:
    word = seen.trace.statement.text.split(None, 1)[0].upper()
    for rewrite in seen.trace.rewrites:
        oid = rewrite.relation_oid
        blocks = seen.was_there(oid) and seen.holds(oid, LockMode.ACCESS_EXCLUSIVE)
        if rewrite.how == "rewrite" and word in _FULL_REWRITES and blocks:
            yield Match(table_oid=oid, names={"table": rewrite.relation})


def _of_another_persistence(seen: Seen) -> Iterator[Match]:
    for rewrite in seen.trace.rewrites:
        if "persistence" in rewrite.reasons and seen.was_there(rewrite.relation_oid):
            yield Match(table_oid=rewrite.relation_oid, names={"table": rewrite.relation})


def _moved(seen: Seen) -> Iterator[Match]:
    for rewrite in seen.trace.rewrites:
        if {"tablespace", "access method"} & {*rewrite.reasons} and seen.was_there(
            rewrite.relation_oid
        ):
            yield Match(table_oid=rewrite.relation_oid, names={"table": rewrite.relation})


_RENAMED_WITH_A_VIEW = (
    "ALTER TABLE {table} RENAME TO {bare};\nCREATE VIEW {table} AS SELECT * FROM {new};"
)
_WINDOW = "do it in a window in which nothing needs {table}"

TABLES = (
    Hazard(
        rule="drop-table",
        title="DROP TABLE",
        effect="drops {table} with all its rows; whatever still reads it fails",
        verdict=Verdict.LOSES_DATA,
        advice="rename {table} first, and drop it when nothing has missed it for a while",
        source=_MANUAL + "sql-droptable.html",
        meets=_dropped,
    ),
    Hazard(
        rule="drop-cascade",
        title="DROP … CASCADE",
        effect="drops along, with what they hold: {dropped}",
        verdict=Verdict.LOSES_DATA,
        advice="leave out CASCADE, and drop each of them by its name",
        source=_MANUAL + "ddl-depend.html",
        meets=_dropped_along,
    ),
    Hazard(
        rule="truncate",
        title="TRUNCATE",
        effect="throws away all rows of {table}, which nobody can read or write meanwhile",
        verdict=Verdict.LOSES_DATA,
        advice="delete rows that are no longer needed in batches",
        source=_MANUAL + "sql-truncate.html",
        meets=_truncated,
    ),
    Hazard(
        rule="truncate-cascade",
        title="TRUNCATE … CASCADE",
        effect="throws away all rows of {table} too, which the statement does not name",
        verdict=Verdict.LOSES_DATA,
        advice="leave out CASCADE, and name each table that is to be emptied",
        source=_MANUAL + "sql-truncate.html",
        meets=_truncated_along,
    ),
    Hazard(
        rule="rename-table",
        title="A table gets another name",
        effect="{table} is called {new} now: an application that still says {table} fails",
        verdict=Verdict.BRIEF_LOCK,
        safer=(Safer(files=(_RENAMED_WITH_A_VIEW,)),),
        advice="drop the view when nothing uses the old name any more",
        source=_MANUAL + "sql-altertable.html",
        meets=_table_renamed,
    ),
    Hazard(
        rule="set-schema",
        title="A table or view moves to another schema",
        effect="{table} is {new} now: an application that still says {table} fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="make a view with the old name in the same migration",
        source=_MANUAL + "sql-altertable.html",
        meets=_table_moved,
    ),
    Hazard(
        rule="rename-view",
        title="A view gets another name",
        effect="{table} is called {new} now: an application that still says {table} fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="make a view with the old name in the same migration",
        source=_MANUAL + "sql-alterview.html",
        meets=_view_renamed,
    ),
    Hazard(
        rule="rename-schema",
        title="A schema gets another name",
        effect="{old} is called {new} now, without any lock: whoever still says {old} fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="make a new schema, with views on the tables of {old}",
        source=_MANUAL + "sql-alterschema.html",
        meets=_schema_renamed,
    ),
    Hazard(
        rule="rewrite-table-maintenance",
        title="VACUUM FULL or CLUSTER",
        effect="writes {table} again, which nobody can read or write meanwhile",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        advice="pg_repack does the same beside running queries",
        source=_MANUAL + "sql-vacuum.html",
        meets=_written_again,
    ),
    Hazard(
        rule="set-unlogged-logged",
        title="A table becomes unlogged, or logged",
        effect="writes {table} again, which nobody can read or write meanwhile; an unlogged table "
        "is empty after a crash",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        advice=_WINDOW,
        source=_MANUAL + "sql-altertable.html",
        meets=_of_another_persistence,
    ),
    Hazard(
        rule="move-table",
        title="SET TABLESPACE or SET ACCESS METHOD",
        effect="writes {table} again elsewhere, or in another form, which nobody can read or write"
        " meanwhile",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        advice=_WINDOW + ", or have pg_repack move it beside running queries",
        source=_MANUAL + "sql-altertable.html",
        meets=_moved,
    ),
)
