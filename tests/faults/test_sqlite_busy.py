"""A SQLite file that others use: waited for, named, never kept from its readers for long."""

import time
from pathlib import Path

import pytest
from sqlite_site import SqliteSite, told

ON_LINUX = Path("/proc/locks").exists()


@pytest.fixture(params=["delete", "wal"])
def journal(request: pytest.FixtureRequest) -> str:
    mode: str = request.param
    return mode


@pytest.fixture
def site(tmp_path: Path, journal: str) -> SqliteSite:
    """A witness table, applied, and a migration that leaves a witness."""
    made = SqliteSite(root=tmp_path)
    made.write({"001_table": "CREATE TABLE witness (n);"})
    assert made.command("up").code == 0
    made.rows(f"PRAGMA journal_mode = {journal}")
    made.write({"002_row": "INSERT INTO witness VALUES (2);"})
    return made


def named(pid: int) -> str:
    """How a process is spoken of, where the system tells."""
    return f"process {pid} (" if ON_LINUX else "another connection"


def test_a_writer_that_ends_in_time_is_waited_for_and_named(site: SqliteSite) -> None:
    with site.running("up") as process:
        with site.held("BEGIN IMMEDIATE") as pid:
            waiting = told(process, "waiting for the lock, held by ")
            assert named(pid) in waiting
        assert process.wait(60) == 0
    assert site.rows("SELECT n FROM witness") == [(2,)]


def test_a_writer_that_stays_ends_the_run_with_nothing_changed(site: SqliteSite) -> None:
    with site.held("BEGIN IMMEDIATE") as pid:
        ended = site.command("up", "--format", "json", lock_wait="300ms")
        assert ended.code == 1
        error = ended.json["error"]
        assert error["code"] == "lock"
        assert f"app.db is locked by {named(pid)}" in error["message"]
        assert error["state"] == "nothing was run"
        assert "lock_wait" in error["hint"]
        # Who only reads waits for nobody.
        assert site.command("status").code == 0
    assert site.rows("SELECT n FROM witness") == []
    assert site.command("up").code == 0
    assert site.rows("SELECT n FROM witness") == [(2,)]


def test_a_file_that_is_locked_when_it_is_first_opened_is_waited_for(site: SqliteSite) -> None:
    exclusive = ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE")
    with site.held(*exclusive) as pid:
        for command in ("status", "up"):
            ended = site.command(command, "--format", "json", lock_wait="300ms")
            assert ended.code == 1
            assert ended.json["error"]["code"] == "lock"
            assert named(pid) in ended.json["error"]["message"]
    assert site.command("up").code == 0
    assert site.rows("SELECT n FROM witness") == [(2,)]


@pytest.mark.parametrize("journal", ["delete"], indirect=True)
def test_a_commit_gives_way_to_readers_and_is_tried_again_whole(site: SqliteSite) -> None:
    with site.running("up", lock_timeout="100ms") as process:
        with site.held("BEGIN", "SELECT * FROM witness") as pid:
            retrying = told(process, "rolled back, next attempt in")
            assert named(pid) in retrying
            # No lock of ours keeps another reader out between two attempts.
            assert site.rows("SELECT n FROM witness") == []
        assert process.wait(60) == 0
    assert site.rows("SELECT n FROM witness") == [(2,)]
    assert [event for event, version, _ in site.log() if version == "002"] == ["applied"]


@pytest.mark.parametrize("journal", ["delete"], indirect=True)
@pytest.mark.parametrize("mode", ["", "-- banister: transaction=off\n"])
def test_a_reader_that_stays_ends_the_run_with_nothing_changed(site: SqliteSite, mode: str) -> None:
    site.write({"002_row": f"{mode}INSERT INTO witness VALUES (2);"})
    with site.held("BEGIN", "SELECT * FROM witness") as pid:
        started = time.monotonic()
        ended = site.command(
            "up", "--format", "json", lock_timeout="100ms", lock_retry="0s", lock_wait="200ms"
        )
        # The failure cannot be written down either, and that is waited for only so long.
        assert time.monotonic() - started < 20
        assert ended.code == 1
        error = ended.json["error"]
        assert (error["code"], error["sqlite_error"]) == ("migration_failed", "SQLITE_BUSY")
        assert named(pid) in error["message"]
        assert error["state"].endswith("the database is at 001; 1 pending")
    assert site.rows("SELECT n FROM witness") == []
    assert site.command("up").code == 0
    assert site.rows("SELECT n FROM witness") == [(2,)]


@pytest.mark.parametrize("journal", ["wal"], indirect=True)
def test_with_a_write_ahead_log_readers_are_in_nobodys_way(site: SqliteSite) -> None:
    with site.held("BEGIN", "SELECT * FROM witness"):
        assert site.command("up", lock_wait="0s", lock_retry="0s").code == 0
    assert site.rows("SELECT n FROM witness") == [(2,)]


@pytest.mark.parametrize("journal", ["delete"], indirect=True)
def test_a_vacuum_that_readers_prevent_is_tried_again(site: SqliteSite) -> None:
    site.write({"002_row": "VACUUM;"})
    with site.running("up", lock_timeout="100ms") as process:
        with site.held("BEGIN", "SELECT * FROM witness"):
            told(process, "rolled back, next attempt in")
        assert process.wait(60) == 0
    assert site.applied() == ["001", "002"]
