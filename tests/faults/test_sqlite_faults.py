"""A SQLite file that is full, out of reach, gone or damaged: told by name, and got over.

Crashes are in test_sqlite_crashes.py, locks in test_sqlite_busy.py.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlite_site import SqliteSite, as_nobody, bounded_files

import banister
from banister.model import Event, StatementDone, StepDone

FILL = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)\n"
    "INSERT INTO witness SELECT 2 FROM n;\n"
)


@pytest.fixture
def site(tmp_path: Path) -> SqliteSite:
    """A witness table, applied."""
    made = SqliteSite(root=tmp_path)
    made.write({"001_table": "CREATE TABLE witness (n);"})
    assert made.command("up").code == 0
    return made


@pytest.fixture
def open_site() -> Iterator[SqliteSite]:
    """The same in a folder that every account may pass through, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="banister-test-"))
    try:
        made = SqliteSite(root=folder)
        made.write({"001_table": "CREATE TABLE witness (n);"})
        assert made.command("up").code == 0
        made.write({"002_row": "INSERT INTO witness VALUES (2);"})
        for item in (folder, *folder.rglob("*")):
            item.chmod(0o777 if item.is_dir() else 0o666)
        yield made
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


# Full


def test_a_file_that_may_not_grow_leaves_nothing_and_says_so(site: SqliteSite) -> None:
    site.write({"002_fill": f"CREATE TABLE more (x);\nPRAGMA max_page_count = 8;\n{FILL}"})
    ended = site.command("up", "--format", "json")
    assert ended.code == 1
    error = ended.json["error"]
    assert (error["code"], error["sqlite_error"]) == ("migration_failed", "SQLITE_FULL")
    assert "database or disk is full" in error["message"]
    assert error["location"]["line"] == 4
    assert error["state"] == "002 was rolled back whole; the database is at 001; 1 pending"
    assert "make room" in error["hint"]
    assert site.rows("SELECT name FROM sqlite_master WHERE name = 'more'") == []
    assert site.rows("SELECT count(*) FROM witness") == [(0,)]
    site.write({"002_fill": f"CREATE TABLE more (x);\n{FILL}"})
    assert site.command("up").code == 0
    assert site.rows("SELECT count(*) FROM witness") == [(5000,)]


def test_a_file_that_is_full_between_statements_goes_on_at_the_right_one(site: SqliteSite) -> None:
    head = "-- banister: transaction=off\nINSERT INTO witness VALUES (1);\n"
    site.write({"002_fill": f"{head}{FILL}INSERT INTO witness VALUES (3);\n"})
    room = site.path.stat().st_size + 3 * 4096
    ended = site.command("up", "--format", "json", arm=bounded_files(room, deadly=False))
    assert ended.code == 1
    error = ended.json["error"]
    assert error["sqlite_error"] == "SQLITE_IOERR_WRITE"
    assert error["state"].startswith("the statements before it are kept and will not run again")
    assert site.rows("SELECT n, count(*) FROM witness GROUP BY n") == [(1, 1)]
    assert site.command("up").code == 0
    assert site.rows("SELECT n, count(*) FROM witness GROUP BY n") == [(1, 1), (2, 5000), (3, 1)]


# Out of reach


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_what_may_only_be_read_is_refused_at_the_start_and_status_works(
    open_site: SqliteSite, what: str, journal: str
) -> None:
    open_site.rows(f"PRAGMA journal_mode = {journal}")
    place = open_site.path if what == "file" else open_site.root
    place.chmod(0o444 if what == "file" else 0o555)
    before = open_site.path.read_bytes()
    ended = open_site.command("up", "--format", "json", arm=as_nobody)
    assert ended.code == 1
    error = ended.json["error"]
    assert error["code"] == "read_only"
    assert error["message"] == f"{place} cannot be written by this user"
    assert error["state"] == "nothing was run"
    assert "must both be writable" in error["hint"]
    assert sorted(item.name for item in open_site.root.glob("app.db*")) == ["app.db"]
    status = open_site.command("status", "--format", "json", arm=as_nobody)
    assert [row["state"] for row in status.json["migrations"]] == ["applied", "pending"]
    assert sorted(item.name for item in open_site.root.glob("app.db*")) == ["app.db"]
    assert open_site.path.read_bytes() == before
    place.chmod(0o666 if what == "file" else 0o777)
    assert open_site.command("up", arm=as_nobody).code == 0
    assert open_site.rows("SELECT n FROM witness") == [(2,)]


def test_a_file_that_may_not_be_read_is_told(open_site: SqliteSite) -> None:
    open_site.path.chmod(0)
    for command in ("status", "up"):
        ended = open_site.command(command, "--format", "json", arm=as_nobody)
        assert ended.code == 1
        assert ended.json["error"]["code"] == "connection"
        assert "app.db cannot be opened" in ended.json["error"]["message"]
        assert "right to read" in ended.json["error"]["hint"]


def test_a_hot_journal_in_a_folder_that_may_only_be_read_is_told(open_site: SqliteSite) -> None:
    """What a crash left behind must be rolled back before anything can be read."""
    open_site.write({"002_row": f"PRAGMA cache_size = 2;\n{FILL}{FILL}INSERT INTO nowhere;"})
    size = open_site.path.stat().st_size + 4 * 4096
    killed = open_site.command("up", arm=bounded_files(size, deadly=True))
    assert killed.code == -signal.SIGXFSZ
    assert open_site.path.with_name("app.db-journal").stat().st_size
    open_site.root.chmod(0o555)
    for command in ("status", "up"):
        ended = open_site.command(command, "--format", "json", arm=as_nobody)
        assert ended.code == 1
        assert ended.json["error"]["code"] in {"connection", "read_only"}
        assert "folder" in ended.json["error"]["hint"]
    open_site.root.chmod(0o777)
    open_site.path.with_name("app.db-journal").chmod(0o666)
    open_site.write({"002_row": "INSERT INTO witness VALUES (2);"})
    assert open_site.command("up", arm=as_nobody).code == 0
    assert open_site.rows("SELECT n FROM witness") == [(2,)]
    assert open_site.rows("PRAGMA integrity_check") == [("ok",)]


