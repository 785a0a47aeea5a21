"""The rows of all tables of a SQLite file, as texts that can be compared."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from banister.engines.sqlite.catalog import spelled
from banister.engines.sqlite.session import Session
from banister.engines.sqlite.tables import quoted
from banister.model import Contents, TableRows, Unfilled

__all__ = ["Table", "read_contents", "tables_there"]

#: PRAGMA table_xinfo says so of generated columns: https://www.sqlite.org/pragma.html
_GENERATED = (2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose rows are looked at."""

    name: str
    #: Declared types and whether NULL is refused, by column, without generated ones.
    columns: Mapping[str, tuple[str, bool]]
    #: The columns of the best key.
    key: tuple[str, ...]


def read_contents(
    session: Session, queries: Mapping[str, str], *, left_out: frozenset[str], limit: int
) -> Contents:
    """Return up to `limit` rows of each table as the open transaction sees them.

    A table that cannot be read is named in `unread`. Lets the driver's other errors out.
    """
    read: dict[str, TableRows] = {}
    unread: list[Unfilled] = []
    for table in tables_there(session, queries, left_out=left_out):
        display = spelled(table.name)
        try:
            rows = list(session.execute(_reading(table), [limit + 1]))
        except sqlite3.OperationalError as error:
            unread.append(Unfilled(table=display, reason=str(error)))
            continue
        read[display] = TableRows(
            table=display,
            columns=tuple(map(spelled, table.columns)),
            rows=tuple(tuple(row) for row in rows[:limit]),
            key=tuple(map(spelled, table.key)),
            complete=len(rows) <= limit,
        )
    return Contents(tables=read, unread=tuple(unread))


def tables_there(
    session: Session, queries: Mapping[str, str], *, left_out: frozenset[str]
) -> tuple[Table, ...]:
    """Return the tables whose rows are looked at, without virtual ones and those of `left_out`."""
    out = {name.lower() for name in left_out}
    columns: dict[str, dict[str, tuple[str, bool]]] = {}
    for name, column, kind, not_null, _, hidden in session.execute(queries["schema_columns"]):
        mine = columns.setdefault(name, {})
        if hidden not in _GENERATED and name.lower() not in out:
            mine[column] = (kind, bool(not_null))
    keys: dict[str, dict[str, list[str | None]]] = {}
    for name, index, _, column in session.execute(queries["key_columns"]):
        keys.setdefault(name, {}).setdefault(index, []).append(column)
    primary: dict[str, list[str]] = {}
    for name, column in session.execute(queries["primary_keys"]):
        primary.setdefault(name, []).append(column)
    return tuple(
        Table(name=name, columns=mine, key=_best(mine, primary.get(name, []), keys.get(name, {})))
        for name, mine in sorted(columns.items())
        if mine
    )


def _best(
    columns: Mapping[str, tuple[str, bool]],
    primary: list[str],
    keys: Mapping[str, list[str | None]],
) -> tuple[str, ...]:
    """Return the first key whose columns are never NULL, the primary one before others."""
    if len(primary) == 1 and columns.get(primary[0], ("", False))[0].upper() == "INTEGER":
        return tuple(primary)
    every: list[Sequence[str | None]] = [primary, *keys.values()]
    for names in every:
        found = tuple(name for name in names if name is not None)
        known = [columns[name][1] for name in found if name in columns]
        if found and len(known) == len(names) and all(known):
            return found
    return ()


def _reading(table: Table) -> str:
    """Return the query for a table's rows, in the order of the texts of its key, or of all.

    quote() tells numbers from texts that look the same.
    """
    names = list(table.columns)
    cells = ", ".join(
        f"CASE WHEN {quoted(name)} IS NOT NULL THEN quote({quoted(name)}) END" for name in names
    )
    places = [names.index(name) for name in table.key] or range(len(names))
    order = ", ".join(str(place + 1) for place in places)
    return f"SELECT {cells} FROM main.{quoted(table.name)} ORDER BY {order} LIMIT ?"  # noqa: S608 -- quoted
