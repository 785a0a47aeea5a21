"""Rules about columns that are dropped, renamed or given other properties. No I/O."""

from collections.abc import Iterator

from banister.errors import Severity
from banister.model import ColumnFacts, RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import (
    altered_columns,
    dropped_columns,
    facts_of,
    made_earlier,
    rewritten,
)
from banister.rehearsal.rules.texts import (
    ADD_COLUMN,
    FILL,
    SYNC,
    column_match,
    computed_anew,
    fill_names,
    sync_names,
)
from banister.rehearsal.verdicts import Verdict

__all__ = ["COLUMNS"]

_ALTER_TABLE = "https://www.postgresql.org/docs/current/sql-altertable.html"
_GENERATED = "https://www.postgresql.org/docs/current/ddl-generated-columns.html"

#: Both columns hold the same, whichever of them a program writes.
_BOTH = """\
IF TG_OP = 'INSERT' THEN
        IF NEW.{new} IS NULL THEN NEW.{new} := NEW.{old}; ELSE NEW.{old} := NEW.{new}; END IF;
    ELSIF NEW.{new} IS DISTINCT FROM OLD.{new} THEN
        NEW.{old} := NEW.{new};
    ELSE
        NEW.{new} := NEW.{old};
    END IF;"""


def _dropped(seen: Seen) -> Iterator[Match]:
    for column in _dropped_by_name(seen):
        if not seen.trace.cascaded and not column.generated:
            yield column_match(column)


def _generated_dropped(seen: Seen) -> Iterator[Match]:
    for column in _dropped_by_name(seen):
        if not seen.trace.cascaded and column.generated:
            yield column_match(column)


def _dropped_with_others(seen: Seen) -> Iterator[Match]:
    for column in _dropped_by_name(seen):
        if seen.trace.cascaded:
            yield column_match(column, {"others": ", ".join(seen.trace.cascaded)})


def _dropped_by_name(seen: Seen) -> Iterator[ColumnFacts]:
    """Yield columns that go for themselves, not with a type or a function that is dropped."""
    objects = {"domain", "enum", "type", "range", "function", "extension", "schema"}
    if not any(change.dropped and change.any.kind in objects for change in seen.trace.objects):
        yield from dropped_columns(seen)


def _renamed(seen: Seen) -> Iterator[Match]:
    for before, after in altered_columns(seen):
        unused = made_earlier(seen, before) or _exchanged(seen, before, after)
        if before.name != after.name and not unused:
            table = facts_of(seen, before.table_oid)
            body = _BOTH.format(old=before.name, new=after.name)
            condition = f"{after.name} IS NULL AND {before.name} IS NOT NULL"
            yield column_match(
                after,
                {"old": before.name},
                fill_names(table, f"{after.name} = {before.name}", condition),
                sync_names(table, after.name, body),
            )
    yield from _renamed_in_views(seen)


def _exchanged(seen: Seen, before: ColumnFacts, after: ColumnFacts) -> bool:
    """Whether another column has the old name in the end, or had the new one at the beginning."""
    taken = (
        change.after is not None and change.after.name == before.name
        for trace in seen.later
        for change in trace.columns
        if change.any.table_oid == before.table_oid
    )
    given = (
        change.before is not None and change.before.name == after.name
        for trace in seen.earlier
        for change in trace.columns
        if change.any.table_oid == before.table_oid
    )
    return any(taken) or any(given)


def _renamed_in_views(seen: Seen) -> Iterator[Match]:
    for change in seen.trace.columns:
        before, after = change.before, change.after
        if before is None or after is None or before.name == after.name:
            continue
        of = seen.existing.get(after.table_oid)
        if of is not None and of.kind in {RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW}:
            yield column_match(after, {"old": before.name})


def _expression_changed(seen: Seen) -> Iterator[Match]:
    for before, after in altered_columns(seen):
        if not (before.generated == after.generated == "s" and before.default != after.default):
            continue
        if before.type == after.type and rewritten(seen, after.table_oid):
            table, value = facts_of(seen, after.table_oid), after.default or "NULL"
            condition = f"{after.name} IS DISTINCT FROM {value}"
            yield column_match(
                after,
                fill_names(table, f"{after.name} = {value}", condition),
                sync_names(table, after.name, computed_anew(after.name, value)),
            )


