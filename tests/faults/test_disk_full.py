"""A disk that is full: nothing is half done, the message says so, and it goes on with more room."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from oracles import Expected, expected_of, next_run, state
from own_server import OwnServer, Shutdown, own_server
from small_disk import SmallDisk, small_disk

import banister
from banister.engines.embedded.account import server_account
from postgres_kit import Site, SiteMaker, wait_until

ROWS = "INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g;"
FILES = {
    "001_base": "CREATE TABLE witness (n int, at int);\nCREATE TABLE t (id int, note text);",
    "002_rows": f"INSERT INTO witness VALUES (2, 1);\n{ROWS}",
    "003_last": "INSERT INTO witness VALUES (3, 1);",
}
INDEX = {
    "001_base": f"{FILES['001_base']}\n{ROWS}",
    "002_index": "-- banister: transaction=off\n"
    "INSERT INTO witness VALUES (2, 1);\n"
    "CREATE INDEX CONCURRENTLY t_note_idx ON t ((note || id));\n"
    "INSERT INTO witness VALUES (2, 3);",
}


@pytest.fixture(scope="module")
def disk() -> Iterator[SmallDisk]:
    with small_disk(100) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def server(disk: SmallDisk) -> Iterator[OwnServer]:
    """A server whose tables are on the small disk, and nothing else."""
    with own_server() as running:
        running.database.execute(f"CREATE TABLESPACE small LOCATION '{disk.path}'")
        running.database.execute("ALTER DATABASE postgres SET default_tablespace = small")
        yield running


def made_on(disk: SmallDisk, server: OwnServer, root: Path, files: dict[str, str]) -> Site:
    disk.resize(100)
    server.database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return SiteMaker(root)(server.database, files)


def undisturbed(site: Site) -> Expected:
    site.up()
    expected = expected_of(site)
    site.database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return expected


def test_rows_that_find_no_room_are_rolled_back_whole(
    server: OwnServer, disk: SmallDisk, tmp_path: Path
) -> None:
    site = made_on(disk, server, tmp_path, FILES)
    expected = undisturbed(site)
    disk.resize(6)
    with pytest.raises(banister.MigrationFailed, match="53100") as caught:
        site.up()
    assert "room" in str(caught.value.hint)
    assert "correct the file" not in str(caught.value.hint)
    assert "002 was rolled back whole" in str(caught.value.state)
    assert site.rows("SELECT n FROM witness") == []
    assert site.applied() == ["001"]
    assert site.runner_locks() == 0
    disk.resize(100)

    assert next_run(site.project()) is None
    assert state(site, expected) is None
    assert site.value("SELECT count(*) FROM t") == 20_000


def test_an_index_that_finds_no_room_is_cleared_away_and_built_with_more(
    server: OwnServer, disk: SmallDisk, tmp_path: Path
) -> None:
    site = made_on(disk, server, tmp_path, INDEX)
    expected = undisturbed(site)
    site.project().up(to="001")
    disk.resize(16)
    with pytest.raises(banister.MigrationFailed, match="53100") as caught:
        site.up()
    assert "room" in str(caught.value.hint)
    assert caught.value.location is not None
    assert caught.value.location.note == "up, statement 2 of 3"
    assert site.rows("SELECT at FROM witness") == [(1,)]
    assert site.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    disk.resize(100)

    assert next_run(site.project()) is None
    assert state(site, expected) is None


def test_a_server_that_finds_no_room_for_its_log_crashes_and_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    """Without room for its write-ahead log a server stops at once."""
    files = {**FILES, "002_rows": FILES["002_rows"].replace("20000", "120000")}
    with small_disk(40) as disk, own_server() as server:
        server.stop(Shutdown.FAST)
        log = server.running.data_dir / "pg_wal"
        shutil.copytree(log, disk.path / "pg_wal")
        give_away(disk.path / "pg_wal")
        shutil.rmtree(log)
        log.symlink_to(disk.path / "pg_wal")
        server.start()
        site = SiteMaker(tmp_path)(server.database, files)

        with pytest.raises(banister.DatabaseError) as caught:
            site.up()
        assert "server" in str(caught.value.hint)
        wait_until(lambda: "No space left on device" in server.log, "a full disk in its log")
        disk.resize(400)
        server.stop_if_there()
        server.start()
        assert site.applied() == ["001"]

        assert next_run(site.project()) is None
        assert site.applied() == ["001", "002", "003"]
        assert site.rows("SELECT n FROM witness ORDER BY n") == [(2,), (3,)]
        assert site.runner_locks() == 0


def give_away(folder: Path) -> None:
    account = server_account()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.uid, account.gid)


SQLITE = {
    "001_base": "CREATE TABLE witness (n int, at int);\nCREATE TABLE t (note text);",
    "002_rows": "INSERT INTO witness VALUES (2, 1);\n"
    "WITH RECURSIVE g(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM g WHERE n < 4000)\n"
    "INSERT INTO t SELECT hex(zeroblob(500)) FROM g;",
    "003_last": "INSERT INTO witness VALUES (3, 1);",
}


@pytest.mark.parametrize("mode", ["", "-- banister: transaction=off\n"], ids=["whole", "off"])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_sqlite_on_a_full_disk_keeps_what_was_done_and_goes_on(
    tmp_path: Path, journal: str, mode: str
) -> None:
    files = {**SQLITE, "002_rows": mode + SQLITE["002_rows"]}
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.up.sql").write_text(text, encoding="utf-8")
    with small_disk(2) as disk:
        path = disk.path / "app.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}")
        project = banister.open(f"sqlite:///{path}", dir=folder, root=tmp_path, environ={})
        with pytest.raises(banister.MigrationFailed, match="full") as caught:
            project.up()
        assert "make room" in str(caught.value.hint)
        assert caught.value.applied == ("001",)
        disk.resize(50)

        assert next_run(project) is None
        with closing(sqlite3.connect(path)) as connection:
            witnesses = connection.execute("SELECT n FROM witness ORDER BY n").fetchall()
            assert witnesses == [(2,), (3,)]
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (4000,)
            versions = connection.execute("SELECT version FROM schema_migrations").fetchall()
            assert versions == [("001",), ("002",), ("003",)]
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_sqlite_without_room_rolls_back_also_where_no_disk_can_be_mounted(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    limit = "PRAGMA max_page_count = 60;\n"
    for name, text in {**SQLITE, "002_rows": limit + SQLITE["002_rows"]}.items():
        (folder / f"{name}.up.sql").write_text(text, encoding="utf-8")
    path = tmp_path / "app.db"
    project = banister.open(f"sqlite:///{path}", dir=folder, root=tmp_path, environ={})
    with pytest.raises(banister.MigrationFailed, match="full") as caught:
        project.up()
    assert caught.value.applied == ("001",)
    (folder / "002_rows.up.sql").write_text(SQLITE["002_rows"], encoding="utf-8")

    assert next_run(project) is None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT n FROM witness ORDER BY n").fetchall() == [(2,), (3,)]
