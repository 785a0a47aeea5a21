"""What is in a database, counted under one snapshot."""

from collections.abc import Mapping, Sequence

from psycopg import sql

from banister.engines.postgres.session import Connection, Session
from banister.errors import DatabaseError

__all__ = [
    "check_empty",
    "check_readable",
    "count_rows",
    "count_rows_past",
    "held_back",
    "refuse_statement",
]

#: So many tables are counted in one go, and so many are told.
_AT_ONCE = 200
_TOLD = 5
#: Why a role does not read all rows of a table that it may read.
_POLICIES = "row security"


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


def held_back(connection: Connection, queries: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tables of this role whose policies hold their own owner back, too.

    Raises psycopg.Error.
    """
    return tuple(str(row[0]) for row in connection.execute(queries["held_back"].encode()))


def count_rows_past(
    connection: Connection, queries: Mapping[str, str], tables: Sequence[str]
) -> Mapping[str, int]:
    """Return the rows of every table, with the policies of `tables` not holding their owner back.

    That is so in a transaction of its own alone, which locks these tables and leaves nothing: for a
    database that was just restored. Raises psycopg.Error.
    """
    with connection.transaction(force_rollback=True):
        for table in map(sql.SQL, tables):
            connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(table))
        return count_rows(connection, queries)


def check_readable(connection: Connection, queries: Mapping[str, str]) -> None:
    """Raise DatabaseError, which names them, where there are tables that cannot be read whole.

    Raises psycopg.Error too.
    """
    rows = connection.execute(queries["unreadable"].encode()).fetchall()
    if not rows:
        return
    found = [(str(table), str(why), str(role), bool(owns)) for table, why, role, owns in rows]
    names = ", ".join(table for table, *_ in found[:_TOLD])
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    _, why, role, owns = next((each for each in found if each[1] != _POLICIES), found[0])
    if why != _POLICIES:
        advice = f"{why} TO {role}; or make the backup as the role that owns them"
    elif owns:
        advice = (
            f"FORCE ROW LEVEL SECURITY holds back their owner, too: make the backup as a role that "
            f"policies do not hold back, or let a superuser say ALTER ROLE {role} BYPASSRLS"
        )
    else:
        advice = f"ALTER ROLE {role} BYPASSRLS; or make the backup as the role that owns them"
    raise DatabaseError(
        f"role {role} may not read all rows of {names}{more}: a backup would not be whole",
        code="unreadable_table",
        state="no backup was made",
        hint=advice,
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
