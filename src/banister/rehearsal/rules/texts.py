"""Pieces of the SQL that rules offer instead, and the names that fill them. No I/O."""

import re
from collections.abc import Iterable, Mapping

from banister.model import ColumnFacts, RelationFacts, RelationKind
from banister.rehearsal.rules.base import Match, Safer

__all__ = [
    "ADD_COLUMN",
    "ADD_NOT_VALID",
    "CONCURRENTLY",
    "FILL",
    "SYNC",
    "VALIDATE",
    "about_column",
    "beside",
    "column_definition",
    "column_match",
    "computed_anew",
    "fill_names",
    "joined",
    "literal",
    "not_null_names",
    "sync_names",
    "then_not_null",
    "unquoted",
]

ADD_COLUMN = "ALTER TABLE {table} ADD COLUMN {definition};"
ADD_NOT_VALID = "ALTER TABLE {table} ADD CONSTRAINT {constraint} {condition} NOT VALID;"
VALIDATE = "ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};"
CONCURRENTLY = "-- banister: transaction=off\n{concurrently};"

#: `{fill_set}` where `{fill_where}`, for all rows; wants the names of `fill_names`. It goes by
#: pages: a table needs no key for that, and each page is read once. A row that moves meanwhile to a
#: page behind is found in the next round.
FILL = """\
-- banister: transaction=off
DO $fill$
#variable_conflict use_column
<<banister_fill>>
DECLARE
    pages CONSTANT bigint := 200;
    page bigint;
    touched bigint;
    total bigint;
BEGIN
    FOR round IN 1..5 LOOP
        page := 0;
        total := 0;
        WHILE banister_fill.page <= {fill_pages} LOOP
            UPDATE {table} SET {fill_set}
            WHERE ctid >= format('(%s,0)', banister_fill.page)::tid
                AND ctid < format('(%s,0)', banister_fill.page + banister_fill.pages)::tid
                AND {fill_where};
            GET DIAGNOSTICS touched = ROW_COUNT;
            total := banister_fill.total + banister_fill.touched;
            COMMIT;
            page := banister_fill.page + banister_fill.pages;
        END LOOP;
        EXIT WHEN banister_fill.total = 0;
    END LOOP;
END
$fill$;"""

#: A trigger that runs `{sync}` for every row that is written; wants the names of `sync_names`.
SYNC = """\
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
    {sync}
    RETURN NEW;
END
$sync$;
CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {function}();"""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
#: What an identifier is cut to, in bytes.
_LONGEST = 63


def unquoted(identifier: str) -> str:
    """Return the name that an identifier stands for."""
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier


def joined(*parts: str) -> str:
    """Return an identifier made of others, quoted where it must be and no longer than allowed."""
    bare = "_".join(unquoted(part) for part in parts)
    while len(bare.encode()) > _LONGEST:
        bare = bare[:-1]
    return bare if _PLAIN.match(bare) else '"' + bare.replace('"', '""') + '"'


def beside(table: RelationFacts, *parts: str) -> str:
    """Return the name of something in the schema of a table, made of its name and others."""
    name = joined(table.bare_name, *parts)
    return name if table.schema == "public" else f"{joined(table.schema)}.{name}"


def literal(text: str) -> str:
    """Return a string as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def column_definition(column: ColumnFacts) -> str:
    """Return name, type and collation, as ADD COLUMN takes them."""
    collation = column.collation
    if collation is None or collation in {'"default"', "pg_catalog.default"}:
        return f"{column.name} {column.type}"
    return f"{column.name} {column.type} COLLATE {collation}"


def column_match(column: ColumnFacts, *names: Mapping[str, str]) -> Match:
    """Return a match for a column: its names, and the ones that are given."""
    found = {
        "table": column.table,
        "column": column.name,
        "type": column.type,
        "definition": column_definition(column),
        "default": column.default or "",
    }
    for each in names:
        found.update(each)
    return Match(table_oid=column.table_oid, names=found)


def about_column(definition: str, column: str) -> str:
    """Return the condition of a domain as one about a column."""
    return re.sub(r"('(?:[^']|'')*')|\bVALUE\b", lambda found: found[1] or column, definition)


def computed_anew(column: str, expression: str) -> str:
    """Return the body of a trigger that gives a column what an expression about others says."""
    return f"NEW.{column} := (SELECT {expression} FROM (SELECT NEW.*) AS written);"


def fill_names(table: RelationFacts, assignment: str, condition: str) -> dict[str, str]:
    """Return the names that FILL asks for."""
    name = literal(table.name)
    size = f"pg_relation_size({name})"
    if table.kind is RelationKind.PARTITIONED_TABLE:
        size = f"(SELECT max(pg_relation_size(relid)) FROM pg_partition_tree({name}))"
    return {
        "table": table.name,
        "fill_pages": f"{size} / current_setting('block_size')::bigint",
        "fill_set": assignment,
        "fill_where": condition,
    }


def sync_names(table: RelationFacts, column: str, body: str) -> dict[str, str]:
    """Return the names that SYNC asks for; `body` may be about NEW and OLD."""
    trigger = joined(table.bare_name, column, "sync")
    function = beside(table, column, "sync")
    return {"table": table.name, "function": function, "trigger": trigger, "sync": body}


def not_null_names(table: RelationFacts, columns: Iterable[str]) -> dict[str, str]:
    """Return the names that the files of `then_not_null` ask for; empty: no column needs it."""
    names = {column: joined(table.bare_name, column, "not_null") for column in columns}
    forms = {
        "nn_add": "ALTER TABLE {t} ADD CONSTRAINT {n} NOT NULL {c} NOT VALID;",
        "nn_check": "ALTER TABLE {t} ADD CONSTRAINT {n} CHECK ({c} IS NOT NULL) NOT VALID;",
        "nn_validate": "ALTER TABLE {t} VALIDATE CONSTRAINT {n};",
        "nn_set": "ALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL;\n"
        "ALTER TABLE {t} DROP CONSTRAINT {n};",
    }
    return {
        key: "\n".join(
            form.format(t=table.name, c=column, n=name) for column, name in names.items()
        )
        for key, form in forms.items()
    }


def then_not_null(
    *files: str, after: tuple[str, ...] = (), only_if: str | None = None
) -> tuple[Safer, ...]:
    """Return `files`, then what makes the columns of `not_null_names` NOT NULL, then `after`.

    `only_if`: where no column needs it, they are right for matches with that name alone.

    Rows are read while others read and write. From 18 on a NOT NULL can be NOT VALID; before, the
    server takes a valid CHECK for proof and does not read the table again.
    """
    return (
        Safer(files=(*files, "{nn_add}", "{nn_validate}", *after), since=18, only_if="nn_add"),
        Safer(
            files=(*files, "{nn_check}", "{nn_validate}", "{nn_set}", *after),
            until=17,
            only_if="nn_add",
        ),
        Safer(files=(*files, *after), only_if=only_if),
    )
