"""Putting rows back that a run has saved: all of them, or none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import Connection, Session
from banister.engines.queries import load_queries
from banister.errors import DatabaseError
from banister.model.backup import RowsBack, SavedFile
from banister.model.losses import LossKind

__all__ = ["put_rows_back"]

_CHUNK = 1024 * 1024
_WAITS = "10s"
#: By pg_trigger.tgenabled: https://www.postgresql.org/docs/current/catalog-pg-trigger.html
_ENABLING: Mapping[str, LiteralString] = {"A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}


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
            connection.execute("SET LOCAL datestyle = 'ISO, YMD'")
            connection.execute("SET LOCAL intervalstyle = 'postgres'")
            connection.execute("SET CONSTRAINTS ALL DEFERRED")
            with _quiet_triggers(connection, files):
                # What was taken away last was what others referred to.
                ordered = _parents_first(connection, [*reversed(files)])
                # All are looked at before any goes back: of one table there may be several files.
                for number, each in enumerate(ordered):
                    for_error = each
                    _load(connection, each, _aside(number))
                for number, each in enumerate(ordered):
                    for_error = each
                    done.append(_put_back(connection, each, _aside(number)))
                connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        about = f"{for_error.schema}.{for_error.table}" if for_error else "the saved tables"
        raise DatabaseError(
            f"the rows of {about} cannot be put back: {first_line(error)}",
            code="rows_not_restored",
            state="nothing was put back",
            hint="put them back as the role that owns the tables"
            if isinstance(error, psycopg.errors.InsufficientPrivilege)
            else "rows fit into the tables that they were taken from: roll the migration back "
            "first, so that tables and columns are there again",
        ) from error
    return tuple(done)


def _parents_first(connection: Connection, files: Sequence[SavedFile]) -> list[SavedFile]:
    """Return files with those first that others refer to; where they go in circles, as they are."""
    query = load_queries("banister.engines.postgres", "saving.sql")["references"].encode()
    refers: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for schema, table, to_schema, to_table in connection.execute(query).fetchall():
        if (schema, table) != (to_schema, to_table):
            refers.setdefault((schema, table), set()).add((to_schema, to_table))
    left, ordered = list(files), list[SavedFile]()
    while left:
        waiting = {(each.schema, each.table) for each in left}
        free = [each for each in left if not refers.get((each.schema, each.table), set()) & waiting]
        ordered += free or left
        left = [each for each in left if each not in free] if free else []
    return ordered


@contextmanager
def _quiet_triggers(connection: Connection, files: Sequence[SavedFile]) -> Iterator[None]:
    """Within, no trigger of a user fires on these tables: what comes back is what was there."""
    query = load_queries("banister.engines.postgres", "saving.sql")["triggers"].encode()
    names = {(each.schema, each.table) for each in files}
    found = [
        (sql.Identifier(schema, table), sql.Identifier(name), enabled)
        for schema, table, name, enabled in connection.execute(query).fetchall()
        if (schema, table) in names
    ]
    for table, name, _ in found:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(table, name))
    yield
    for table, name, enabled in found:
        how = sql.SQL(_ENABLING.get(enabled, "ENABLE"))
        connection.execute(sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(table, how, name))


def _aside(number: int) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"banister_rows_{number}")


def _load(connection: Connection, saved: SavedFile, rows: sql.Identifier) -> None:
    """Read a file into a table of this session. Raises DatabaseError where it cannot go back."""
    table = sql.Identifier(saved.schema, saved.table)
    columns = sql.SQL(", ").join(map(sql.Identifier, saved.columns))
    connection.execute(
        sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            rows, columns, table
        )
    )
    copy_in = sql.SQL("COPY {} FROM STDIN").format(rows)
    with Path(saved.path).open("rb") as file, connection.cursor().copy(copy_in) as copy:
        while data := file.read(_CHUNK):
            copy.write(data)
    if saved.kind is not LossKind.COLUMNS and not saved.key:
        _check_absence(connection, saved, table, rows)


def _put_back(connection: Connection, saved: SavedFile, rows: sql.Identifier) -> RowsBack:
    table = sql.Identifier(saved.schema, saved.table)
    columns = sql.SQL(", ").join(map(sql.Identifier, saved.columns))
    if saved.kind is LossKind.COLUMNS:
        return _columns_back(connection, saved, table, rows)
    query = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS saved{}")
    same = sql.SQL(" WHERE NOT EXISTS (SELECT FROM {} AS now WHERE {})").format(table, _same(saved))
    insert = query.format(table, columns, columns, rows, same if saved.key else sql.SQL(""))
    put = connection.execute(insert).rowcount
    return RowsBack(
        table=f"{saved.schema}.{saved.table}", rows=put, there=saved.rows - put, kind=saved.kind
    )


def _same(saved: SavedFile) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("now.{} = saved.{}").format(sql.Identifier(column), sql.Identifier(column))
        for column in saved.key
    )


def _check_absence(
    connection: Connection, saved: SavedFile, table: sql.Identifier, rows: sql.Identifier
) -> None:
    """Raise DatabaseError where rows without a key may be there already."""
    if saved.moved:
        raise _refused(saved, "some of them were only changed, and no key tells which")
    text = sql.SQL("ROW({})::pg_catalog.text").format(
        sql.SQL(", ").join(map(sql.Identifier, saved.columns))
    )
    query = sql.SQL("SELECT EXISTS (SELECT {} FROM {} INTERSECT SELECT {} FROM {})").format(
        text, table, text, rows
    )
    if saved.kind is LossKind.ALL:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table)
    there = connection.execute(query).fetchone()
    if there is not None and there[0]:
        raise _refused(saved, "it holds such rows already, and has no key to tell them apart")


def _columns_back(
    connection: Connection, saved: SavedFile, table: sql.Identifier, rows: sql.Identifier
) -> RowsBack:
    if not saved.key or {*saved.key} & {*saved.lost_columns}:
        raise _refused(saved, "it had no primary key that stayed, by which rows could be told")
    changes = sql.SQL(", ").join(
        sql.SQL("{} = saved.{}").format(sql.Identifier(column), sql.Identifier(column))
        for column in saved.lost_columns
    )
    query = sql.SQL("UPDATE ONLY {} AS now SET {} FROM {} AS saved WHERE {}").format(
        table, changes, rows, _same(saved)
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
