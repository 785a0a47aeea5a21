"""Backups of PostgreSQL: written, tried, restored by psql and by us, on real servers."""

import gzip
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import banister
from banister.errors import DatabaseError, LockTimeout, ServerError, UsageError
from banister.model.backup import BackedUp, BackupForm, BackupWanted, TableDumped, TryingBackup
from postgres_kit import Site, role
from servers import PostgresDatabase, Servers

#: All that a plain dump has to get past psql, and past us, unharmed.
SCHEMA = (Path(__file__).parent.parent / "cases" / "backups" / "hostile.sql").read_text()


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    made = Site(database=postgres, root=tmp_path)
    made.write({"001_all": SCHEMA, "001_all.down": "SELECT 1;"})
    made.up()
    return made


@pytest.fixture
def empty(servers: Servers, postgres: PostgresDatabase) -> Iterator[PostgresDatabase]:
    with servers.database(postgres.major) as database:
        yield database


def take(site: Site, *, test: bool = False, **wanted: object) -> tuple[Path, list[banister.Event]]:
    events: list[banister.Event] = []
    project = site.project()
    how = BackupWanted(**wanted)  # type: ignore[arg-type]
    done = project.backups().take(how, test=test, on_event=events.append)
    return site.root / done.path, events


def by_psql(database: PostgresDatabase, path: Path) -> subprocess.CompletedProcess[bytes]:
    """What the documents tell people to do."""
    with path.open("rb") as file:
        return subprocess.run(
            ["psql", "-X", database.conninfo], stdin=file, capture_output=True, check=False
        )


def snapshots(site: Site, *databases: PostgresDatabase) -> list[object]:
    found: list[object] = []
    for database in databases:
        with site.project(url=database.conninfo).engine() as engine:
            found.append(engine.snapshot(own=True))
    return found


def test_a_plain_backup_is_tried_and_loads_with_psql_alone(
    site: Site, empty: PostgresDatabase
) -> None:
    path, events = take(site, test=True)
    assert [type(event) for event in events if not isinstance(event, TableDumped)][-1] is BackedUp
    assert any(isinstance(event, TryingBackup) for event in events)
    assert {event.table for event in events if isinstance(event, TableDumped)} >= {"public.users"}
    manifest = json.loads((path.parent / f"{path.name}.json").read_text())
    assert manifest["rows"]["public.users"] == 59
    assert manifest["rows"]["public.parted_1"] == 2
    assert manifest["rows"]["public.parent"] == 0
    assert manifest["version"] == "001"
    assert manifest["tested"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}.json"]

    done = by_psql(empty, path)
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"")
    live, restored = snapshots(site, site.database, empty)
    assert live == restored
    query = "SELECT id, name::text, feeling::text, raw, tags, long FROM users ORDER BY id"
    assert site.database.execute(query) == empty.execute(query)
    assert empty.execute("SELECT count(*) FROM pg_largeobject_metadata") == [(1,)]
    assert empty.execute("SELECT n FROM counted") == [(59,)]
    query = "SELECT sequencename::text, last_value FROM pg_sequences ORDER BY 1"
    assert empty.execute(query) == site.database.execute(query)

    # Once more: it is not empty now, and psql says so and stops.
    again = by_psql(empty, path)
    assert again.returncode == 3
    assert b"this database is not empty, nothing was restored" in again.stderr
    assert empty.execute("SELECT count(*) FROM users") == [(59,)]


def test_psql_stops_at_the_first_error_and_leaves_nothing(
    site: Site, empty: PostgresDatabase
) -> None:
    path, _ = take(site)
    text = path.read_bytes()
    assert text.count(b"CREATE TABLE public.users") == 1
    broken = site.root / "broken.sql"
    broken.write_bytes(text.replace(b"CREATE TABLE public.users", b"CREATE TABEL public.users"))
    done = by_psql(empty, broken)
    assert done.returncode == 3
    assert b"TABEL" in done.stderr
    assert empty.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384") == [(0,)]


