"""Fixtures for all tests. Databases are real ones; see servers.py."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

from servers import MAJORS, AnyDatabase, PostgresDatabase, Servers, SqliteDatabase

# A build must not fail by chance; new cases are looked for where somebody can look at them.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


class RunBanister(Protocol):
    """Run the command line in a process of its own, and wait for it, 60 seconds at most.

    Without `cwd` it runs in the test's own empty folder. The environment is this one without
    anything that chooses a database, plus `env`.
    """

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The PostgreSQL servers of this test process; they start at first use."""
    found = Servers()
    yield found
    found.close()


@pytest.fixture
def postgres(servers: Servers) -> Iterator[PostgresDatabase]:
    """An empty database on the newest PostgreSQL."""
    with servers.database(MAJORS[-1]) as database:
        yield database


@pytest.fixture(params=MAJORS, ids=lambda major: f"postgres{major}")
def every_postgres(request: pytest.FixtureRequest, servers: Servers) -> Iterator[PostgresDatabase]:
    """An empty database on each supported PostgreSQL in turn."""
    with servers.database(request.param) as database:
        yield database


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Where a SQLite database may be made."""
    return tmp_path / "app.db"


@pytest.fixture(params=["postgresql", "sqlite"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyDatabase]:
    """An empty database of each engine in turn."""
    if request.param == "sqlite":
        yield SqliteDatabase(path=tmp_path / "app.db")
        return
    servers: Servers = request.getfixturevalue("servers")
    with servers.database(MAJORS[-1]) as database:
        yield database


def clean_environment() -> dict[str, str]:
    """Return our environment without what would choose a database or a setting.

    A rehearsal starts a server: the tests of `plan` that are about something else do without.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "BANISTER_")) and name not in {"DATABASE_URL", "DB_PATH"}
    }
    return {**kept, "BANISTER_PLAN_REHEARSE": "false"}


@pytest.fixture
def run_banister(tmp_path: Path) -> RunBanister:
    """Run the command line; see RunBanister."""

    def run(
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "banister", *args],
            cwd=cwd or tmp_path,
            env={**clean_environment(), **(env or {})},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
