"""Rules about columns that are added with values. No I/O."""

import re
from collections.abc import Iterator, Mapping

from banister.errors import Severity
from banister.model import ColumnFacts, RelationFacts, RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import facts_of, new_columns, rewritten
from banister.rehearsal.rules.texts import (
    ADD_COLUMN,
    FILL,
    SYNC,
    beside,
    column_match,
    computed_anew,
    fill_names,
    literal,
    not_null_names,
    sync_names,
    then_not_null,
    unquoted,
)
from banister.rehearsal.verdicts import Verdict

__all__ = ["COLUMNS_ADDED"]

_NOTES = "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES"
_GENERATED = "https://www.postgresql.org/docs/current/ddl-generated-columns.html"

#: Defaults that call something and are still the same for all rows.
_ONCE = re.compile(r"(?:now|statement_timestamp|transaction_timestamp)\(\)|CURRENT_|LOCALTIME|'")

_WRITTEN_AGAIN = "writes {table} and its indexes again while nobody can read or write it: "


def _needs_not_null(table: RelationFacts, column: ColumnFacts) -> Mapping[str, str]:
    return not_null_names(table, (column.name,) if column.not_null else ())


def _sequence_of(seen: Seen, column: ColumnFacts) -> RelationFacts | None:
    """Return the sequence that the statement has made for a column."""
    for change in seen.trace.relations:
        made = change.after
        if made is None or not change.made or made.kind is not RelationKind.SEQUENCE:
            continue
        if f"nextval({literal(made.name)}::regclass)" in (column.default or ""):
            return made
    return None


def _computed(seen: Seen) -> Iterator[Match]:
    """Yield columns whose default has another value in each row."""
    columns = [
        column
        for column in new_columns(seen)
        if column.default is not None and rewritten(seen, column.table_oid)
    ]
    plain = [
        column
        for column in columns
        if not column.generated
        and not column.constrained_domain
        and _sequence_of(seen, column) is None
    ]
    # Where something else is the reason too, only a default that calls a function is suspect.
    certain = len(plain) == 1 and not _other_reasons(seen)
    for column in plain:
        default = column.default or ""
        if certain or ("(" in default and not _ONCE.search(default)):
            table = facts_of(seen, column.table_oid)
            fill = fill_names(table, f"{column.name} = {default}", f"{column.name} IS NULL")
            yield column_match(column, fill, _needs_not_null(table, column))


def _other_reasons(seen: Seen) -> bool:
    """Whether something else than the default of a new column has a table written again."""
    return any(
        column.identity
        or column.generated
        or column.constrained_domain
        or _sequence_of(seen, column) is not None
        for column in new_columns(seen)
    ) or any("type" in rewrite.reasons for rewrite in seen.trace.rewrites)


def _serial(seen: Seen) -> Iterator[Match]:
    for column in new_columns(seen):
        sequence = _sequence_of(seen, column)
        if sequence is None or not rewritten(seen, column.table_oid):
            continue
        table = facts_of(seen, column.table_oid)
        yield column_match(
            column,
            {"sequence": sequence.name, "sequence_literal": literal(sequence.name)},
            fill_names(table, f"{column.name} = {column.default}", f"{column.name} IS NULL"),
            _needs_not_null(table, column),
        )


def _identity(seen: Seen) -> Iterator[Match]:
    for column in new_columns(seen):
        if not column.identity or not rewritten(seen, column.table_oid):
            continue
        table = facts_of(seen, column.table_oid)
        sequence = beside(table, column.name, "fill")
        names = {
            "sequence": sequence,
            "sequence_literal": literal(sequence),
            "kind": "ALWAYS" if column.identity == "a" else "BY DEFAULT",
            "identity": "pg_get_serial_sequence"
            f"({literal(table.name)}, {literal(unquoted(column.name))})",
        }
        value = f"{column.name} = nextval({literal(sequence)})"
        fill = fill_names(table, value, f"{column.name} IS NULL")
        yield column_match(column, names, fill, _needs_not_null(table, column))


