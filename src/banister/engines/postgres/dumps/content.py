"""What is in a database, counted under one snapshot."""

from collections.abc import Mapping

from psycopg import sql

from banister.engines.postgres.session import Connection, Session
from banister.errors import DatabaseError

__all__ = ["check_empty", "check_readable", "count_rows", "refuse_statement"]

#: So many tables are counted in one go, and so many are told.
_AT_ONCE = 200
_TOLD = 5


def count_rows(connection: Connection, queries: Mapping[str, str]) -> Mapping[str, int]:
    """Return the rows of every table of which a dump holds rows, in an open transaction.

    Raises psycopg.Error.
    """
    tables = [str(row[0]) for row in connection.execute(queries["tables"].encode())]
    counted: dict[str, int] = {}
    for first in range(0, len(tables), _AT_ONCE):
        some = tables[first : first + _AT_ONCE]
        with connection.pipeline():
            # The names come quoted from the catalog.
            asked = [
                connection.execute(sql.SQL("SELECT pg_catalog.count(*) FROM ONLY {}").format(t))
                for t in map(sql.SQL, some)
            ]
        for table, answer in zip(some, asked, strict=True):
            row = answer.fetchone()
            counted[table] = int(row[0]) if row else 0
    return counted


def check_readable(connection: Connection, queries: Mapping[str, str], user: str) -> None:
    """Raise DatabaseError, which names them, where there are tables that cannot be read whole.

    Raises psycopg.Error too.
    """
    rows = connection.execute(queries["unreadable"].encode())
    found = [(str(row[0]), str(row[1])) for row in rows]
    if not found:
        return
    names = ", ".join(name for name, _ in found[:_TOLD])
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    grants = [why for _, why in found if why != "row security"]
    advice = f"{grants[0]} TO {user}" if grants else f"ALTER ROLE {user} BYPASSRLS"
    raise DatabaseError(
        f"role {user} may not read all rows of {names}{more}: a backup would not be whole",
        code="unreadable_table",
        state="no backup was made",
        hint=f"{advice}; or make the backup as the role that owns them",
    )


def check_empty(session: Session, queries: Mapping[str, str]) -> None:
    """Raise DatabaseError unless the database is empty; psycopg.Error too."""
    with session.reading() as connection:
        found = [str(row[0]) for row in connection.execute(queries["holds"].encode())]
    if not found:
        return
    raise DatabaseError(
        f"{session.database.display} is not empty: there is {', '.join(found)}",
        code="not_empty",
        state="nothing was restored",
        hint="restore into a new, empty database; or, to put the backup in the place of this one, "
        "give --replace",
    )


def refuse_statement(queries: Mapping[str, str]) -> str:
    """Return the statement that fails unless the database is empty."""
    return queries["refuse"].replace("{holds}", queries["holds"])
