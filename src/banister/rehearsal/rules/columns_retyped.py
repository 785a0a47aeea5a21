"""Rules about columns whose type, collation or NOT NULL is changed. No I/O."""

import re
from collections.abc import Iterator
from dataclasses import replace

from banister.model import ColumnFacts, ConstraintFacts, RelationFacts
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import (
    altered_columns,
    facts_of,
    rewritten,
    scanned,
)
from banister.rehearsal.rules.texts import (
    ADD_COLUMN,
    FILL,
    SYNC,
    column_definition,
    column_match,
    fill_names,
    joined,
    not_null_names,
    sync_names,
    then_not_null,
)
from banister.rehearsal.verdicts import Verdict

__all__ = ["COLUMNS_RETYPED"]

_ALTER_TABLE = "https://www.postgresql.org/docs/current/sql-altertable.html"
_NOTES = _ALTER_TABLE + "#SQL-ALTERTABLE-NOTES"

_USING = re.compile(r"\busing\b", re.IGNORECASE)
_TIMES = {"timestamp without time zone", "timestamp with time zone"}

_SECOND = (ADD_COLUMN + "\n" + SYNC, FILL)
#: The second column takes over; one that carries a key or a sequence needs more than its name.
_IN_PLACE = (
    *then_not_null(*_SECOND, after=("{exchange}",), only_if="exchange")[:2],
    Safer(files=(*_SECOND, "{exchange}"), only_if="exchange"),
    Safer(files=_SECOND),
)
_IN_UTC = """\
SET LOCAL TimeZone = 'UTC';
ALTER TABLE {table} ALTER COLUMN {column} TYPE {type};"""
_AS_NEW_COLUMN = (
    "make the indexes and constraints of {column} for {new} too before it takes over, CONCURRENTLY"
    " and NOT VALID; write the trigger and the UPDATE with the expression of your USING, where"
    " there is one; drop {old} when nobody misses it"
)


def _retyped(seen: Seen) -> Iterator[tuple[ColumnFacts, ColumnFacts]]:
    for before, after in altered_columns(seen):
        if before.type != after.type:
            yield before, after


def _foreign_keys(seen: Seen, column: ColumnFacts) -> list[ConstraintFacts]:
    """Return the foreign keys that the column is part of, or that point to its table's key."""
    return [
        key
        for key in seen.before.constraints.values()
        if key.kind == "foreign key"
        and key.parent_oid is None
        and (
            (key.table_oid == column.table_oid and column.name in key.columns)
            or (key.references_oid == column.table_oid and _remade(seen, key))
        )
    ]


def _remade(seen: Seen, key: ConstraintFacts) -> bool:
    """Whether the statement has dropped a constraint, and made it again."""
    return any(change.dropped and change.any.oid == key.oid for change in seen.trace.constraints)


def _as_new_column(seen: Seen, before: ColumnFacts, after: ColumnFacts) -> Match:
    table, name = facts_of(seen, after.table_oid), before.name
    new, old = joined(name, "new"), joined(name, "old")
    required = before.not_null and not _is_special(seen, before)
    exchange = _exchange(table, before, after) if not _is_special(seen, before) else ""
    condition = f"{new} IS NULL AND {name} IS NOT NULL"
    # Without USING the server assigns: what does not fit fails, where a cast would cut it off.
    cast = f"::{after.type}" if _USING.search(seen.trace.statement.text) else ""
    return column_match(
        after,
        {
            "was": before.type,
            "new": new,
            "old": old,
            "definition": column_definition(replace(after, name=new)),
            "exchange": exchange,
        },
        fill_names(table, f"{new} = {name}{cast}", condition),
        sync_names(table, new, f"NEW.{new} := NEW.{name}{cast};"),
        not_null_names(table, (new,) if required else ()),
    )


def _is_special(seen: Seen, column: ColumnFacts) -> bool:
    """Whether a primary key or a sequence belongs to the column."""
    keyed = any(
        each.kind == "primary key"
        and each.table_oid == column.table_oid
        and column.name in each.columns
        for each in seen.before.constraints.values()
    )
    return keyed or bool(column.identity) or "nextval(" in (column.default or "")


def _exchange(table: RelationFacts, before: ColumnFacts, after: ColumnFacts) -> str:
    """Return the SQL by which the second column takes the name, default and place of the first."""
    name, new, old = before.name, joined(before.name, "new"), joined(before.name, "old")
    trigger = sync_names(table, new, "")
    start = f"ALTER TABLE {table.name}"
    lines = [
        f"DROP TRIGGER {trigger['trigger']} ON {table.name};",
        f"DROP FUNCTION {trigger['function']}();",
        f"{start} RENAME COLUMN {name} TO {old};",
        f"{start} RENAME COLUMN {new} TO {name};",
    ]
    if before.not_null:
        lines.append(f"{start} ALTER COLUMN {old} DROP NOT NULL;")
    if after.default is not None:
        lines.append(f"{start} ALTER COLUMN {name} SET DEFAULT {after.default};")
    return "\n".join(lines)


def _depends_on_time_zone(before: ColumnFacts, after: ColumnFacts) -> bool:
    return {_plain(before.type), _plain(after.type)} == _TIMES


def _plain(kind: str) -> str:
    """Return the type without the digits of its seconds."""
    head, _, rest = kind.partition("(")
    return head + rest.partition(")")[2]


def _rewriting(seen: Seen) -> Iterator[Match]:
    for before, after in _retyped(seen):
        other = _foreign_keys(seen, before) or _depends_on_time_zone(before, after)
        if rewritten(seen, after.table_oid) and not other:
            yield _as_new_column(seen, before, after)


