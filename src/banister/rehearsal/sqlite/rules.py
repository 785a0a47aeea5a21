"""Rules about migrations on SQLite: a condition on what was seen, and what to say. No I/O."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from banister.errors import Severity
from banister.model import Dialect, RelationKind, RowChange
from banister.rehearsal.sizes import size_words
from banister.rehearsal.sqlite.seen import FileSeen
from banister.rehearsal.verdicts import Verdict
from banister.script.words import Words
from banister.snapshot import ObjectKind

__all__ = ["FILE_HAZARDS", "FileHazard", "FileMatch"]

_MANUAL = "https://www.sqlite.org/"
_DOES = {
    "read": "read from",
    "insert": "insert into",
    "update": "update",
    "delete": "delete from",
}
#: Words of an INSERT … SELECT that does not take every row, or takes some together.
_LEAVES_OUT = frozenset(
    {"WHERE", "JOIN", "LIMIT", "DISTINCT", "GROUP", "HAVING", "EXCEPT", "INTERSECT", "UNION",
     "IGNORE", "REPLACE", "CONFLICT"}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FileMatch:
    """One thing that meets a rule."""

    #: Of the statement, from 1.
    statement: int
    #: For the texts' `{…}`.
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FileHazard:
    """A rule."""

    #: As files accept it; where PostgreSQL has the same, by the same name.
    rule: str
    #: What happens: a template with `{names}`, lower case, no full stop.
    effect: str
    verdict: Verdict
    severity: Severity = Severity.WARNING
    #: A copy cannot decide it: no pass either.
    undecided: bool = False
    advice: str
    #: Page of SQLite's manual that says so.
    source: str
    meets: Callable[[FileSeen], Iterable[FileMatch]]


def _tables_dropped(seen: FileSeen) -> Iterator[FileMatch]:
    for trace, facts in seen.dropped(RelationKind.TABLE):
        if seen.after is not None and seen.made_anew(facts) is None:
            yield FileMatch(statement=trace.number, names=_sized(seen, facts.oid, facts.name))


def _views_dropped(seen: FileSeen) -> Iterator[FileMatch]:
    for trace, facts in seen.dropped(RelationKind.VIEW):
        if seen.after is not None and not seen.after.has(ObjectKind.VIEW, facts.name):
            yield FileMatch(statement=trace.number, names={"table": facts.name})


def _columns_dropped(seen: FileSeen) -> Iterator[FileMatch]:
    for trace in seen.traces:
        for change in trace.columns:
            column = change.before
            if change.dropped and column is not None and column.table_oid in seen.existing:
                names = {"table": column.table, "column": column.name}
                if not column.generated:
                    yield FileMatch(statement=trace.number, names=names)
    for table, (trace, oid) in seen.rebuilt.items():
        if seen.after is None:
            continue
        was = seen.before.parts(ObjectKind.COLUMN, seen.old_name(oid))
        for name in sorted(was - seen.after.parts(ObjectKind.COLUMN, table)):
            yield FileMatch(statement=trace.number, names={"table": table, "column": name})


def _tables_renamed(seen: FileSeen) -> Iterator[FileMatch]:
    for trace in seen.traces:
        for change in trace.relations:
            before, after = change.before, change.after
            if before is None or after is None or before.oid not in seen.existing:
                continue
            if seen.after is not None and not seen.after.has(ObjectKind.TABLE, before.name):
                names = {"table": before.name, "new": after.name}
                yield FileMatch(statement=trace.number, names=names)


def _columns_renamed(seen: FileSeen) -> Iterator[FileMatch]:
    for trace in seen.traces:
        for change in trace.columns:
            before, after = change.before, change.after
            if before is not None and after is not None and before.table_oid in seen.existing:
                names = {"table": before.table, "old": before.name, "column": after.name}
                yield FileMatch(statement=trace.number, names=names)


def _rows_deleted(seen: FileSeen) -> Iterator[FileMatch]:
    gone = {facts.oid for _, facts in seen.dropped(RelationKind.TABLE)}
    told: set[int] = set()
    for trace in seen.traces:
        for aim in trace.aims:
            if aim.how != "delete" or aim.table_oid not in seen.existing or aim.table_oid in gone:
                continue
            if aim.table_oid not in told:
                told.add(aim.table_oid)
                names = _sized(seen, aim.table_oid, aim.table)
                yield FileMatch(statement=trace.number, names=names)


def _lost_in_copying(seen: FileSeen) -> Iterator[FileMatch]:
    for table, (trace, oid) in seen.rebuilt.items():
        columns = seen.after.parts(ObjectKind.COLUMN, table) if seen.after is not None else set()
        for loss in seen.losses.get(table, ()) if seen.old_name(oid) == table else ():
            if loss.change is RowChange.ADDED or (loss.column and loss.column not in columns):
                continue
            what = "rows" if loss.column is None else f"values of {loss.column}"
            how = "lost" if loss.change is RowChange.LOST else "changed"
            names = {**_sized(seen, oid, table), "what": what, "how": how}
            yield FileMatch(statement=trace.number, names=names)


def _left_out(seen: FileSeen) -> Iterator[FileMatch]:
    for table, (trace, oid) in seen.rebuilt.items():
        names = {name.strip('"').upper() for name in (table, seen.old_name(oid))}
        names |= {change.any.bare_name.upper() for change in trace.relations}
        for copying in seen.traces:
            words = [word.key.upper() for word in Words(copying.statement.text, Dialect.SQLITE)]
            fills = words[:1] in (["INSERT"], ["REPLACE"]) and copying.number < trace.number
            if fills and names.intersection(words[2:]) and _LEAVES_OUT.intersection(words):
                yield FileMatch(statement=copying.number, names=_sized(seen, oid, table))


def _required_now(seen: FileSeen) -> Iterator[FileMatch]:
    for table, (trace, oid) in seen.rebuilt.items():
        if seen.after is None:
            continue
        required = seen.after.required(table) - seen.before.required(seen.old_name(oid))
        was = seen.before.parts(ObjectKind.COLUMN, seen.old_name(oid))
        for column in sorted(required & was):
            yield FileMatch(statement=trace.number, names={"table": table, "column": column})


def _lost_with_table(seen: FileSeen) -> Iterator[FileMatch]:
    for table, (trace, oid) in seen.rebuilt.items():
        if seen.after is None:
            continue
        for kind in (ObjectKind.INDEX, ObjectKind.TRIGGER):
            gone = seen.before.parts(kind, seen.old_name(oid)) - seen.after.parts(kind, table)
            for name in sorted(gone - _dropped_by_name(seen)):
                names = {"table": table, "kind": kind.value, "name": name}
                yield FileMatch(statement=trace.number, names=names)


def _dropped_by_name(seen: FileSeen) -> set[str]:
    """Return indexes and triggers that a statement of their own drops."""
    found: set[str] = set()
    for trace in seen.traces:
        if not any(each.dropped for each in trace.relations):
            found |= {each.any.name for each in trace.indexes if each.dropped}
            found |= {each.any.name for each in trace.objects if each.dropped}
    return found


def _left_broken(seen: FileSeen) -> Iterator[FileMatch]:
    if seen.after is None or not seen.traces:
        return
    told: set[str] = set()
    for (name, how), said in seen.after.broken.items():
        if (name, how) in seen.before.broken or name in told:
            continue
        # Who cannot read from a view cannot do anything else with it either.
        told |= {name} if how == "read" else set()
        last = next(
            (t.number for t in reversed(seen.traces) if t.relations or t.columns),
            seen.traces[-1].number,
        )
        yield FileMatch(statement=last, names={"table": name, "does": _DOES[how], "said": said})


def _sized(seen: FileSeen, oid: int, table: str) -> dict[str, str]:
    size = size_words(seen.size(oid))
    return {"table": table, "size": f" ({size})" if size else ""}


FILE_HAZARDS = (
    FileHazard(
        rule="drop-table",
        effect="drops {table} with all its rows{size}; whatever still reads it fails",
        verdict=Verdict.LOSES_DATA,
        advice="rename {table} first, and drop it when nothing has missed it for a while",
        source=_MANUAL + "lang_droptable.html",
        meets=_tables_dropped,
    ),
    FileHazard(
        rule="drop-column",
        effect="the values of {table}.{column} are gone for good; an application that still names"
        " it fails with: no such column: {column}",
        verdict=Verdict.LOSES_DATA,
        advice="let no program use the column first; then drop it, and accept this:"
        ' -- banister: accept=drop-column reason="…"',
        source=_MANUAL + "lang_altertable.html#alter_table_drop_column",
        meets=_columns_dropped,
    ),
    FileHazard(
        rule="data-loss",
        effect="deletes the rows of {table}{size} that its condition finds, and those that point to"
        " them where a foreign key says so",
        verdict=Verdict.LOSES_DATA,
        advice="count them in the target first; where they may go, accept this:"
        ' -- banister: accept=data-loss reason="…"',
        source=_MANUAL + "lang_delete.html",
        meets=_rows_deleted,
    ),
    FileHazard(
        rule="lost-in-copying",
        effect="{table}{size} is made anew, and {what} are {how} on the way",
        verdict=Verdict.LOSES_DATA,
        advice="compare the INSERT … SELECT with the columns of the old table, one by one",
        source=_MANUAL + "lang_altertable.html#otheralter",
        meets=_lost_in_copying,
    ),
    FileHazard(
        rule="copied-in-part",
        effect="{table}{size} is made anew with the rows that this finds: others are lost, and how"
        " many cannot be told from generated rows",
        verdict=Verdict.LOSES_DATA,
        advice="count what it leaves out first; where that may go, accept this:"
        ' -- banister: accept=copied-in-part reason="…"',
        source=_MANUAL + "lang_altertable.html#otheralter",
        meets=_left_out,
    ),
    FileHazard(
        rule="set-not-null",
        effect="{table}.{column} may not be NULL any more: where it is, the copying fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="look before: SELECT count(*) FROM {table} WHERE {column} IS NULL; or copy"
        " coalesce({column}, …)",
        source=_MANUAL + "lang_createtable.html#notnullconst",
        meets=_required_now,
    ),
    FileHazard(
        rule="lost-with-table",
        effect="{kind} {name} goes with the old {table}, and the new one has none of that name",
        verdict=Verdict.BRIEF_LOCK,
        advice="make it again behind the RENAME; where it is to go, drop it in a statement of its"
        " own",
        source=_MANUAL + "lang_altertable.html#otheralter",
        meets=_lost_with_table,
    ),
    FileHazard(
        rule="left-broken",
        effect="afterwards nobody can {does} {table}: {said}",
        verdict=Verdict.BLOCKS_ALL,
        severity=Severity.ERROR,
        advice="drop or make anew what still uses the old names, in the same migration",
        source=_MANUAL + "lang_altertable.html#otheralter",
        meets=_left_broken,
    ),
    FileHazard(
        rule="rename-table",
        effect="{table} is called {new} now: an application that still says {table} fails",
        verdict=Verdict.BRIEF_LOCK,
        advice="make a view {table} of the new table until nothing uses the old name; SQLite writes"
        " through a view by INSTEAD OF triggers alone",
        source=_MANUAL + "lang_altertable.html#alter_table_rename",
        meets=_tables_renamed,
    ),
    FileHazard(
        rule="rename-column",
        effect="{table}.{old} is called {column} now: an application that still says {old} fails"
        " with: no such column: {old}",
        verdict=Verdict.BRIEF_LOCK,
        advice="add a column and write to both until no program uses {old}",
        source=_MANUAL + "lang_altertable.html#alter_table_rename_column",
        meets=_columns_renamed,
    ),
    FileHazard(
        rule="drop-view",
        effect="view {table} is gone: an application that still reads it fails with: no such"
        " table: {table}",
        verdict=Verdict.BRIEF_LOCK,
        advice="let no program read it first",
        source=_MANUAL + "lang_dropview.html",
        meets=_views_dropped,
    ),
)
