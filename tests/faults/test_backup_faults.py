"""What stands in the way of backups, restores and saved rows, and what holds then."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from own_server import OwnServer, own_server
from psycopg.conninfo import make_conninfo
from small_disk import SmallDisk, small_disk

from banister.errors import BanisterError, DatabaseError, MigrationFailed, ServerError
from banister.model.backup import BackupForm, BackupWanted, SavedRows
from postgres_kit import Site
from servers import PostgresDatabase

UP = "CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'a'), (2, 'b');"
LOSES = "ALTER TABLE t DROP COLUMN note;"
RETURNS = "ALTER TABLE t ADD COLUMN note text;"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    made = Site(database=postgres, root=tmp_path)
    made.write({"001_t": UP, "001_t.down": "DROP TABLE t;"})
    made.up()
    return made


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with small_disk(2) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server(wal_level="logical", max_prepared_transactions="2") as running:
        yield running


SUBSCRIPTION = (
    "CREATE SUBSCRIPTION far CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH "
    "(connect = false, slot_name = NONE, enabled = false)"
)
OBSTACLES = {
    "the logical replication slot far": (
        "SELECT pg_create_logical_replication_slot('far', 'pgoutput')",
        "SELECT pg_drop_replication_slot('far')",
    ),
    "the subscription far": (
        SUBSCRIPTION,
        "DROP SUBSCRIPTION far",
    ),
    "the prepared transaction half": (
        "BEGIN; INSERT INTO t VALUES (3); PREPARE TRANSACTION 'half'",
        "ROLLBACK PREPARED 'half'",
    ),
}


@pytest.mark.parametrize("named", OBSTACLES)
def test_what_would_stay_with_the_old_database_is_named(
    server: OwnServer, tmp_path: Path, named: str
) -> None:
    there, gone = OBSTACLES[named]
    database = server.database
    site = Site(database=database, root=tmp_path)
    site.write({"001_t": UP, "001_t.down": "DROP TABLE t;"})
    site.up()
    try:
        path = tmp_path / site.project().backups().take().path
        for statement in there.split("; ") if "PREPARE" not in there else [there]:
            database.execute(statement)
        before = database.execute("SELECT datname FROM pg_database ORDER BY 1")
        with pytest.raises(DatabaseError) as caught:
            site.project().backups().restore(path, replacing=True)
        assert f"{named} belongs to postgres" in caught.value.message
        assert caught.value.hint
        assert database.execute("SELECT datname FROM pg_database ORDER BY 1") == before
        assert site.rows("SELECT id FROM t ORDER BY 1") == [(1,), (2,)]
    finally:
        database.execute(gone)
        site.down()


@pytest.mark.parametrize("on_sqlite", [False, True])
def test_a_folder_that_takes_no_files_is_told(
    site: Site, disk: SmallDisk, tmp_path: Path, *, on_sqlite: bool
) -> None:
    url = f"sqlite:///{tmp_path / 'live.db'}" if on_sqlite else None
    project = site.project(url=url, backup_dir=str(disk.path))
    if on_sqlite:
        project.up()
    disk.forbid_writing()
    with pytest.raises(
        BanisterError, match=r"cannot be (written|used)|Read-only|read-only"
    ) as caught:
        project.backups().take(BackupWanted())
    assert caught.value.hint
    assert [*disk.path.iterdir()] == []


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_migration_does_not_run_where_its_rows_cannot_be_saved(
    site: Site, disk: SmallDisk, how: str
) -> None:
    site.database.execute(
        "INSERT INTO t SELECT i, repeat(md5(i::text), 9) FROM generate_series(3, 12000) AS i"
    )
    site.write({"002_less": LOSES, "002_less.down": RETURNS})
    project = site.project(backup_dir=str(disk.path))
    if how == "read-only":
        disk.forbid_writing()
    with pytest.raises(MigrationFailed, match="cannot be saved") as caught:
        project.up(save_rows=True)
    assert "make room" in (caught.value.hint or "")
    assert site.value("SELECT count(note) FROM t") == 12000
    assert [each for each in disk.path.rglob("*") if each.is_file()] == []


def test_a_disk_that_is_full_before_the_last_row_loses_none(
    site: Site, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "banister.engines.postgres.saving.Saver._check_room",
        lambda self, _part: self.folder.mkdir(parents=True, exist_ok=True),
    )
    test_a_migration_does_not_run_where_its_rows_cannot_be_saved(site, disk, "full")


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_run_that_is_killed_at_its_commit_has_saved_what_it_takes(site: Site, point: str) -> None:
    site.write({"002_less": LOSES, "002_less.down": RETURNS})
    # The first time it comes there is on the copy where losses are found.
    asked = {"BANISTER_TEST_FAIL_POINT": f"{point}:2:kill"}
    with site.command("up", "--save-rows", env=asked) as process:
        process.communicate(timeout=60)
        assert process.returncode == -9
    (folder,) = (site.root / "backups").glob("rows_*")
    assert [path.read_text() for path in folder.glob("*.copy")] == ["1\ta\n2\tb\n"]
    if point == "before_commit":
        assert site.rows("SELECT id, note FROM t ORDER BY 1") == [(1, "a"), (2, "b")]
        saved: list[SavedRows] = []
        site.project().up(
            save_rows=True, on_event=lambda e: saved.append(e) if isinstance(e, SavedRows) else None
        )
        assert [each.rows for each in saved] == [2]
    site.down()
    site.project().backups().restore_rows(folder.name.removeprefix("rows_"))
    assert site.rows("SELECT id, note FROM t ORDER BY 1") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("form", [BackupForm.PLAIN, BackupForm.CUSTOM])
def test_a_restore_that_finds_no_room_says_where_and_how_much_it_takes(
    server: OwnServer, tmp_path: Path, form: BackupForm
) -> None:
    rows = "INSERT INTO t SELECT g, repeat(md5(g::text), 30) FROM generate_series(3, 20000) g;"
    site = Site(database=server.database, root=tmp_path)
    site.write({"001_t": UP + rows, "001_t.down": "DROP TABLE t;"})
    site.up()
    path = tmp_path / site.project().backups().take(BackupWanted(form=form)).path
    site.down()
    with small_disk(24) as disk:
        execute = server.database.execute
        execute(f"CREATE TABLESPACE tight LOCATION '{disk.path}'")
        execute("CREATE DATABASE tight TABLESPACE tight")
        there = make_conninfo(server.database.conninfo, dbname="tight")
        try:
            with pytest.raises(ServerError, match="disk of the server is full") as caught:
                site.project(url=there).backups().restore(path)
            assert caught.value.code == "disk_full"
            assert str(disk.path) in (caught.value.hint or "")
            assert re.search(r"takes about 2\d(\.\d)? MB", caught.value.hint or "")
            assert "empty as before" in (caught.value.state or "")
            with psycopg.connect(there) as connection:
                query = "SELECT count(*) FROM pg_class WHERE oid >= 16384"
                assert connection.execute(query).fetchall() == [(0,)]
        finally:
            execute("DROP DATABASE tight WITH (FORCE)")
            execute("DROP TABLESPACE tight")
