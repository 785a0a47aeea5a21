"""What a SQLite file holds, in numbers."""

import sqlite3
from collections.abc import Mapping

from banister.engines.sqlite.lacking import rows_without

__all__ = ["counted", "last_version", "number", "quoted"]


def number(connection: sqlite3.Connection, query: str) -> int:
    """Return the one whole number that a query gives."""
    return int(connection.execute(query).fetchone()[0])


def counted(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return how many rows each table has; virtual tables are left out."""
    names = [
        str(row[0])
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        )
    ]
    queries = {name: f"SELECT count(*) FROM {quoted(name)}" for name in names}  # noqa: S608
    return {name: int(rows_without(connection, query)[0][0]) for name, query in queries.items()}


def last_version(connection: sqlite3.Connection, history: str) -> str | None:
    """Return the version that was applied last, None where no history tells."""
    try:
        row = connection.execute(
            f"SELECT version FROM {quoted(history)} ORDER BY applied_at DESC, version DESC LIMIT 1"  # noqa: S608
        ).fetchone()
    except sqlite3.OperationalError:
        return None
    return None if row is None else str(row[0])


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
