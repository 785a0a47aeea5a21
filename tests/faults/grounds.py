"""Where runs are cut off again and again: an empty PostgreSQL database, an empty SQLite file."""

import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol
from urllib.parse import quote

import psycopg
from cut_off import FILES, SQLITE_FILES, start_run, write_files
from oracles import SECRET, Expected, expected_of, sqlite_expected, sqlite_state, state
from own_server import OwnServer, own_server

import banister
from banister.failpoints import FailPoint
from postgres_kit import Site

__all__ = ["Ground", "Measures", "OnPostgres", "OnSqlite", "grounds"]

#: Behind the others: enough to be sent together.
SMALL = {
    f"{n:03}_small": f"CREATE TABLE small_{n} (id int);\nINSERT INTO witness VALUES ({n}, 1);"
    for n in range(11, 25)
}
#: More than any run comes by.
_NEVER = 1_000_000


class Ground(Protocol):
    """A database that can be emptied, and what the migrations make of it undisturbed."""

    @property
    def root(self) -> Path:
        """The folder of the project."""

    def project(self) -> banister.Project:
        """Open the project anew."""

    def empty(self) -> None:
        """Take everything out of the database."""

    def wrong(self) -> str | None:
        """Return what differs from an undisturbed run, or nothing."""


@dataclass(frozen=True, kw_only=True)
class OnPostgres:
    """An empty database of a server that may be crashed."""

    server: OwnServer
    site: Site
    expected: Expected

    @property
    def root(self) -> Path:
        """The folder of the project."""
        return self.site.root

    def project(self, url: str | None = None) -> banister.Project:
        """Open the project; the server asks for no password, which must not be seen anywhere."""
        secret = quote(SECRET, safe="")
        return self.site.project(url=f"{url or self.site.database.url}&password={secret}")

    def empty(self) -> None:
        """Take everything out of the database; what is left of other sessions ends first."""
        self.end_sessions()
        self.site.wait_until_gone()
        with closing(psycopg.connect(self.site.database.url, autocommit=True)) as connection:
            connection.execute("SET lock_timeout = '20s'")
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def end_sessions(self) -> None:
        """End all sessions of runs from the side of the server."""
        self.site.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
            "'banister' AND datname = current_database() AND pid <> pg_backend_pid()"
        )

    def wrong(self) -> str | None:
        """Return what differs from an undisturbed run, or nothing."""
        return state(self.site, self.expected)


@dataclass(frozen=True, kw_only=True)
class OnSqlite:
    """A SQLite file that is not there yet."""

    root: Path
    expected: Expected

    @property
    def _file(self) -> Path:
        return self.root / "bench.db"

    def project(self) -> banister.Project:
        """Open the project anew."""
        return banister.open(f"sqlite:///{self._file}", root=self.root, environ={})

    def empty(self) -> None:
        """Remove the file, and what a run that was cut off left beside it."""
        for path in self.root.glob("bench.db*"):
            path.unlink()

    def wrong(self) -> str | None:
        """Return what differs from an undisturbed run, or nothing."""
        return sqlite_state(self._file, self.expected)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What an undisturbed run takes."""

    seconds: float
    #: How often it comes to each named point; only those that it comes to.
    passes: Mapping[FailPoint, int]


@contextmanager
def grounds() -> Iterator[tuple[OnPostgres, Measures, OnSqlite, Measures]]:
    """Yield both kinds, and the measures of each; the server and the folder go afterwards."""
    with own_server() as server, tempfile.TemporaryDirectory() as folder:
        site = Site(database=server.database, root=Path(folder, "postgres"))
        write_files(site.folder, {**FILES, **SMALL})
        site.project().up()
        postgres = OnPostgres(server=server, site=site, expected=expected_of(site))
        root = Path(folder, "sqlite")
        write_files(root / "migrations", SQLITE_FILES)
        nothing = Expected(versions=(), witnesses=(), schema="")
        first = OnSqlite(root=root, expected=nothing)
        first.project().up()
        sqlite = OnSqlite(root=root, expected=sqlite_expected(root / "bench.db"))
        yield postgres, _measures(postgres), sqlite, _measures(sqlite)


def _measures(ground: Ground) -> Measures:
    counted = {point: _passes(ground, point) for point in FailPoint}
    return Measures(
        seconds=statistics.median(_seconds(ground) for _ in range(3)),
        passes={point: count for point, count in counted.items() if count},
    )


def _passes(ground: Ground, point: FailPoint) -> int:
    """Return how often a run comes to a point: the variable counts down."""
    ground.empty()
    variable = "BANISTER_TEST_FAIL_POINT"
    os.environ[variable] = f"{point}:{_NEVER}:kill"
    try:
        ground.project().up()
        return _NEVER - int(os.environ[variable].split(":")[1])
    finally:
        del os.environ[variable]


def _seconds(ground: Ground) -> float:
    ground.empty()
    started = monotonic()
    start_run(ground.project, ground.root / "said").wait()
    return monotonic() - started
