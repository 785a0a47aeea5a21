"""Real databases for the tests: PostgreSQL 14 to 18, each started at its first use, and SQLite."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from banister.engines.embedded import Binaries, Running, find_binaries, start, stop
from banister.errors import ServerError
from banister.model import Dialect

__all__ = [
    "MAJORS",
    "AnyDatabase",
    "PostgresDatabase",
    "Servers",
    "SqliteDatabase",
]

MAJORS = (14, 15, 16, 17, 18)

_CACHE = Path(__file__).resolve().parent.parent / ".cache" / "postgres"
#: The data are thrown away, so nothing waits for the disk.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_prepared_transactions": "5",
}


@dataclass(frozen=True, kw_only=True)
class PostgresDatabase:
    """An empty database on a test server, of a superuser, gone after the test."""

    url: str
    name: str
    major: int
    server: Running
    dialect: Dialect = Dialect.POSTGRESQL

    @property
    def conninfo(self) -> str:
        """The same as key=value pairs."""
        return make_conninfo(self.url)

    def connect(self, **options: Any) -> psycopg.Connection:
        """Connect with autocommit, unless `options` say otherwise; the caller closes."""
        return psycopg.connect(self.url, **{"autocommit": True, **options})

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL in a session of its own and return the rows of the last statement."""
        with closing(self.connect()) as connection:
            cursor = connection.execute(statement.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True, kw_only=True)
class SqliteDatabase:
    """A SQLite file that does not exist until something is written."""

    path: Path
    dialect: Dialect = Dialect.SQLITE

    @property
    def url(self) -> str:
        """The form that Banister takes."""
        return f"sqlite:///{self.path}"

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement in a session of its own and return its rows."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()


AnyDatabase = PostgresDatabase | SqliteDatabase


class Servers:
    """The test servers of this process, one a major version, started when first asked for."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._running: dict[int, Running] = {}

    def get(self, major: int) -> Running:
        """Return the server of a major version, or skip the test; see `binaries`."""
        if major not in self._running:
            found = self.binaries(major)
            self._running[major] = start(found, self._home() / str(major), settings=_SETTINGS)
        return self._running[major]

    @staticmethod
    def binaries(major: int) -> Binaries:
        """Return the programs of a major version, or skip the test and say why.

        The majors named in BANISTER_REQUIRE_SERVERS (for example "14,18") fail instead.
        """
        found = _binaries(major)
        if isinstance(found, str):
            required = os.environ.get("BANISTER_REQUIRE_SERVERS", "").split(",")
            if str(major) in (word.strip() for word in required):
                pytest.fail(f"{found}, and BANISTER_REQUIRE_SERVERS asks for it")
            pytest.skip(found)
        return found

    @contextmanager
    def database(self, major: int) -> Iterator[PostgresDatabase]:
        """Give an empty database on the server of a major version; dropped afterwards."""
        server = self.get(major)
        name = f"test_{uuid4().hex[:12]}"
        self._run(server, "CREATE DATABASE {}", name)
        try:
            url = server.database_url(name)
            yield PostgresDatabase(url=url, name=name, major=major, server=server)
        finally:
            self._run(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def close(self) -> None:
        """Stop the servers and remove their data."""
        for running in self._running.values():
            stop(running)
        self._running.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def _home(self) -> Path:
        if self._folder is None:
            # Short, for the sockets; and the account that serves for root has to pass through.
            self._folder = Path(tempfile.mkdtemp(prefix="banister-test-"))
            self._folder.chmod(0o711)
        return self._folder

    @staticmethod
    def _run(server: Running, statement: LiteralString, name: str) -> None:
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _binaries(major: int) -> Binaries | str:
    """Return the programs of a major version, or why there are none."""
    if major == 18:
        try:
            return find_binaries()
        except ServerError as error:
            return f"{error.message}; {error.hint}"
    fetched = Binaries(bin_dir=_CACHE / str(major) / "native" / "bin")
    packaged = Binaries(bin_dir=Path(f"/usr/lib/postgresql/{major}/bin"))
    for binaries in (packaged, fetched):
        if binaries.postgres.is_file() and binaries.initdb.is_file():
            return binaries
    return (
        f"no PostgreSQL {major}: neither in {packaged.bin_dir} nor in .cache/postgres/{major}, "
        "where `make servers` puts one"
    )
