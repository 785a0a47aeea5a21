"""Making and dropping databases over one session that is connected to another one."""

import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from banister.engines.base import SessionSettings
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import connect
from banister.engines.queries import load_queries
from banister.errors import DatabaseError
from banister.project import Settings, Target

__all__ = ["Connection", "Maker", "make_history_schema"]

Connection = psycopg.Connection[tuple[Any, ...]]
_LEAVING_SECONDS = 0.5
_POLL_SECONDS = 0.002
#: Nothing here takes long, and nothing may wait for ever.
_BOUNDS = {"lock_timeout": "10s", "statement_timeout": "120s", "idle_session_timeout": "0"}


@dataclass(frozen=True, kw_only=True)
class Maker:
    """A session that makes and drops databases."""

    connection: Connection
    #: For people.
    display: str

    def bound(self) -> None:
        """Bound what this session waits for."""
        with self.connection.pipeline():
            for name, value in _BOUNDS.items():
                self.connection.execute(
                    "SELECT pg_catalog.set_config(%s, %s, false)", (name, value)
                )

    def identity(self) -> str:
        """Return what the server is: its build, extensions and locale. Raises DatabaseError."""
        query = load_queries(__package__, "scratch.sql")["identity"].encode()
        try:
            rows = self.connection.execute(query).fetchall()
        except psycopg.Error as error:
            raise self._failed("the server cannot be looked at", error) from error
        return " ".join(str(value) for value in rows[0])

    def make(
        self, name: str, *, template: str, owner: str | None = None, by_files: bool = False
    ) -> None:
        """Make a database. Raises DatabaseError.

        `by_files` copies files instead of writing all of them to the log: faster where nothing is
        synced, but the server makes a checkpoint before and after.
        """
        text = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        if owner is not None:
            text += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
        # https://www.postgresql.org/docs/15/sql-createdatabase.html; before, there was no other way
        if by_files and self.connection.info.server_version >= 150_000:
            text += sql.SQL(" STRATEGY file_copy")
        try:
            self._wait_until_left(template)
            self.connection.execute(text)
        except psycopg.Error as error:
            raise self._failed("no scratch database can be made", error) from error

    def _wait_until_left(self, name: str) -> None:
        """Wait while sessions that were closed just now are ending.

        CREATE DATABASE waits for them, too, but looks again after 100 ms only.
        """
        query = load_queries(__package__, "scratch.sql")["visitors"].encode()
        give_up = time.monotonic() + _LEAVING_SECONDS
        while self.connection.execute(query, {"name": name}).fetchone() is not None:
            if time.monotonic() > give_up:
                return
            time.sleep(_POLL_SECONDS)

    def drop(self, name: str, *, force: bool = True) -> None:
        """Drop a database, and end its sessions; nothing where it is gone. Raises DatabaseError."""
        text: LiteralString = "DROP DATABASE IF EXISTS {}" + (" WITH (FORCE)" if force else "")
        try:
            self.connection.execute(sql.SQL(text).format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise self._failed("a scratch database cannot be dropped", error) from error

    def give(self, name: str, owner: str) -> None:
        """Make a role the owner of a database. Raises DatabaseError."""
        text = sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
            sql.Identifier(name), sql.Identifier(owner)
        )
        try:
            self.connection.execute(text)
        except psycopg.Error as error:
            raise self._failed("a scratch database cannot be given away", error) from error

    def close(self) -> None:
        """End the session. Never raises."""
        with suppress(psycopg.Error):
            self.connection.close()

    def _failed(self, what: str, error: psycopg.Error) -> DatabaseError:
        return DatabaseError(f"{what} on {self.display}: {first_line(error)}")


def make_history_schema(database: Target, settings: Settings) -> None:
    """Make the schema that the history table stands in; at the target somebody has made it before.

    Raises ConnectionFailed, DatabaseError.
    """
    name = settings.history.schema
    if name == "public":
        return
    facts = load_queries("banister.engines.postgres", "queries.sql")["facts"]
    tls = SessionSettings(sslmode=settings.sslmode, sslrootcert=settings.sslrootcert)
    # As everything else connects: with the settings' TLS, and under its bounds.
    session = connect(database.conninfo, display=database.display, facts_query=facts, settings=tls)
    text = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name))
    try:
        with closing(session.connection) as connection:
            connection.execute(text)
    except psycopg.Error as error:
        said = f"the schema {name} of the history table cannot be made on {database.display}"
        raise DatabaseError(f"{said}: {first_line(error)}") from error
