"""Putting rows back that a run has saved: all of them, or none."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import Connection, Session
from banister.errors import DatabaseError
from banister.model.backup import RowsBack, SavedFile
from banister.model.losses import LossKind

__all__ = ["put_rows_back"]

_CHUNK = 1024 * 1024
_WAITS = "10s"


def put_rows_back(session: Session, files: Sequence[SavedFile]) -> tuple[RowsBack, ...]:
    """Put saved rows back, the last ones first; return what came of each file.

    Rows whose key is there already stay as they are. Raises DatabaseError with nothing put back.
    """
    done: list[RowsBack] = []
    for_error: SavedFile | None = None
    try:
        with session.connection.transaction():
            connection = session.connection
            connection.execute(f"SET LOCAL lock_timeout = '{_WAITS}'".encode())
            connection.execute("SET LOCAL row_security = off")
            session.be_ourselves()
            connection.execute("SET CONSTRAINTS ALL DEFERRED")
            # What was taken away last was what others referred to.
            for number, each in enumerate(reversed(files)):
                for_error = each
                done.append(_put_back(connection, each, f"banister_rows_{number}"))
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        about = f"{for_error.schema}.{for_error.table}" if for_error else "the saved tables"
        raise DatabaseError(
            f"the rows of {about} cannot be put back: {first_line(error)}",
            code="rows_not_restored",
            state="nothing was put back",
            hint="rows fit into the tables that they were taken from: roll the migration back "
            "first, so that tables and columns are there again",
        ) from error
    return tuple(done)


def _put_back(connection: Connection, saved: SavedFile, name: str) -> RowsBack:
    table = sql.Identifier(saved.schema, saved.table)
    rows = sql.Identifier("pg_temp", name)
    columns = sql.SQL(", ").join(map(sql.Identifier, saved.columns))
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA"
        ).format(sql.Identifier(name), columns, table)
    )
    copy_in = sql.SQL("COPY {} FROM STDIN").format(rows)
    with Path(saved.path).open("rb") as file, connection.cursor().copy(copy_in) as copy:
        while data := file.read(_CHUNK):
            copy.write(data)
    if saved.kind is LossKind.COLUMNS:
        return _columns_back(connection, saved, table, rows)
    if not saved.key and saved.kind is LossKind.ALL:
        there = connection.execute(
            sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table)
        ).fetchone()
        if there is not None and there[0]:
            raise _refused(saved, "it holds rows, and has no key to tell them apart")
    query = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}{}").format(
        table,
        columns,
        columns,
        rows,
        sql.SQL(" ON CONFLICT DO NOTHING" if saved.key else ""),
    )
    put = connection.execute(query).rowcount
    return RowsBack(
        table=f"{saved.schema}.{saved.table}", rows=put, there=saved.rows - put, kind=saved.kind
    )


def _columns_back(
    connection: Connection, saved: SavedFile, table: sql.Identifier, rows: sql.Identifier
) -> RowsBack:
    if not saved.key:
        raise _refused(saved, "it has no primary key by which rows could be told apart")
    changes = sql.SQL(", ").join(
        sql.SQL("{} = saved.{}").format(sql.Identifier(column), sql.Identifier(column))
        for column in saved.lost_columns
    )
    same = sql.SQL(" AND ").join(
        sql.SQL("now.{} = saved.{}").format(sql.Identifier(column), sql.Identifier(column))
        for column in saved.key
    )
    query = sql.SQL("UPDATE ONLY {} AS now SET {} FROM {} AS saved WHERE {}").format(
        table, changes, rows, same
    )
    put = connection.execute(query).rowcount
    return RowsBack(
        table=f"{saved.schema}.{saved.table}", rows=put, there=saved.rows - put, kind=saved.kind
    )


def _refused(saved: SavedFile, why: str) -> DatabaseError:
    return DatabaseError(
        f"the rows of {saved.schema}.{saved.table} cannot be put back: {why}",
        code="rows_not_restored",
        state="nothing was put back",
        hint=f"they are in {saved.path}, as COPY writes them",
    )
