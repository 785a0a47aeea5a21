"""Rules about columns that are added with conditions. No I/O."""

import re
from collections.abc import Iterator

from banister.errors import Severity
from banister.model import ColumnFacts
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import (
    is_partitioned,
    new_columns,
    new_constraints,
    rewritten,
    scanned,
)
from banister.rehearsal.rules.texts import (
    ADD_NOT_VALID,
    CONCURRENTLY,
    VALIDATE,
    about_column,
    column_definition,
    column_match,
    joined,
)
from banister.rehearsal.verdicts import Verdict

__all__ = ["COLUMNS_RESTRICTED"]

_NOTES = "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES"

#: What takes the place of a value, by type.
_ZEROS = {
    "smallint": "0", "integer": "0", "bigint": "0", "numeric": "0", "real": "0",
    "double precision": "0", "boolean": "false", "text": "''", "character varying": "''",
    "jsonb": "'{}'", "date": "CURRENT_DATE", "timestamp with time zone": "now()",
}  # fmt: skip


def _of_domain(seen: Seen) -> Iterator[Match]:
    for column in new_columns(seen):
        if not column.constrained_domain or not rewritten(seen, column.table_oid):
            continue
        conditions = [
            each
            for each in seen.before.constraints.values()
            if each.domain == column.type and each.kind == "check" and each.validated
        ]
        base = _base_type(seen, column.type)
        checks = [
            f"ADD CONSTRAINT {joined(column.name, each.name)} "
            f"{about_column(each.definition, column.name)} NOT VALID"
            for each in conditions
        ]
        validated = [
            f"ALTER TABLE {column.table} VALIDATE CONSTRAINT {joined(column.name, each.name)};"
            for each in conditions
        ]
        default = f" DEFAULT {column.default}" if column.default is not None else ""
        clauses = [f"ADD COLUMN {column.name} {base}{default}", *checks]
        added = f"ALTER TABLE {column.table}\n    " + ",\n    ".join(clauses) + ";"
        names = {"added": added if base and checks else "", "validated": "\n".join(validated)}
        yield column_match(column, names)


def _base_type(seen: Seen, domain: str) -> str:
    found = (o for o in seen.before.objects.values() if o.kind == "domain" and o.name == domain)
    return next((each.definition for each in found), "")


def _required(seen: Seen) -> Iterator[Match]:
    failed = seen.trace.failure or seen.trace.failure_on_rows
    for column in new_columns(seen):
        empty = seen.size(column.table_oid).rows == 0 and failed is None
        given = column.default is not None or column.identity or column.generated
        if not column.not_null or given or empty:
            continue
        zero = _ZEROS.get(re.sub(r"\(.*\)", "", column.type), "")
        yield column_match(column, {"zero": zero})


def _checked(seen: Seen) -> Iterator[Match]:
    for column, names in _with_constraints(seen, "check"):
        if scanned(seen, column.table_oid, "verify") and not rewritten(seen, column.table_oid):
            yield column_match(column, names)


def _unique(seen: Seen) -> Iterator[Match]:
    indexes = {change.any.oid: change.any for change in seen.trace.indexes if change.made}
    for column in new_columns(seen):
        if rewritten(seen, column.table_oid):
            continue
        for key in new_constraints(seen, "unique"):
            index = indexes.get(key.index_oid or 0)
            if index is None or key.table_oid != column.table_oid or column.name not in key.columns:
                continue
            build = index.definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
            names = {
                "added": _added(column),
                "constraint": key.name,
                "index": index.name,
                "concurrently": "" if is_partitioned(seen, key.table_oid) else build,
            }
            yield column_match(column, names)


def _referring(seen: Seen) -> Iterator[Match]:
    for column, names in _with_constraints(seen, "foreign key"):
        if scanned(seen, column.table_oid, "foreign key"):
            yield column_match(column, names)


def _with_constraints(seen: Seen, kind: str) -> Iterator[tuple[ColumnFacts, dict[str, str]]]:
    """Yield new columns that come with a constraint of a kind, with the names of it."""
    for column in new_columns(seen):
        for each in new_constraints(seen, kind):
            same = each.table_oid == column.table_oid and column.name in each.columns
            if same and each.validated and each.enforced:
                yield (
                    column,
                    {
                        "added": _added(column),
                        "constraint": each.name,
                        "condition": each.definition,
                        "parent": each.references or "",
                    },
                )


def _added(column: ColumnFacts) -> str:
    default = f" DEFAULT {column.default}" if column.default is not None else ""
    required = " NOT NULL" if column.not_null and default else ""
    return f"ALTER TABLE {column.table} ADD COLUMN {column_definition(column)}{default}{required};"


COLUMNS_RESTRICTED = (
    Hazard(
        rule="add-column-constrained-domain",
        title="A column is added whose type is a domain with conditions",
        effect="writes {table} and its indexes again while nobody can read or write it: the"
        " conditions of {type} are checked for each row, also where the column is empty",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=("{added}", "{validated}"), only_if="added"),),
        advice="take the type behind the domain, with CHECK constraints of the table",
        source=_NOTES,
        meets=_of_domain,
    ),
    Hazard(
        rule="add-required-column",
        title="A NOT NULL column without a default is added",
        effect="fails as soon as {table} holds a row; otherwise each INSERT that does not name"
        " {column} fails from then on, and a running application has such ones",
        verdict=Verdict.CANNOT_RUN,
        severity=Severity.ERROR,
        safer=(
            Safer(
                files=("ALTER TABLE {table} ADD COLUMN {definition} NOT NULL DEFAULT {zero};",),
                only_if="zero",
            ),
        ),
        advice="give it a default, or add it without NOT NULL, fill it and make it NOT NULL then",
        source=_NOTES,
        meets=_required,
    ),
    Hazard(
        rule="add-column-default-check",
        title="A column is added with a CHECK",
        effect="reads all of {table} while nobody can read or write it, to check {constraint} on"
        " the new column",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=("{added}\n" + ADD_NOT_VALID, VALIDATE)),),
        source=_NOTES,
        meets=_checked,
    ),
    Hazard(
        rule="add-column-unique",
        title="A column is added with UNIQUE",
        effect="reads {table} and builds {index} while nobody can read or write the table",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(
            Safer(
                files=(
                    "{added}",
                    CONCURRENTLY,
                    "ALTER TABLE {table} ADD CONSTRAINT {constraint} UNIQUE USING INDEX {index};",
                ),
                only_if="concurrently",
            ),
        ),
        source="https://www.postgresql.org/docs/current/sql-createindex.html",
        meets=_unique,
    ),
    Hazard(
        rule="add-column-references-default",
        title="A column is added with a default and a foreign key",
        effect="reads {table} and {parent} to check {constraint}; meanwhile nobody can read or"
        " write {table}, or write to {parent}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=("{added}", ADD_NOT_VALID, VALIDATE)),),
        source=_NOTES,
        meets=_referring,
    ),
)