# Gone


def _remove(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    other = path.with_name("other.db")
    other.write_bytes(b"")
    other.replace(path)


def _rename(path: Path) -> None:
    path.rename(path.with_name("old.db"))


@pytest.mark.parametrize("lose", [_remove, _replace, _rename])
@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("moment", [StatementDone, StepDone])
def test_a_file_that_is_lost_under_a_run_ends_it(
    site: SqliteSite, lose: Callable[[Path], None], journal: str, moment: type[Event]
) -> None:
    site.rows(f"PRAGMA journal_mode = {journal}")
    rebuild = "-- banister: foreign_keys=off\nINSERT INTO witness VALUES (3);"
    site.write({"002_row": "INSERT INTO witness VALUES (2);", "003_row": rebuild})
    lost = False

    def on_event(event: Event) -> None:
        nonlocal lost
        if isinstance(event, moment) and not lost:
            lost = True
            lose(site.path)

    project = banister.open(f"sqlite:///{site.path}", root=site.root, environ={})
    with pytest.raises(banister.DatabaseError, match="was removed or replaced while") as caught:
        project.up(on_event=on_event)
    assert caught.value.code == "file_moved"
    assert caught.value.hint
    # Nothing was written into what stands there now.
    assert not site.path.exists() or site.path.read_bytes() == b""
    for item in site.root.glob("app.db-*"):
        item.unlink()
    assert site.command("up").code == 0
    assert site.applied() == ["001", "002", "003"]
    assert site.rows("SELECT n FROM witness") == [(2,), (3,)]


# Damaged


def test_a_file_that_is_no_database_is_told_and_left_alone(site: SqliteSite) -> None:
    kept = site.path.read_bytes()
    site.path.write_bytes(b"no database " * 500)
    for command in ("status", "up", "down"):
        ended = site.command(command, "--format", "json")
        assert ended.code == 1
        assert ended.json["error"]["code"] == "connection"
        assert "app.db is not a SQLite database" in ended.json["error"]["message"]
    assert site.path.read_bytes() == b"no database " * 500
    site.path.write_bytes(kept)
    assert site.command("up").code == 0


@pytest.mark.parametrize("pages", [1, 2])
def test_a_file_that_was_cut_off_is_told(site: SqliteSite, pages: int) -> None:
    kept = site.path.read_bytes()
    site.write({"002_row": "INSERT INTO witness VALUES (2);"})
    os.truncate(site.path, pages * 4096)
    ended = site.command("up", "--format", "json")
    assert ended.code == 1
    error = ended.json["error"]
    assert "app.db is damaged: database disk image is malformed" in error["message"]
    assert "integrity_check" in error["hint"]
    site.path.write_bytes(kept)
    assert site.command("up").code == 0


def test_damage_that_a_statement_meets_is_not_taken_for_its_fault(site: SqliteSite) -> None:
    ((page,),) = site.rows("SELECT rootpage FROM sqlite_master WHERE name = 'witness'")
    kept = site.path.read_bytes()
    start = (page - 1) * 4096
    site.path.write_bytes(kept[:start] + b"\xff" * 4096 + kept[start + 4096 :])
    site.write({"002_row": "CREATE TABLE a (x);\nINSERT INTO witness VALUES (2);"})
    ended = site.command("up", "--format", "json")
    assert ended.code == 1
    error = ended.json["error"]
    assert error["sqlite_error"] == "SQLITE_CORRUPT"
    assert error["location"]["line"] == 3
    assert error["state"].startswith("002 was rolled back whole")
    assert "restore a backup" in error["hint"]
    site.path.write_bytes(kept)
    assert site.command("up").code == 0
    assert site.rows("SELECT n FROM witness") == [(2,)]


# Tables with children


def test_a_rebuilt_parent_keeps_its_children_or_nothing_is_done(site: SqliteSite) -> None:
    site.write(
        {
            "002_tables": "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n"
            "CREATE TABLE child (parent REFERENCES parent ON DELETE CASCADE);\n"
            "INSERT INTO parent VALUES (1), (2);\nINSERT INTO child VALUES (1), (2);\n"
        }
    )
    assert site.command("up").code == 0
    rebuild = (
        "CREATE TABLE made (id INTEGER PRIMARY KEY, note);\n"
        "INSERT INTO made (id) SELECT id FROM parent;\n"
        "DROP TABLE parent;\nALTER TABLE made RENAME TO parent;\n"
    )
    lossy = rebuild.replace("FROM parent;", "FROM parent WHERE id = 1;")
    for text, said in (
        (rebuild, 'would delete the rows of \\"child\\"'),
        (f"-- banister: foreign_keys=off\n{lossy}", 'row 2 of \\"child\\" points to a row of'),
    ):
        site.write({"003_rebuild": text})
        ended = site.command("up", "--format", "json")
        assert ended.code == 1
        assert said in ended.out
        assert ended.json["error"]["state"].startswith("003 was rolled back whole")
        assert site.rows("SELECT * FROM parent") == [(1,), (2,)]
        assert site.rows("SELECT * FROM child") == [(1,), (2,)]
    site.write({"003_rebuild": f"-- banister: foreign_keys=off\n{rebuild}"})
    assert site.command("up").code == 0
    assert site.rows("SELECT * FROM parent") == [(1, None), (2, None)]
    assert site.rows("SELECT * FROM child") == [(1,), (2,)]
