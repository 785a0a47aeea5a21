"""Generated rows in the tables of a PostgreSQL database, made so that its rules let them pass."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from banister.engines.postgres.catalog import catalog_queries
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.rows import Table, row_queries, tables_there
from banister.engines.postgres.session import Connection, Session
from banister.engines.postgres.values import candidates
from banister.errors import DatabaseError
from banister.model import HistoryTable, Unfilled
from banister.rows import (
    Alternatives,
    CannotFill,
    CheckShape,
    ColumnShape,
    ReferenceShape,
    TableShape,
    choose_rows,
    in_reference_order,
    named_in,
)

__all__ = ["fill_tables"]

#: Rows that a table is given.
_ROWS = 3
#: Combinations that a condition is asked about, and rows that may be referred to.
_SOLUTIONS = 200
#: No table is worth more than this.
_BOUNDS = {"statement_timeout": "5s", "lock_timeout": "5s"}

_Row = tuple[str | None, ...]


def fill_tables(
    session: Session, history: HistoryTable, wanted: frozenset[str] | None
) -> tuple[Unfilled, ...]:
    """Put rows into the tables that are wanted; see `Engine.fill`. Raises DatabaseError."""
    connection, queries = session.connection, row_queries()
    try:
        with session.reading():
            # Names in conditions then stand with their schema, whatever path they are used under.
            connection.execute(catalog_queries()["settings"].encode())
            tables = {table.number: table for table in tables_there(connection, queries, history)}
            shapes = _shapes(connection, queries, tables)
        left: list[Unfilled] = []
        with session.writing():
            for name, value in _BOUNDS.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
            for shape in in_reference_order(shapes):
                if wanted is None or shape.display in wanted:
                    reason = _fill(connection, tables, shape)
                    if reason is not None:
                        left.append(Unfilled(table=shape.display, reason=reason))
    except psycopg.Error as error:
        raise DatabaseError(
            f"rows cannot be put into {session.database.display}: {first_line(error)}"
        ) from error
    return tuple(left)


def _shapes(
    connection: Connection, queries: Mapping[str, str], tables: Mapping[int, Table]
) -> list[TableShape]:
    values = {"tables": list(tables)}
    with connection.pipeline():
        cursors = [
            connection.execute(queries[name].encode(), values)
            for name in ("shapes", "checks", "references")
        ]
    columns: dict[int, list[ColumnShape]] = {number: [] for number in tables}
    for number, name, kind, base, nullable, in_key, labels, conditions in cursors[0]:
        columns[number].append(
            ColumnShape(
                name=name, type=kind, base=base, nullable=nullable, in_key=in_key,
                labels=tuple(labels), conditions=tuple(conditions),
            )
        )  # fmt: skip
    checks: dict[int, list[CheckShape]] = {number: [] for number in tables}
    for number, name, condition, about in cursors[1]:
        known = {column.name for column in columns[number]}
        # What is about a generated column cannot be asked before there is a row.
        if condition is not None and {*about} <= known:
            checks[number].append(CheckShape(name=name, condition=condition, columns=tuple(about)))
    references: dict[int, list[ReferenceShape]] = {number: [] for number in tables}
    for number, target, names, targets in cursors[2]:
        if {*names} <= {column.name for column in columns[number]}:
            references[number].append(
                ReferenceShape(columns=tuple(names), table=target, targets=tuple(targets))
            )
    return [
        TableShape(
            number=number, display=table.display, columns=tuple(columns[number]),
            checks=tuple(checks[number]), references=tuple(references[number]),
        )
        for number, table in tables.items()
    ]  # fmt: skip


def _fill(connection: Connection, tables: Mapping[int, Table], shape: TableShape) -> str | None:
    """Insert rows; return why there are none."""
    reason: str | None = None
    for attempt in (shape, _needed(shape)):
        try:
            with connection.transaction():
                rows = _chosen(connection, tables, attempt)
                found = _insert(connection, tables[shape.number], attempt, rows)
                connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                connection.execute("SET CONSTRAINTS ALL DEFERRED")
        except CannotFill as error:
            reason = reason or str(error)
        except psycopg.Error as error:
            if connection.closed:
                raise
            reason = reason or first_line(error)
        else:
            return None if found else "every row that was tried is there already"
        if attempt is shape and _needed(shape) == shape:
            break
    return reason


def _needed(shape: TableShape) -> TableShape:
    """Return the shape with those columns alone that must have a value, or are in a condition."""
    asked = {name for check in shape.checks for name in check.columns}
    kept = tuple(column for column in shape.columns if not column.nullable or column.name in asked)
    names = {column.name for column in kept}
    return TableShape(
        number=shape.number,
        display=shape.display,
        columns=kept,
        checks=shape.checks,
        references=tuple(each for each in shape.references if {*each.columns} <= names),
    )


def _chosen(
    connection: Connection, tables: Mapping[int, Table], shape: TableShape
) -> list[dict[str, str | None]]:
    checked: dict[str, list[str]] = {column.name: [] for column in shape.columns}
    for check in shape.checks:
        for name in check.columns:
            checked.setdefault(name, []).append(check.condition)
    values: dict[str, Sequence[str | None]] = {}
    taken = _taken(connection, tables[shape.number])
    for column in (replace(column, taken=taken) for column in shape.columns):
        conditions = (*checked[column.name], *column.conditions)
        found = candidates(column, named_in(conditions), checked=bool(conditions))
        values[column.name] = _allowed(connection, column, found) if column.conditions else found
    parents = {
        reference: _parents(connection, tables, shape, reference) for reference in shape.references
    }
    kinds = {column.name: column.type for column in shape.columns}

    def solve(group: Sequence[Alternatives], checks: Sequence[CheckShape]) -> Sequence[_Row]:
        return _solve(connection, kinds, group, checks)

    return choose_rows(shape, values, parents, solve, count=_ROWS)


def _taken(connection: Connection, table: Table) -> int:
    """Return how many rows there are, up to some thousands."""
    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT 10000) AS t")
    rows = connection.execute(query.format(sql.Identifier(table.schema, table.name))).fetchall()
    return int(rows[0][0])


def _allowed(
    connection: Connection, column: ColumnShape, found: Sequence[str | None]
) -> list[str | None]:
    """Return those values that the conditions of a domain let pass.

    They are about VALUE, which is what a column named value is called.
    """
    query = sql.SQL(
        "SELECT v.value::pg_catalog.text FROM (SELECT t.text::{base} AS value, t.place"
        " FROM pg_catalog.unnest(%s::text[]) WITH ORDINALITY AS t (text, place)) AS v"
        " WHERE {conditions} ORDER BY v.place"
    ).format(base=_raw(column.base), conditions=_all_of(column.conditions))
    return [value for (value,) in connection.execute(query, [[v for v in found if v is not None]])]


def _parents(
    connection: Connection,
    tables: Mapping[int, Table],
    shape: TableShape,
    reference: ReferenceShape,
) -> list[_Row]:
    target = tables.get(reference.table)
    if target is None:
        raise CannotFill(f"{', '.join(reference.columns)} refer to a table that is not filled")
    kinds = {column.name: column.type for column in shape.columns}
    query = sql.SQL("SELECT {columns} FROM {table} LIMIT %s").format(
        columns=sql.SQL(", ").join(
            sql.SQL("{}::{}::pg_catalog.text").format(_named(theirs), _raw(kinds[ours]))
            for ours, theirs in zip(reference.columns, reference.targets, strict=True)
        ),
        table=_named(target.schema, target.name),
    )
    return connection.execute(query, [_ROWS * 4]).fetchall()


def _solve(
    connection: Connection,
    kinds: Mapping[str, str],
    group: Sequence[Alternatives],
    checks: Sequence[CheckShape],
) -> list[_Row]:
    """Let the server look through the combinations for those that meet all conditions."""
    sources, names, values = [], [], []
    for number, each in enumerate(group):
        alias = _named(f"banister {number}")
        inner = [_named(f"banister {number} {place}") for place in range(len(each.columns))]
        sources.append(
            sql.SQL(
                "(SELECT {cells} FROM pg_catalog.unnest({arrays}) AS u ({inner})) AS {alias}"
            ).format(
                cells=sql.SQL(", ").join(
                    sql.SQL("u.{}::{} AS {}").format(cell, _raw(kinds[name]), _named(name))
                    for cell, name in zip(inner, each.columns, strict=True)
                ),
                arrays=sql.SQL(", ").join([sql.SQL("%s::text[]")] * len(each.columns)),
                inner=sql.SQL(", ").join(inner),
                alias=alias,
            )
        )
        values += [list(column) for column in zip(*each.values, strict=True)]
        names += [
            sql.SQL("{}.{}::pg_catalog.text").format(alias, _named(name)) for name in each.columns
        ]
    query = sql.SQL("SELECT {names} FROM {sources} WHERE {conditions} LIMIT {limit}").format(
        names=sql.SQL(", ").join(names),
        sources=sql.SQL(" CROSS JOIN ").join(sources),
        conditions=_all_of([check.condition for check in checks]),
        limit=_SOLUTIONS,
    )
    return connection.execute(query, values).fetchall()


def _insert(
    connection: Connection,
    table: Table,
    shape: TableShape,
    rows: Sequence[Mapping[str, str | None]],
) -> int:
    """Insert rows, but for those that a key refuses; return how many there were."""
    kinds = {column.name: column.type for column in shape.columns}
    if not kinds:
        query = sql.SQL("INSERT INTO {table} DEFAULT VALUES")
        named = query.format(table=_named(table.schema, table.name))
        return connection.execute(named, []).rowcount
    row = sql.SQL("({})").format(
        sql.SQL(", ").join(sql.SQL("%s::text::{}").format(_raw(kind)) for kind in kinds.values())
    )
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE VALUES {rows}"
        " ON CONFLICT DO NOTHING"
    ).format(
        table=_named(table.schema, table.name),
        columns=sql.SQL(", ").join(map(_named, kinds)),
        rows=sql.SQL(", ").join([row] * len(rows)),
    )
    values: list[Any] = [each[name] for each in rows for name in kinds]
    return connection.execute(statement, values).rowcount


def _all_of(conditions: Sequence[str]) -> sql.Composable:
    """Join conditions as the server writes them: what is NULL is not against them."""
    return sql.SQL(" AND ").join(
        sql.SQL("({}) IS NOT FALSE").format(_raw(condition)) for condition in conditions
    )


def _named(*names: str) -> sql.Identifier:
    """Quote a name for a query that has parameters."""
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


def _raw(text: str) -> sql.SQL:
    """Return a text that the server wrote itself, such as a type, for a query with parameters."""
    return sql.SQL(text.replace("%", "%%"))
