"""Fixtures for all tests. Databases are real ones; see servers.py."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

from banister.cli import main
from fork_kit import Forks
from servers import MAJORS, AnyDatabase, PostgresDatabase, Servers, SqliteDatabase

# Hundreds of processes are started, and one that may not keep its bytecode compiles all of it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A build must not fail by chance; new cases are looked for where somebody can look at them.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


#: Whether every form of a thing is tried, as `make everything` does, or one that stands for it.
EVERYTHING = "BANISTER_TEST_EVERYTHING" in os.environ


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to `make everything` what tries one more form of what another test holds."""
    if EVERYTHING:
        return
    left_out = [item for item in items if item.get_closest_marker("everything")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("everything")]


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


@pytest.fixture(
    params=[
        major
        if major in {MAJORS[0], MAJORS[-1]}
        else pytest.param(major, marks=pytest.mark.everything)
        for major in MAJORS
    ],
    ids=lambda major: f"postgres{major}",
)
def old_and_new_postgres(
    request: pytest.FixtureRequest, servers: Servers
) -> Iterator[PostgresDatabase]:
    """An empty database on the oldest and the newest PostgreSQL; `make everything`: on each."""
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


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """The process that commands are forked from; see fork_kit.py."""
    with Forks() as started:
        yield started


@pytest.fixture
def run_banister(tmp_path: Path, forks: Forks) -> RunBanister:
    """Run the command line; see RunBanister."""

    def run(
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        environment = {**clean_environment(), **(env or {})}
        if not any(name.startswith(("PYTHON", "LC_", "LANG")) for name in env or {}):
            return forks.run(
                [str(each) for each in args],
                folder=cwd or tmp_path,
                environment=environment,
                given=stdin or "",
                timeout=60,
            )
        return subprocess.run(
            [sys.executable, "-m", "banister", *args],
            cwd=cwd or tmp_path,
            env=environment,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


class Call(Protocol):
    """Run the command line in this process; return its exit code and all that it said."""

    def __call__(self, *args: str) -> tuple[int, str]: ...


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Run the command line in this process: many take their time as processes of their own."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]

    def run(*args: str) -> tuple[int, str]:
        code = main(args)
        said = capfd.readouterr()
        return code, said.out + said.err

    yield run
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for some pages only."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted by this user")
    yield place
    subprocess.run(["umount", str(place)], check=True)
