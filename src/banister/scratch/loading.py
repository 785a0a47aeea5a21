"""Putting the schema and the surroundings of another database into a scratch database."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

import psycopg
from psycopg import sql

from banister.engines.queries import load_queries
from banister.errors import DatabaseError, Failure, ServerError
from banister.project import Target
from banister.scratch.base import Scratch
from banister.scratch.lacks import advice_for

__all__ = ["check_extensions", "let_past_policies", "load_schema", "surround", "tables_near"]

#: So many take no time worth saving.
_FEW_TABLES = 40


def load_schema(scratch: Scratch, database: Target, text: str) -> None:
    """Run the SQL that makes a schema, as a role that may make all of it, whole or not at all.

    Raises DatabaseError, which names what the server lacks.
    """
    try:
        with psycopg.connect(scratch.privileged(database).conninfo, autocommit=True) as connection:
            # Without parameters the driver sends all of it as one text, which is one transaction.
            connection.execute(text.encode())
            _populate(connection)
    except psycopg.Error as error:
        failure = Failure(
            message=error.diag.message_primary or type(error).__name__, sqlstate=error.sqlstate
        )
        raise DatabaseError(
            f"the schema cannot be made on {scratch.display}: {failure.message}",
            hint=advice_for(failure, shared=scratch.shared),
        ) from error


def _populate(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Fill materialized views, which a schema comes without the rows of; from the empty tables."""
    query = load_queries(__package__, "scratch.sql")["unpopulated"].encode()
    left = connection.execute(query).fetchall()
    # One that reads another has to wait for it.
    for _ in left:
        for schema, name in left:
            view = sql.Identifier(str(schema), str(name))
            with suppress(psycopg.Error):
                connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(view))
        known, left = left, connection.execute(query).fetchall()
        if left == known:
            return


def check_extensions(scratch: Scratch, database: Target, wanted: Collection[str]) -> None:
    """Raise ServerError where the server of a scratch database lacks one of these extensions."""
    query = "SELECT name::text FROM pg_catalog.pg_available_extensions"
    try:
        with psycopg.connect(scratch.privileged(database).conninfo, autocommit=True) as connection:
            there = {row[0] for row in connection.execute(query)}
    except psycopg.Error as error:
        raise ServerError(f"{scratch.display} does not say which extensions it has") from error
    lacking = sorted(set(wanted) - there)
    if lacking:
        raise ServerError(
            f"{scratch.display} lacks the extension{'s' * (len(lacking) > 1)} "
            + ", ".join(lacking),
            hint="install them there"
            if scratch.shared
            else "name a server that has them with --scratch-url, or BANISTER_SCRATCH_URL",
        )


def _holds(connection: "psycopg.Connection[tuple[object, ...]]", setting: str, value: str) -> bool:
    """Whether a session has that value anyway; what is said in English is said the same."""
    row = connection.execute("SELECT pg_catalog.current_setting(%s, true)", (setting,)).fetchone()
    now = str(row[0]) if row else ""
    return now == value or (setting == "lc_messages" and now[:2] in {"C", "C.", "PO", "en"})


def tables_near(scratch: Scratch, database: Target, text: str) -> frozenset[str] | None:
    """Return the tables whose names occur in a text, with those around them; None: all of them.

    Around them are tables that refer to them, and whatever one of these refers to. Where there are
    few tables, all are near. Raises DatabaseError.
    """
    query = load_queries(__package__, "scratch.sql")["related"].encode()
    try:
        with psycopg.connect(scratch.privileged(database).conninfo, autocommit=True) as connection:
            rows = connection.execute(query, {"text": text.lower()}).fetchall()
    except psycopg.Error as error:
        raise DatabaseError(f"{database.display} does not tell its tables") from error
    if len(rows) <= _FEW_TABLES:
        return None
    return frozenset(str(name) for name, near in rows if near)


def let_past_policies(scratch: Scratch, database: Target, roles: Iterable[str]) -> None:
    """Let roles of a server of our own read what policies hide; others keep theirs.

    Raises DatabaseError.
    """
    if scratch.shared:
        return
    try:
        with psycopg.connect(scratch.privileged(database).conninfo, autocommit=True) as connection:
            query = "SELECT rolname::text FROM pg_catalog.pg_roles WHERE NOT rolbypassrls"
            there = {row[0] for row in connection.execute(query)}
            for role in sorted(there.intersection(roles)):
                statement = sql.SQL("ALTER ROLE {} BYPASSRLS").format(sql.Identifier(role))
                connection.execute(statement)
    except psycopg.Error as error:
        raise DatabaseError(f"{database.display} cannot be set up: {error}") from error


def surround(scratch: Scratch, database: Target, settings: Mapping[str, str]) -> tuple[str, ...]:
    """Make settings the defaults of a scratch database, for sessions that begin behind it.

    Returns the names of those that its server does not know or take. Raises DatabaseError.
    """
    refused = []
    try:
        with psycopg.connect(scratch.privileged(database).conninfo, autocommit=True) as connection:
            name = sql.Identifier(connection.info.dbname)
            for setting, value in settings.items():
                if _holds(connection, setting, value):
                    continue
                try:
                    connection.execute(
                        "SELECT pg_catalog.set_config(%s, %s, false)", (setting, value)
                    )
                    # As it is set here: a list would have to be quoted item by item.
                    connection.execute(
                        sql.SQL("ALTER DATABASE {} SET {} FROM CURRENT").format(
                            name, sql.SQL(".").join(map(sql.Identifier, setting.split(".")))
                        )
                    )
                except psycopg.Error:
                    if connection.closed:
                        raise
                    refused.append(setting)
    except psycopg.Error as error:
        raise DatabaseError(
            f"{database.display} cannot be set up: {error.diag.message_primary or 'no answer'}"
        ) from error
    return tuple(refused)