def _stored(seen: Seen) -> Iterator[Match]:
    for column in new_columns(seen):
        if column.generated == "s" and rewritten(seen, column.table_oid):
            table, value = facts_of(seen, column.table_oid), column.default or "NULL"
            body = computed_anew(column.name, value)
            condition = f"{column.name} IS NULL AND {value} IS NOT NULL"
            yield column_match(
                column,
                fill_names(table, f"{column.name} = {value}", condition),
                sync_names(table, column.name, body),
            )


def _kind_not_said(seen: Seen) -> Iterator[Match]:
    if re.search(r"\bvirtual\b", seen.trace.statement.text, re.IGNORECASE) is not None:
        return
    for change in seen.trace.columns:
        made = change.after
        if made is not None and change.made and made.generated == "v":
            yield column_match(made)


_VIRTUAL = ADD_COLUMN.removesuffix(";") + " GENERATED ALWAYS AS ({default}) VIRTUAL;"
#: Nobody draws another number between the two: DROP DEFAULT takes the lock.
_HAND_OVER = """\
ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT;
ALTER TABLE {table} ALTER COLUMN {column} ADD GENERATED {kind} AS IDENTITY;
SELECT setval({identity}, nextval({sequence_literal}), false);
DROP SEQUENCE {sequence};"""
_SET_DEFAULT = "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default};"

COLUMNS_ADDED = (
    Hazard(
        rule="add-column-volatile-default",
        title="A column is added with a default that differs from row to row",
        effect=_WRITTEN_AGAIN + "{default} has another value for each row",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=then_not_null(ADD_COLUMN + "\n" + _SET_DEFAULT, FILL),
        advice="new rows get the default at once; those that are there get it batch by batch",
        source=_NOTES,
        meets=_computed,
    ),
    Hazard(
        rule="add-column-serial",
        title="A serial column is added to a table",
        effect=_WRITTEN_AGAIN + "each row gets a number from {sequence}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=then_not_null(
            ADD_COLUMN + "\nCREATE SEQUENCE {sequence} AS {type} OWNED BY {table}.{column};\n"
            "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT nextval({sequence_literal});",
            FILL,
        ),
        advice="numbers follow the order in which rows are stored, as they would otherwise too",
        source=_NOTES,
        meets=_serial,
    ),
    Hazard(
        rule="add-column-identity",
        title="An identity column is added to a table",
        effect=_WRITTEN_AGAIN + "each row gets a number for {column}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=then_not_null(
            ADD_COLUMN + "\nCREATE SEQUENCE {sequence};\n"
            "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT nextval({sequence_literal});",
            FILL,
            after=(_HAND_OVER,),
        ),
        advice="the sequence that fills the column hands its last number on to the identity",
        source=_NOTES,
        meets=_identity,
    ),
    Hazard(
        rule="add-column-generated-stored",
        title="A stored generated column is added to a table",
        effect=_WRITTEN_AGAIN + "{default} is computed for each row",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(
            Safer(files=(_VIRTUAL,), since=18),
            Safer(files=(ADD_COLUMN + "\n" + SYNC, FILL)),
        ),
        advice="a virtual column is computed when it is read: it cannot have an index; where that"
        " is needed, use a plain column that a trigger keeps, filled batch by batch",
        source=_GENERATED,
        meets=_stored,
    ),
    Hazard(
        rule="generated-default-kind-changed",
        title="A generated column whose kind is not said",
        effect="{table}.{column} is VIRTUAL, because nothing else is said: before PostgreSQL 18 the"
        " same statement is a syntax error",
        verdict=Verdict.SAFE,
        severity=Severity.NOTICE,
        safer=(Safer(files=(_VIRTUAL,), since=18),),
        advice="write VIRTUAL or STORED",
        source=_GENERATED,
        meets=_kind_not_said,
    ),
)
