"""A SQLite backup going back into files as programs leave them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import banister
from banister.errors import LockTimeout
from sqlite_backup_kit import migrated, open_project, root_of, rows, run


@pytest.fixture
def project(tmp_path: Path) -> banister.Project:
    return migrated(tmp_path)


def empty_file(path: Path, journal: str, page_size: int) -> None:
    run(path, f"PRAGMA page_size = {page_size}", "CREATE TABLE gone (id)", "DROP TABLE gone")
    run(path, "VACUUM", f"PRAGMA journal_mode = {journal}")


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
