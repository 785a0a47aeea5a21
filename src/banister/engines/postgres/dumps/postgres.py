"""One PostgreSQL database, for backups."""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import psycopg

from banister.engines.base import Database, SessionSettings
from banister.engines.postgres.dumps.content import (
    check_empty,
    count_rows,
    count_rows_past,
    held_back,
)
from banister.engines.postgres.dumps.load import load
from banister.engines.postgres.dumps.replace import Replacement
from banister.engines.postgres.dumps.rows_back import put_rows_back
from banister.engines.postgres.dumps.take import Dump
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import Session, connect
from banister.engines.queries import load_queries
from banister.errors import DatabaseError, UnsupportedByEngine
from banister.model import Event, HistoryTable
from banister.model.backup import (
    BackupManifest,
    BackupWanted,
    Dumped,
    Replaced,
    RowsBack,
    SavedFile,
)

__all__ = ["PostgresDumps"]


class PostgresDumps:
    """One PostgreSQL database over one session; see `Dumps`."""

    def __init__(
        self, conninfo: str, *, display: str, history: HistoryTable, settings: SessionSettings
    ) -> None:
        """Connect. Raises ConnectionFailed, and UnsupportedByEngine behind a pooler."""
        self._settings = settings
        self._history = history
        self._queries = load_queries(__package__ or "", "dumps.sql")
        self._session: Session = connect(
            conninfo,
            display=display,
            facts_query=load_queries("banister.engines.postgres", "queries.sql")["facts"],
            settings=settings,
        )
        if self._session.pooled:
            self.close()
            raise UnsupportedByEngine(
                f"{display} is reached through a connection pooler, and a backup needs a session",
                code="pooler",
                hint="give the URL of the server itself, for example with --url",
            )

    @property
    def database(self) -> Database:
        """What this speaks to."""
        return self._session.database

    def size_bytes(self) -> int:
        """Return what the tables hold; see `Dumps.size_bytes`."""
        try:
            with self._session.reading() as connection:
                row = connection.execute(self._queries["size"].encode()).fetchone()
        except psycopg.Error as error:
            raise self._unanswered(error) from error
        return int(row[0]) if row else 0

    def dump(self, wanted: BackupWanted, into: Path) -> Generator[Event, None, Dumped]:
        """Write everything to `into`; see `Dumps.dump`."""
        dump = Dump(
            session=self._session,
            history=self._history,
            queries=self._queries,
            wanted=wanted,
            into=into,
        )
        try:
            yield from dump.run()
        except psycopg.Error as error:
            raise self._unanswered(error) from error
        return dump.result

    def check_empty(self) -> None:
        """Raise DatabaseError unless the database is empty; see `Dumps.check_empty`."""
        try:
            check_empty(self._session, self._queries)
        except psycopg.Error as error:
            raise self._unanswered(error) from error

    def load(self, source: Path, manifest: BackupManifest) -> Generator[Event, None, None]:
        """Put a backup into the empty database; see `Dumps.load`."""
        yield from load(self._session, source, manifest)

    def count_rows(self) -> Mapping[str, int]:
        """Return the rows of every table; see `Dumps.count_rows`."""
        try:
            with self._session.reading() as connection:
                tables = held_back(connection, self._queries)
                if not tables:
                    return count_rows(connection, self._queries)
            with self._session.writing() as connection:
                self._session.be_ourselves({"row_security": "off"})
                return count_rows_past(connection, self._queries, tables)
        except psycopg.Error as error:
            raise self._unanswered(error) from error

    def replace(
        self, source: Path, manifest: BackupManifest, *, disconnect: bool = False
    ) -> Generator[Event, None, Replaced]:
        """Put a backup in the place of the database; see `Dumps.replace`."""
        replacement = Replacement(
            session=self._session,
            history=self._history,
            settings=self._settings,
            queries=self._queries,
            disconnect=disconnect,
        )
        return (yield from replacement.run(source, manifest))

    def others(self) -> int:
        """Return how many sessions of others are in the database; see `Dumps.others`."""
        try:
            with self._session.reading() as connection:
                row = connection.execute(self._queries["others"].encode()).fetchone()
        except psycopg.Error as error:
            raise self._unanswered(error) from error
        return int(row[0]) if row else 0

    def put_rows_back(self, files: Sequence[SavedFile]) -> tuple[RowsBack, ...]:
        """Put saved rows back; see `Dumps.put_rows_back`."""
        return put_rows_back(self._session, files)

    def close(self) -> None:
        """Give the connection back. Never raises."""
        self._session.connection.close()

    def _unanswered(self, error: psycopg.Error) -> DatabaseError:
        return DatabaseError(f"{self.database.display} does not answer: {first_line(error)}")
