"""A SQLite backup going back into files as programs leave them: in WAL mode, after a crash."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import banister
from banister.errors import LockTimeout, ServerError
from banister.model.backup import BackupForm, BackupWanted
from sqlite_backup_kit import migrated, open_project, root_of, rows, run

#: A writer that is killed with changed pages in the file, and the old ones in its journal.
CRASH = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE t SET note = 'half done'")
connection.executemany("INSERT INTO t (note) VALUES (?)", [["x" * 900]] * 500)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def project(tmp_path: Path) -> banister.Project:
    return migrated(tmp_path)


def empty_file(path: Path, journal: str, page_size: int) -> None:
    run(path, f"PRAGMA page_size = {page_size}", "CREATE TABLE gone (id)", "DROP TABLE gone")
    run(path, "VACUUM", f"PRAGMA journal_mode = {journal}")


def crash(path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", CRASH, str(path)], check=False)
    assert ended.returncode == -9
    assert path.with_name(f"{path.name}-journal").stat().st_size


@pytest.mark.parametrize("replacing", [False, True])
@pytest.mark.parametrize("page_size", [512, 4096])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_backup_goes_into_an_empty_database_whatever_its_pages_and_its_journal(
    project: banister.Project, journal: str, page_size: int, replacing: bool
) -> None:
    done = project.backups().take()
    root = root_of(project)
    live = root / "other.db"
    empty_file(live, journal, page_size)
    open_project(root, "other.db").backups().restore(root / done.path, replacing=replacing)
    assert rows(live) == [(1,), (2,)]
    assert rows(live, "PRAGMA journal_mode") == [(journal,)]
    assert rows(live, "PRAGMA page_size") == [(4096,)]


@pytest.mark.parametrize("page_size", [512, 4096])
def test_a_backup_in_wal_mode_comes_back_in_it(project: banister.Project, page_size: int) -> None:
    root = root_of(project)
    run(root / "app.db", "PRAGMA journal_mode = wal")
    done = project.backups().take()
    live = root / "other.db"
    empty_file(live, "delete", page_size)
    open_project(root, "other.db").backups().restore(root / done.path)
    assert rows(live, "PRAGMA journal_mode") == [("wal",)]
    assert rows(live) == [(1,), (2,)]


@pytest.mark.parametrize("replacing", [False, True])
def test_pages_of_another_size_are_refused_while_a_program_has_the_file_open(
    project: banister.Project, replacing: bool
) -> None:
    done = project.backups().take()
    root = root_of(project)
    live = root / "other.db"
    empty_file(live, "wal", 512)
    other = open_project(root, "other.db", lock_timeout="200ms")
    with closing(sqlite3.connect(live, isolation_level=None)) as app:
        app.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with pytest.raises(LockTimeout, match="pages of 512 bytes") as caught:
            other.backups().restore(root / done.path, replacing=replacing)
        assert "stop every program" in (caught.value.hint or "")
        assert app.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert rows(live, "SELECT count(*) FROM sqlite_schema") == [(0,)]
    assert not list(root.glob("other_before_*"))


def test_what_a_crashed_writer_left_is_rolled_back_and_then_kept(
    project: banister.Project,
) -> None:
    root = root_of(project)
    live = root / "app.db"
    done = project.backups().take()
    run(live, "INSERT INTO t VALUES (3, 'committed')")
    crash(live)
    restored = project.backups().restore(root / done.path, replacing=True)
    assert restored.replaced is not None
    before = Path(restored.replaced.before or "")
    assert rows(before, "SELECT id, note FROM t ORDER BY id") == [
        (1, "a"), (2, "b"), (3, "committed"),
    ]  # fmt: skip
    assert rows(live) == [(1,), (2,)]
    assert rows(live, "PRAGMA integrity_check") == [("ok",)]
    assert not live.with_name("app.db-journal").exists()


def test_a_backup_after_a_crash_holds_what_was_committed(project: banister.Project) -> None:
    root = root_of(project)
    crash(root / "app.db")
    done = project.backups().take(test=True)
    assert rows(root / done.path, "SELECT id, note FROM t ORDER BY id") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("replacing", [False, True])
def test_a_restore_that_finds_no_room_says_where_and_how_much_it_takes(
    project: banister.Project, small_disk: Path, replacing: bool, compress: bool
) -> None:
    root = root_of(project)
    run(root / "app.db", "INSERT INTO t VALUES (9, hex(zeroblob(900000)))")
    wanted = BackupWanted(form=BackupForm.SQLITE, compress=compress)
    done = project.backups().take(wanted)
    live = small_disk / "app.db"
    if replacing:
        run(live, "CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (7)")
    with pytest.raises(ServerError) as caught:
        open_project(small_disk).backups().restore(root / done.path, replacing=replacing)
    assert caught.value.code == "disk_full"
    hint = caught.value.hint or ""
    assert re.search(rf"make room in {small_disk}: .* takes about [1-4]\.\d+ MB", hint), hint
    assert "are free" in hint
    assert "backup_dir" not in hint
    assert caught.value.state == "the database is as it was"
    if replacing:
        assert rows(live) == [(7,)]
    assert [each.name for each in small_disk.iterdir()] == (["app.db"] if replacing else [])
