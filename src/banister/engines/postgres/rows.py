"""The rows of all tables of a PostgreSQL database, as texts that can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from banister.engines.postgres.catalog import catalog_queries
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.pooler import refuse_without_transactions
from banister.engines.postgres.session import Connection, Session
from banister.engines.queries import load_queries
from banister.errors import DatabaseError
from banister.model import Contents, HistoryTable, TableRows, Unfilled

__all__ = ["Table", "contents_of", "row_queries", "tables_there"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose rows are looked at."""

    #: The OID.
    number: int
    schema: str
    name: str
    #: As people write it.
    display: str
    #: The columns, and those of the best key, as people write them.
    columns: tuple[str, ...]
    key: tuple[str, ...]
    #: The query for its rows.
    query: str


def row_queries() -> Mapping[str, str]:
    """Return the queries of this module and of the one that fills tables, by name."""
    return load_queries(__package__ or "", "rows.sql")


def contents_of(session: Session, history: HistoryTable, *, limit: int) -> Contents:
    """Return up to `limit` rows of each table, in a read-only transaction of its own.

    Raises DatabaseError.
    """
    try:
        with session.kept_plans() as prepare, session.reading() as connection:
            # As values are written in snapshots, whatever the session's settings are.
            connection.execute(catalog_queries()["settings"].encode())
            tables = tables_there(connection, row_queries(), history, prepare=prepare)
            return _read(connection, tables, limit=limit)
    except psycopg.Error as error:
        if session.pooled and error.sqlstate == "08P01":
            raise refuse_without_transactions(session.database.display) from error
        raise DatabaseError(
            f"the rows of {session.database.display} cannot be read: {first_line(error)}"
        ) from error


def tables_there(
    connection: Connection,
    queries: Mapping[str, str],
    history: HistoryTable,
    *,
    prepare: bool = False,
) -> tuple[Table, ...]:
    """Return the tables whose rows are looked at, without Banister's own."""
    ours = {(history.schema, history.name), (history.schema, history.log_name)}
    return tuple(
        Table(
            number=row[0], schema=row[1], name=row[2], display=row[3],
            columns=tuple(row[4]), key=tuple(row[5] or ()), query=row[6],
        )
        for row in connection.execute(queries["tables"].encode(), prepare=prepare)
        if (row[1], row[2]) not in ours
    )  # fmt: skip


def _read(connection: Connection, tables: Sequence[Table], *, limit: int) -> Contents:
    try:
        with connection.transaction(), connection.pipeline():
            cursors = [connection.execute(_reading(table, limit)) for table in tables]
        found = [_rows(table, cursor, limit) for table, cursor in zip(tables, cursors, strict=True)]
        return Contents(tables={rows.table: rows for rows in found})
    except psycopg.Error:
        if connection.closed:
            raise
    return _one_by_one(connection, tables, limit)


def _one_by_one(connection: Connection, tables: Sequence[Table], limit: int) -> Contents:
    read: dict[str, TableRows] = {}
    unread: list[Unfilled] = []
    for table in tables:
        try:
            with connection.transaction():
                cursor = connection.execute(_reading(table, limit))
                read[table.display] = _rows(table, cursor, limit)
        except psycopg.Error as error:
            if connection.closed:
                raise
            unread.append(Unfilled(table=table.display, reason=first_line(error)))
    return Contents(tables=read, unread=tuple(unread))


def _reading(table: Table, limit: int) -> bytes:
    """Return the query for a table's rows, one more than are wanted."""
    return f"{table.query} LIMIT {limit + 1}".encode()


def _rows(table: Table, cursor: psycopg.Cursor[tuple[Any, ...]], limit: int) -> TableRows:
    rows = cursor.fetchall()
    return TableRows(
        table=table.display,
        columns=table.columns,
        rows=tuple(rows[:limit]),
        key=table.key,
        complete=len(rows) <= limit,
    )