def _storage_changed(seen: Seen) -> Iterator[Match]:
    for before, after in altered_columns(seen):
        stays = before.type == after.type and not made_earlier(seen, before)
        if stays and before.storage != after.storage:
            yield column_match(after, {"what": "storage"})
        elif stays and before.compression != after.compression:
            yield column_match(after, {"what": "compression"})


def _default_changed(seen: Seen) -> Iterator[Match]:
    for before, after in altered_columns(seen):
        if before.type != after.type or made_earlier(seen, before):
            continue
        if before.not_null and not after.not_null:
            yield column_match(after, {"what": f"lets {after.name} be NULL"})
        elif before.generated and not after.generated:
            what = f"makes {after.name} a plain column: nothing computes it from now on"
            yield column_match(after, {"what": what})
        elif before.default != after.default and not before.generated:
            what = f"{after.name} is {after.default} from now on where nothing else is said"
            if after.default is None:
                what = f"{after.name} is no longer {before.default} where nothing else is said"
            yield column_match(after, {"what": what})


COLUMNS = (
    Hazard(
        rule="drop-column",
        title="A column is dropped",
        effect="the values of {table}.{column} are gone for good; an application that still names"
        " it fails with: column {column} does not exist",
        verdict=Verdict.LOSES_DATA,
        advice="let no program use the column first, SELECT * and the models of an ORM included;"
        " then drop it, its indexes before it with DROP INDEX CONCURRENTLY, and accept this:"
        ' -- banister: accept=drop-column reason="…"',
        source=_ALTER_TABLE,
        meets=_dropped,
    ),
    Hazard(
        rule="drop-generated-column",
        title="A generated column is dropped",
        effect="an application that still reads {table}.{column} fails with: column {column} does"
        " not exist; its values can be computed again from {default}",
        verdict=Verdict.BRIEF_LOCK,
        advice="let no program use the column first, SELECT * and the models of an ORM included",
        source=_ALTER_TABLE,
        meets=_generated_dropped,
    ),
    Hazard(
        rule="drop-column-cascade",
        title="A column is dropped, and with it what depends on it",
        effect="the values of {table}.{column} are gone for good, and with them: {others}; what"
        " still names them fails",
        verdict=Verdict.LOSES_DATA,
        advice="drop each of them by name, without CASCADE: what nobody thought of then stops the"
        " migration",
        source="https://www.postgresql.org/docs/current/ddl-depend.html",
        meets=_dropped_with_others,
    ),
    Hazard(
        rule="rename-column",
        title="A column is renamed",
        effect="{table}.{old} is called {column} from the commit on: an application that still"
        " reads or writes {old} fails with: column {old} does not exist",
        verdict=Verdict.BRIEF_LOCK,
        safer=(Safer(files=(ADD_COLUMN + "\n" + SYNC, FILL), only_if="function"),),
        advice="both columns hold the same until no program uses {old}; drop it then, with the"
        " trigger",
        source=_ALTER_TABLE,
        meets=_renamed,
    ),
    Hazard(
        rule="set-generated-expression",
        title="The expression of a stored generated column is changed",
        effect="writes {table} and its indexes again while nobody can read or write it: {column}"
        " is computed for each row",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(
            Safer(
                files=(
                    "ALTER TABLE {table} ALTER COLUMN {column} DROP EXPRESSION;\n" + SYNC,
                    FILL,
                ),
            ),
        ),
        advice="a trigger keeps the column from then on; old rows follow batch by batch",
        source=_GENERATED,
        meets=_expression_changed,
    ),
    Hazard(
        rule="set-storage-compression",
        title="The storage or compression of a column is changed",
        effect="changes the {what} of {table}.{column} for values that are written from now on;"
        " those that are there stay as they are. Needs nobody to use {table} for a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="old values take the new form as their rows are updated",
        source=_ALTER_TABLE,
        meets=_storage_changed,
    ),
    Hazard(
        rule="set-or-drop-default",
        title="The default or NOT NULL of a column is changed",
        effect="{what}; needs nobody to use {table} for a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="rows that are there stay as they are",
        source=_ALTER_TABLE,
        meets=_default_changed,
    ),
)
