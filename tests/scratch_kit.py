"""What the tests of scratch databases share: places of each kind, and runs that are killed."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import banister
from banister.model import Dialect
from banister.project import Settings, Target, TargetKind, load_settings
from banister.scratch import Scratch, open_scratch
from conftest import clean_environment

__all__ = [
    "ask",
    "killed_run",
    "open_place",
    "project_on",
    "quick_home",
    "settings_in",
    "starting_run",
    "target_of",
    "waiting_run",
]

_RUN = """
import sys
from pathlib import Path
from banister.model import Dialect
from banister.project import Target, TargetKind, load_settings
from banister.scratch import open_scratch
settings = load_settings(Path(sys.argv[1]), env=None, environ={})
named = None
if len(sys.argv) > 2:
    named = Target(kind=TargetKind.POSTGRESQL, conninfo=sys.argv[2], source="", display="it")
with open_scratch(settings, dialect=Dialect.POSTGRESQL, named=named) as place:
    print(place.create().conninfo, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def quick_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every account may pass through, in memory where there is one; TMPDIR in it."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="banister-test-", dir=parent))
    for path in (folder, folder / "tmp"):
        path.mkdir(exist_ok=True)
        path.chmod(0o711)
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    yield folder
    shutil.rmtree(folder)


def settings_in(root: Path, **overrides: object) -> Settings:
    return load_settings(root, env=None, environ={}, overrides=overrides)


def target_of(conninfo: str) -> Target:
    return Target(
        kind=TargetKind.POSTGRESQL, conninfo=conninfo, source="--url", display="the server"
    )


@contextmanager
def open_place(root: Path, **options: Any) -> Iterator[Scratch]:
    """A place for PostgreSQL, unless `dialect` says otherwise, with the defaults as settings."""
    given = {"settings": settings_in(root), "dialect": Dialect.POSTGRESQL, **options}
    with open_scratch(given.pop("settings"), **given) as place:
        yield place


def project_on(place: Scratch, database: Target, files: dict[str, str]) -> banister.Project:
    """A project whose migrations run on a scratch database; `001_a.up` stands for a file."""
    folder = place.settings.dir
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    return banister.Project(settings=place.settings, target=database)


def ask(database: Target, *statements: str) -> Any:
    """Run statements in a session of their own; return the one value of the last."""
    with closing(psycopg.connect(database.conninfo, autocommit=True)) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@contextmanager
def starting_run(root: Path, *named: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, root, *named],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def waiting_run(root: Path, *named: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run in a process of its own that has made one database; its connection string."""
    with starting_run(root, *named) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def killed_run(root: Path, *named: str) -> str:
    """Let a run make a database, and kill it; return that database's connection string."""
    with waiting_run(root, *named) as (process, conninfo):
        process.kill()
        process.wait()
    return conninfo
