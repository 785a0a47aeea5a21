"""Runs on SQLite that are cut off at every moment: one plain `up` puts everything right."""

import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_site import FILES, VERSIONS, SqliteSite, bounded_files, killed_at_call

from conftest import EVERYTHING

JOURNALS = ["delete", "wal"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> object:
    """What an undisturbed run makes."""
    site = SqliteSite(root=tmp_path_factory.mktemp("reference"))
    site.write(FILES)
    assert site.command("up").code == 0
    return site.content()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: what a process leaves behind needs no disk."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def anew(memory: Path) -> Callable[[str], SqliteSite]:
    """Make an empty database of a journal mode, again and again."""
    site = SqliteSite(root=memory)
    site.write(FILES)

    def make(journal: str) -> SqliteSite:
        for item in memory.glob("app.db*"):
            item.unlink()
        with closing(sqlite3.connect(site.path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}")
        return site

    return make


@pytest.mark.parametrize("journal", JOURNALS)
def test_a_run_killed_before_any_call_of_sqlite_is_finished_by_the_next(
    anew: Callable[[str], SqliteSite], reference: object, journal: str
) -> None:
    # The one takes the odd calls, the other the even ones: each costs two runs. The ordinary
    # suite takes every other one of these.
    number, killed = JOURNALS.index(journal) - 1, True
    while killed:
        number += 2 if EVERYTHING else 4
        site = anew(journal)
        killed = site.command("up", arm=killed_at_call(number)).code == -signal.SIGKILL
        done = site.command("up")
        assert (done.code, done.err) == (0, ""), f"after a kill before call {number}"
        site.assert_all_is_well(reference)
    # Fewer would mean that the kills missed what they are for.
    assert number > 60


def test_a_rollback_killed_before_any_call_of_sqlite_is_finished_by_the_next(
    anew: Callable[[str], SqliteSite],
) -> None:
    applied = anew("delete")
    assert applied.command("up").code == 0
    before = applied.path.read_bytes()
    number, killed = 0, True
    while killed:
        number += 1 if EVERYTHING else 3
        site = anew("delete")
        site.path.write_bytes(before)
        down = ("down", "--to", "0")
        killed = site.command(*down, arm=killed_at_call(number)).code == -signal.SIGKILL
        done = site.command(*down)
        assert (done.code, done.err) == (0, ""), f"after a kill before call {number}"
        assert site.applied() == []
        rolled_back = [version for event, version, _ in site.log() if event == "rolled_back"]
        assert rolled_back == VERSIONS[::-1]
        assert site.rows("SELECT name FROM sqlite_master WHERE name IN ('parent', 'witness')") == []
    assert number > 40


@pytest.mark.parametrize("deadly", [True, False], ids=["killed", "failed"])
@pytest.mark.parametrize("journal", [pytest.param("delete", marks=pytest.mark.everything), "wal"])
def test_a_run_that_ends_inside_a_write_is_finished_by_the_next(
    anew: Callable[[str], SqliteSite], reference: object, journal: str, *, deadly: bool
) -> None:
    """Also in the middle of a COMMIT, with a page half written and a hot journal left behind."""
    site = anew(journal)
    assert site.command("up").code == 0
    largest = max(item.stat().st_size for item in site.root.glob("app.db*"))
    ended, hot = 0, 0
    # Not a multiple of the page size: the last page that fits is torn.
    for size in range(600, 2 * largest, 3500 if EVERYTHING else 5500):
        site = anew(journal)
        cut = site.command("up", arm=bounded_files(size, deadly=deadly))
        if cut.code == 0:
            break
        ended += 1
        assert cut.code == (-signal.SIGXFSZ if deadly else 1), cut.err
        if not deadly:
            assert "disk I/O error" in cut.err
            assert "hint:" in cut.err
        hot += any(item.stat().st_size for item in site.root.glob("app.db-*"))
        done = site.command("up")
        assert (done.code, done.err) == (0, ""), f"after a write beyond {size} bytes"
        site.assert_all_is_well(reference)
    assert cut.code == 0
    assert ended > 7
    if deadly:
        assert hot > 5, "journals must have been left behind for this to prove anything"
