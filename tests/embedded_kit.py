"""What the tests of the embedded PostgreSQL share: folders, and looks at its server."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from banister.engines.embedded import Running, server_stop
from banister.engines.embedded.processes import identify

__all__ = ["ask", "home", "is_running", "permissions", "project"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that every account may pass through, unlike pytest's, and the TMPDIR in it."""
    folder = Path(tempfile.mkdtemp(prefix="banister-test-"))
    folder.chmod(0o711)
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project; a server that a test leaves in it is stopped."""
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    folder = home / "project"
    folder.mkdir()
    folder.chmod(0o711)
    yield folder
    server_stop(folder)


def ask(url: str, query: str) -> object:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def is_running(running: Running) -> bool:
    return identify(running.pid) == running.mark


def permissions(folder: Path) -> dict[Path, tuple[int, int, int]]:
    return {
        path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid)
        for path in (folder, *folder.parents)
    }