def test_the_clean_form_replaces_what_is_there(site: Site) -> None:
    path, _ = take(site, clean=True)
    site.database.execute("DELETE FROM users")
    done = by_psql(site.database, path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert site.value("SELECT count(*) FROM users") == 59


@pytest.mark.parametrize(
    ("form", "compress", "jobs"),
    [
        (BackupForm.PLAIN, True, 1),
        (BackupForm.CUSTOM, False, 1),
        (BackupForm.DIRECTORY, True, 2),
    ],
)
def test_every_form_comes_back(
    site: Site, empty: PostgresDatabase, form: BackupForm, compress: bool, jobs: int
) -> None:
    path, _ = take(site, form=form, compress=compress, jobs=jobs)
    project = site.project(url=empty.conninfo)
    done = project.backups().restore(path)
    assert done.rows["public.users"] == 59
    live, restored = snapshots(site, site.database, empty)
    assert live == restored
    modes = {each.stat().st_mode & 0o077 for each in [path, *path.rglob("*")]}
    assert modes == {0}
    with pytest.raises(DatabaseError, match=r"is not empty: there is table") as caught:
        project.backups().restore(path)
    assert caught.value.code == "not_empty"


@pytest.mark.parametrize("major", [14, 17, pytest.param(16, marks=pytest.mark.everything)])
def test_other_majors_take_what_a_newer_pg_dump_writes(
    servers: Servers, tmp_path: Path, major: int
) -> None:
    with servers.database(major) as database, servers.database(major) as empty:
        site = Site(database=database, root=tmp_path)
        site.write({"001_all": SCHEMA})
        site.up()
        path, _ = take(site)
        assert by_psql(empty, path).returncode == 0
        live, restored = snapshots(site, database, empty)
        assert live == restored


def test_an_archive_of_a_newer_pg_dump_goes_back_into_an_older_server(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sets what the server does not know, and pg_restore stops at the first error."""
    newest = Servers.binaries(18).bin_dir
    monkeypatch.setenv("PATH", f"{newest}:{os.environ['PATH']}")
    monkeypatch.setattr("banister.project.programs._FOLDERS", ())
    with servers.database(14) as database, servers.database(14) as empty:
        site = Site(database=database, root=tmp_path)
        site.write({"001_all": SCHEMA})
        site.up()
        path, _ = take(site, form=BackupForm.CUSTOM, compress=True)
        project = site.project(url=empty.conninfo)
        assert project.backups().restore(path).rows["public.users"] == 59
        live, restored = snapshots(site, database, empty)
        assert live == restored


def test_large_objects_count_where_a_transaction_has_no_room_for_all_locks(site: Site) -> None:
    site.database.execute("SELECT count(lo_create(0)) FROM generate_series(1, 4000)")
    path, _ = take(site)
    assert json.loads(path.with_name(f"{path.name}.json").read_text())["one_transaction"] is False


def test_bytes_without_an_encoding_come_back_as_they_were(
    site: Site, postgres: PostgresDatabase
) -> None:
    for name in ("from", "into"):
        postgres.execute(
            f"CREATE DATABASE {postgres.name}_{name} ENCODING SQL_ASCII LOCALE 'C' "
            "TEMPLATE template0"
        )
    source, target = (
        postgres.server.database_url(f"{postgres.name}_{n}") for n in ("from", "into")
    )
    query = "SELECT octet_length(t), md5(t) FROM bytes"
    try:
        with psycopg.connect(source, client_encoding="SQL_ASCII") as connection:
            connection.execute(r"CREATE TABLE bytes AS SELECT E'\xff\xfegr\xc3\xbcn'::text AS t")
            connection.commit()
            wanted = connection.execute(query).fetchall()
        path = site.root / site.project(url=source).backups().take().path
        with path.open("rb") as file:
            subprocess.run(["psql", "-X", target], stdin=file, check=True, capture_output=True)
        with psycopg.connect(target) as connection:
            assert connection.execute(query).fetchall() == wanted
    finally:
        for name in ("from", "into"):
            postgres.execute(f"DROP DATABASE {postgres.name}_{name} WITH (FORCE)")


def test_what_cannot_be_read_whole_is_told_before_anything_is_written(site: Site) -> None:
    with role(site.database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}") as (
        name,
        url,
    ):
        project = site.project(url=url)
        with pytest.raises(DatabaseError, match=r"may not read all rows of") as caught:
            project.backups().take()
        assert caught.value.code == "unreadable_table"
        assert name in (caught.value.hint or "")
    assert not list((site.root / "backups").glob("backup_*"))


def test_a_locked_table_is_waited_for_no_longer_than_said(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banister.engines.postgres.dumps.take._LOCK_WAIT_MS", 200)
    with site.database.connect() as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE nothing IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LockTimeout, match="is locked by others"):
            site.project(lock_timeout="300ms").backups().take()
    assert not list((site.root / "backups").iterdir())


def test_rows_written_meanwhile_are_neither_dumped_nor_counted(site: Site) -> None:
    def write_on(event: banister.Event) -> None:
        if isinstance(event, TableDumped):
            site.database.execute("INSERT INTO parent VALUES (1)")

    project = site.project()
    done = project.backups().take(test=True, on_event=write_on)
    assert done.manifest.rows["public.parent"] == 0
    assert site.value("SELECT count(*) FROM ONLY parent") > 0


def test_a_damaged_backup_is_never_restored(site: Site, empty: PostgresDatabase) -> None:
    path, _ = take(site)
    project = site.project(url=empty.conninfo)
    whole = path.read_bytes()
    for damaged, said in (
        (whole[:-100], r"100 of its bytes are missing"),
        (whole.replace(b"u17", b"u71"), "it is not what was written"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=said):
            project.backups().restore(path)
        with pytest.raises(UsageError, match=said):
            site.project().backups().check(path)
    path.with_name(f"{path.name}.json").unlink()
    with pytest.raises(UsageError, match="no manifest"):
        project.backups().restore(path)
    assert empty.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384") == [(0,)]


def test_a_file_that_is_not_what_its_manifest_says_is_told_with_what_to_do(
    site: Site, empty: PostgresDatabase
) -> None:
    path, _ = take(site, form=BackupForm.CUSTOM)
    path.write_bytes(b"junk")
    manifest = path.with_name(f"{path.name}.json")
    told = json.loads(manifest.read_text())
    told |= {"size_bytes": 4, "sha256": hashlib.sha256(b"junk").hexdigest()}
    manifest.write_text(json.dumps(told))
    with pytest.raises(DatabaseError, match="too short") as caught:
        site.project(url=empty.conninfo).backups().restore(path)
    assert "use another backup" in (caught.value.hint or "")
    other = banister.open("sqlite:///a.db", dir="migrations", root=site.root, environ={})
    with pytest.raises(UsageError, match=r"is a backup of PostgreSQL .* another kind of database"):
        other.backups().restore(path)


def test_a_backup_can_be_tried_later_and_its_manifest_says_so(site: Site) -> None:
    path, _ = take(site)
    backups = site.project().backups()
    assert backups.check(path).tested is None
    assert backups.check(path, test=True).tested is not None
    assert backups.check(path).tested is not None
    entry = backups.entries()[0]
    assert entry.problem is None
    assert entry.manifest is not None
    assert entry.manifest.tested is not None


def test_what_the_scratch_server_lacks_is_told_as_that_and_not_held_against_the_backup(
    site: Site,
) -> None:
    path, _ = take(site)
    manifest = path.with_name(f"{path.name}.json")
    told = json.loads(manifest.read_text())
    told["extensions"].append("postgis_of_another_world")
    manifest.write_text(json.dumps(told))
    with pytest.raises(ServerError, match="lacks the extension postgis_of_another") as caught:
        site.project().backups().check(path, test=True)
    assert "--scratch-url" in (caught.value.hint or "")


def test_a_backup_that_differs_does_not_count(site: Site) -> None:
    """The manifest is made to expect a row more, as if the dump had lost one."""
    path, _ = take(site)
    manifest = path.with_name(f"{path.name}.json")
    told = json.loads(manifest.read_text())
    told["rows"]["public.users"] += 1
    manifest.write_text(json.dumps(told))
    with pytest.raises(DatabaseError, match=r"public\.users: 59 instead of 60"):
        site.project().backups().check(path, test=True)


def test_old_backups_go_but_never_the_last_good_one(site: Site) -> None:
    project = site.project(backup_keep=2)
    for _ in range(3):
        project.backups().take()
    kept = [entry.path for entry in project.backups().entries()]
    assert len(kept) == 2
    with kept[0].open("ab") as file:
        file.write(b"more")
    kept[1].with_name(f"{kept[1].name}.json").unlink()
    project.backups().take()
    names = [entry.path.name for entry in project.backups().entries()]
    assert {kept[0].name, kept[1].name} < set(names), "what does not count is not touched"
    assert len(names) == 3


def test_nothing_is_left_of_a_backup_that_is_interrupted(site: Site) -> None:
    def stop(event: banister.Event) -> None:
        if isinstance(event, TableDumped):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        site.project().backups().take(on_event=stop)
    assert not list((site.root / "backups").iterdir())
    assert site.sessions("application_name = 'pg_dump'") == []


def test_a_pg_dump_that_is_killed_leaves_an_error_and_nothing_else(site: Site) -> None:
    site.database.execute(
        "CREATE TABLE big AS SELECT repeat('x', 1000) AS t FROM generate_series(1, 60000)"
    )
    killed = threading.Event()

    def kill(event: banister.Event) -> None:
        if isinstance(event, TableDumped) and not killed.is_set():
            killed.set()
            subprocess.run(["pkill", "-KILL", "-P", str(os.getpid()), "pg_dump"], check=True)

    with pytest.raises(DatabaseError, match="pg_dump was ended by signal 9"):
        site.project().backups().take(on_event=kill)
    assert not list((site.root / "backups").iterdir())


def test_the_password_is_in_no_argument_and_no_file_that_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[list[str]] = []
    real = subprocess.Popen

    def watched(arguments: list[str], **options: object) -> subprocess.Popen[bytes]:
        seen.append([str(each) for each in arguments])
        return real(arguments, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr("banister.engines.postgres.dumps.programs.subprocess.Popen", watched)
    url = psycopg.conninfo.make_conninfo(site.database.conninfo, password="s3cr3t-word")
    path = site.root / site.project(url=url).backups().take().path
    assert {Path(arguments[0]).name for arguments in seen} >= {"pg_dump"}
    assert "s3cr3t" not in str(seen)
    for file in (path, path.with_name(f"{path.name}.json")):
        assert b"s3cr3t" not in file.read_bytes()


def test_two_backups_of_the_same_are_the_same_bytes(site: Site) -> None:
    first, _ = take(site, compress=True)
    second, _ = take(site, compress=True)
    assert gzip.decompress(first.read_bytes()).count(b"CREATE TABLE") == 9
    assert first.read_bytes() == second.read_bytes()


def test_a_connection_that_is_cut_leaves_an_error_and_nothing_else(site: Site) -> None:
    site.database.execute(
        "CREATE TABLE big AS SELECT repeat('x', 1000) AS t FROM generate_series(1, 60000)"
    )

    def cut(event: banister.Event) -> None:
        if isinstance(event, TableDumped):
            site.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'pg_dump' OR query LIKE 'COPY public.big%'"
            )

    with pytest.raises(DatabaseError) as caught:
        site.project().backups().take(on_event=cut)
    assert caught.value.code in {"dump_failed", "database"}
    assert not list((site.root / "backups").iterdir())


@pytest.mark.parametrize("seen_before", [True, False])
@pytest.mark.parametrize("form", [BackupForm.PLAIN, BackupForm.CUSTOM])
def test_a_full_disk_is_told_and_leaves_nothing(
    site: Site, small_disk: Path, monkeypatch: pytest.MonkeyPatch,
    form: BackupForm, *, seen_before: bool,
) -> None:  # fmt: skip
    if not seen_before:
        # As if the tables had grown since they were measured.
        monkeypatch.setattr("banister.backup.folder.BackupFolder.check_room", lambda *_: None)
    site.database.execute(
        "CREATE TABLE big AS SELECT md5(i::text) AS t FROM generate_series(1, 60000) AS i"
    )
    project = site.project(backup_dir=str(small_disk / "backups"))
    with pytest.raises(ServerError) as caught:
        project.backups().take(BackupWanted(form=form))
    assert caught.value.code == "disk_full"
    assert not [each for each in small_disk.rglob("*") if each.is_file()]


def test_an_older_server_says_why_it_does_not_take_the_backup_of_a_newer_one(
    site: Site, servers: Servers
) -> None:
    site.database.execute("CREATE TABLE newer (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)")
    path, _ = take(site)
    with servers.database(14) as older:
        with pytest.raises(DatabaseError, match="cannot be restored") as caught:
            site.project(url=older.conninfo).backups().restore(path)
        assert "is older" in (caught.value.hint or "")
        assert caught.value.state == "nothing of it is left: the database is empty as before"
        assert older.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384") == [(0,)]


def test_a_materialized_view_over_rows_that_policies_hide_is_tested_with_its_owners_rights(
    site: Site,
) -> None:
    site.database.execute(
        "CREATE TABLE secret (id int); INSERT INTO secret VALUES (1), (2);"
        "ALTER TABLE secret ENABLE ROW LEVEL SECURITY; ALTER TABLE secret FORCE ROW LEVEL SECURITY;"
        "CREATE MATERIALIZED VIEW seen AS SELECT * FROM secret"
    )
    path, _ = take(site, test=True)
    assert path.exists()