def _of_foreign_key(seen: Seen) -> Iterator[Match]:
    for before, after in _retyped(seen):
        keys = _foreign_keys(seen, before)
        if not keys or not (
            rewritten(seen, after.table_oid) or scanned(seen, after.table_oid, "foreign key")
        ):
            continue
        tables = {name for key in keys for name in (key.table, key.references or key.table)}
        names = {
            "tables": " and ".join(sorted({*tables, after.table})),
            "keys": ", ".join(sorted({key.name for key in keys})),
        }
        match = _as_new_column(seen, before, after)
        yield Match(table_oid=match.table_oid, names={**match.names, **names})


def _by_time_zone(seen: Seen) -> Iterator[Match]:
    for before, after in _retyped(seen):
        if rewritten(seen, after.table_oid) and _depends_on_time_zone(before, after):
            yield column_match(after, {"was": before.type})


def _checked_again(seen: Seen) -> Iterator[Match]:
    for before, after in _retyped(seen):
        oid = after.table_oid
        if rewritten(seen, oid) or not scanned(seen, oid, "verify"):
            continue
        checks = [
            each
            for each in seen.before.constraints.values()
            if each.kind == "check" and each.table_oid == oid and before.name in each.columns
        ]
        change = f"ALTER TABLE {after.table} ALTER COLUMN {after.name} TYPE {_type(after)};"
        drop = [f"ALTER TABLE {after.table} DROP CONSTRAINT {each.name};" for each in checks]
        add = [
            f"ALTER TABLE {after.table} ADD CONSTRAINT {each.name} "
            f"{each.definition.removesuffix(' NOT VALID')} NOT VALID;"
            for each in checks
        ]
        validate = [
            f"ALTER TABLE {after.table} VALIDATE CONSTRAINT {each.name};" for each in checks
        ]
        names = {
            "checks": ", ".join(each.name for each in checks),
            "change": "\n".join([*drop, change, *add]) if checks else "",
            "validate": "\n".join(validate),
        }
        yield column_match(after, names)


def _type(column: ColumnFacts) -> str:
    return column_definition(column).removeprefix(f"{column.name} ")


def _other_collation(seen: Seen) -> Iterator[Match]:
    for before, after in altered_columns(seen):
        if before.collation == after.collation or before.collation is None:
            continue
        oid = after.table_oid
        built = [build.index for build in seen.trace.builds if build.table_oid == oid]
        if built and after.collation is not None and not rewritten(seen, oid):
            match = _as_new_column(seen, before, after)
            names = {"indexes": ", ".join(built), "collation": after.collation}
            yield Match(table_oid=oid, names={**match.names, **names})


def _not_null(seen: Seen) -> Iterator[Match]:
    changes = seen.trace.constraints
    keyed = {c.any.table_oid for c in changes if c.made and c.any.kind == "primary key"}
    found: dict[int, list[ColumnFacts]] = {}
    for before, after in altered_columns(seen):
        required = after.not_null and not before.not_null and after.table_oid not in keyed
        if required and scanned(seen, after.table_oid, "verify"):
            found.setdefault(after.table_oid, []).append(after)
    for oid, columns in found.items():
        names = [column.name for column in columns]
        yield Match(
            table_oid=oid,
            names={
                "table": columns[0].table,
                "columns": ", ".join(names),
                **not_null_names(facts_of(seen, oid), names),
            },
        )


COLUMNS_RETYPED = (
    Hazard(
        rule="set-not-null",
        title="SET NOT NULL reads the whole table",
        effect="reads all of {table} while nobody can read or write it, to look for NULL in"
        " {columns}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=then_not_null(),
        source=_ALTER_TABLE,
        meets=_not_null,
    ),
    Hazard(
        rule="type-change-rewrite",
        title="The type of a column is changed, and the table written again",
        effect="writes {table} and its indexes again while nobody can read or write it, to make"
        " {column} {type} instead of {was}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=_IN_PLACE,
        advice=_AS_NEW_COLUMN,
        source=_NOTES,
        meets=_rewriting,
    ),
    Hazard(
        rule="type-change-fk-column",
        title="The type of a column with a foreign key is changed",
        effect="makes {column} {type} instead of {was}: nobody can read or write {tables} while"
        " rows are written again and {keys} is checked",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=_IN_PLACE,
        advice=_AS_NEW_COLUMN,
        source=_NOTES,
        meets=_of_foreign_key,
    ),
    Hazard(
        rule="type-change-timezone-dependent",
        title="A timestamp gets or loses its time zone",
        effect="writes {table} and its indexes again while nobody can read or write it: what"
        " {column} means depends on the TimeZone of this session, which is not UTC",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(
            Safer(
                files=(_IN_UTC,),
            ),
        ),
        advice="only where the values are meant as UTC: otherwise each changes its meaning, and a"
        " new column has to be filled batch by batch",
        source="https://www.postgresql.org/docs/current/release-12.html",
        meets=_by_time_zone,
    ),
    Hazard(
        rule="type-change-with-check",
        title="The type of a column with a CHECK is changed",
        effect="reads all of {table} while nobody can read or write it, to check {checks} again",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=("{change}", "{validate}"), only_if="change"),),
        source=_NOTES,
        meets=_checked_again,
    ),
    Hazard(
        rule="change-collation",
        title="The collation of a column with an index is changed",
        effect="builds {indexes} again while nobody can read or write {table}: {column} is sorted"
        " by {collation} from now on",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=_IN_PLACE,
        advice=_AS_NEW_COLUMN,
        source=_NOTES,
        meets=_other_collation,
    ),
)
