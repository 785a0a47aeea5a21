"""Scratch databases on servers of our own: which server, as whom, and what a killed run leaves."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from banister.engines.embedded import Binaries
from banister.engines.embedded.processes import identify
from banister.errors import MigrationFailed, ServerError
from banister.scratch.programs import usable_programs
from postgres_kit import wait_until
from scratch_kit import (
    ask,
    killed_run,
    open_place,
    project_on,
    quick_home,
    settings_in,
    starting_run,
    target_of,
    waiting_run,
)
from servers import Servers

DUMPED = {
    "001_a.up": "CREATE TABLE a (id int);\nALTER TABLE a OWNER TO postgres;\n"
    "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO PUBLIC;"
}
ROLES = {
    "001_a.up": "CREATE ROLE app_reader;\nCREATE TABLE a (id int);\n"
    "GRANT SELECT ON a TO app_reader;\nALTER DATABASE app SET timezone = 'Asia/Tokyo';",
    "001_a.down": "ALTER DATABASE app RESET timezone;\nDROP TABLE a;\nDROP ROLE app_reader;",
}
ROLE = "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND {}"


def pid_at(conninfo: str) -> int:
    """The pid of the server behind a connection string."""
    with closing(psycopg.connect(conninfo)) as connection:
        row = connection.execute(
            "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int"
        ).fetchone()
    assert row is not None
    return int(row[0])


def as_admin(conninfo: str) -> str:
    return psycopg.conninfo.make_conninfo(conninfo, user="banister_admin")


def only_programs(monkeypatch: pytest.MonkeyPatch, folder: Path, **links: Path) -> None:
    """Let a machine have these programs alone, by `postgres` and `initdb` on PATH."""
    folder.mkdir()
    for name, path in links.items():
        (folder / name).symlink_to(path)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr("banister.project.programs._FOLDERS", ())


def test_migrations_run_as_an_ordinary_role_named_as_the_targets(tmp_path: Path) -> None:
    target = target_of("postgresql://postgres:secret@db.invalid/app")
    with open_place(tmp_path, target=target) as scratch:
        database = scratch.create()
        project_on(scratch, database, DUMPED).up()
        assert ask(database, ROLE.format("NOT rolsuper")) == "postgres"
        privileged = scratch.privileged(database)
        assert ask(privileged, ROLE.format("rolsuper")) == "banister_admin"
        owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = "
        assert ask(privileged, f"{owner} current_database()") == "postgres"
        assert "secret" not in database.conninfo + scratch.display


@pytest.mark.parametrize(
    ("conninfo", "setting", "role"),
    [
        ("", None, "banister_scratch"),
        ("dbname=app user=app", None, "app"),
        ("dbname=app user=app", "app owner", "app owner"),
        ("user=pg_monitor", None, "banister_scratch"),
        ("user=banister_admin", None, "banister_scratch"),
    ],
)
def test_the_role_has_a_name_that_can_be_had(
    tmp_path: Path,
    conninfo: str,
    setting: str | None,
    role: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PGUSER", raising=False)
    settings = settings_in(tmp_path, role=setting)
    with open_place(tmp_path, settings=settings, target=target_of(conninfo)) as scratch:
        assert ask(scratch.create(), ROLE.format("NOT rolsuper")) == role


@pytest.mark.parametrize("apart", [False, True])
def test_roles_that_somebody_else_makes_are_there(tmp_path: Path, *, apart: bool) -> None:
    settings = settings_in(tmp_path, scratch_roles=["app reader", "app_owner", "app"])
    files = {
        "001_a.up": 'CREATE TABLE a (id int);\nGRANT SELECT ON a TO "app reader";\n'
        "GRANT CREATE ON SCHEMA public TO app_owner;\n"
        "ALTER TABLE a OWNER TO app_owner;"
    }
    target = target_of("dbname=app user=app")
    with open_place(tmp_path, settings=settings, target=target, apart=apart) as scratch:
        database = scratch.create()
        project_on(scratch, database, files).up()
        owner = "SELECT tableowner::text FROM pg_tables WHERE tablename = 'a'"
        assert ask(database, owner) == "app_owner"


def test_apart_what_reaches_the_whole_server_stays_with_each_database(tmp_path: Path) -> None:
    target = target_of("dbname=app user=app")
    with open_place(tmp_path, target=target, apart=True) as scratch:
        first, second = scratch.create(), scratch.create()
        project_on(scratch, first, ROLES).up()
        copy = scratch.clone(first)
        # No role of another database stands in the way, in either direction.
        project_on(scratch, second, ROLES).up()
        project_on(scratch, first, ROLES).down()
        roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'app_reader'"
        assert [ask(database, roles) for database in (first, copy, second)] == [0, 1, 1]
        assert ask(copy, "SHOW timezone") == "Asia/Tokyo"
        assert ask(copy, "SELECT current_database()::text") == "app"
        project_on(scratch, copy, ROLES).down()


@pytest.mark.parametrize("name", ["postgres", "template1", 'odd "name'])
def test_apart_the_database_has_the_targets_name_where_it_can(tmp_path: Path, name: str) -> None:
    conninfo = psycopg.conninfo.make_conninfo(dbname=name, user="app")
    with open_place(tmp_path, target=target_of(conninfo), apart=True) as scratch:
        database = scratch.create()
        project_on(scratch, database, {"001_a.up": "CREATE TABLE a (id int);"}).up()
        expected = "scratch" if name == "template1" else name
        assert ask(database, "SELECT current_database()::text") == expected


def test_a_right_that_the_role_lacks_is_explained(tmp_path: Path) -> None:
    with open_place(tmp_path) as scratch:
        files = {"001_a.up": "COPY (SELECT 1) TO PROGRAM 'true';"}
        with pytest.raises(MigrationFailed) as caught:
            project_on(scratch, scratch.create(), files).up()
        scratch.explain(caught.value)
        assert str(caught.value.hint).startswith("on the scratch server migrations run as an ord")


@pytest.mark.parametrize(
    "major", [14, 18, *(pytest.param(each, marks=pytest.mark.everything) for each in (15, 16, 17))]
)
def test_an_extension_that_a_server_lacks_is_named(
    tmp_path: Path, major: int, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = servers.binaries(major)
    only_programs(monkeypatch, tmp_path / "bin", postgres=found.postgres, initdb=found.initdb)
    with open_place(tmp_path, major=major) as scratch:
        assert scratch.major == major
        with pytest.raises(MigrationFailed) as caught:
            project_on(scratch, scratch.create(), {"001_a.up": "CREATE EXTENSION postgis_x;"}).up()
        scratch.explain(caught.value)
        assert "lacks the extension postgis_x" in str(caught.value.hint)


def test_a_server_of_the_targets_major_comes_first(
    tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = servers.binaries(17)
    only_programs(monkeypatch, tmp_path / "bin", postgres=found.postgres, initdb=found.initdb)
    with open_place(tmp_path, major=17) as scratch:
        assert scratch.display.startswith("PostgreSQL 17.")
        assert scratch.display.endswith(f"from {found.bin_dir.resolve()}")
        assert (scratch.not_certified, scratch.passed_over) == (None, ())
        number = ask(scratch.create(), "SELECT current_setting('server_version_num')::int / 10000")
        assert number == 17


def test_another_major_is_never_taken_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_programs(monkeypatch, tmp_path / "bin")
    with open_place(tmp_path, major=16) as scratch:
        said = f"not certified on 16: tried on {scratch.display}"
        assert scratch.not_certified == said
        assert "PostgreSQL 18." in said
        assert scratch.passed_over == ("no PostgreSQL 16 on PATH or where systems keep it",)


def test_programs_that_do_not_run_are_passed_over_with_the_reason(
    tmp_path: Path, quick_home: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = servers.binaries(17)
    only_programs(monkeypatch, tmp_path / "bin", initdb=Path("/bin/false"))
    # It says that it is a PostgreSQL 17, and no more.
    script = tmp_path / "bin" / "postgres"
    script.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.9'\n")
    script.chmod(0o755)
    for folder in (tmp_path, tmp_path / "bin"):
        folder.chmod(0o755)
    with open_place(tmp_path, major=17) as scratch:
        assert scratch.display.endswith("embedded")
        assert len(scratch.passed_over) == 1
        assert f"PostgreSQL 17.9, from {tmp_path / 'bin'} does not start" in scratch.passed_over[0]
    assert found.major() == 17


def test_without_any_server_the_ways_to_one_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_programs(monkeypatch, tmp_path / "bin")
    monkeypatch.setattr("banister.engines.embedded.binaries.find_spec", lambda name: None)
    with pytest.raises(ServerError) as caught, open_place(tmp_path, major=16):
        pass
    assert caught.value.message == (
        "no server for scratch databases: no PostgreSQL 16 on PATH or where systems keep it; "
        "the embedded PostgreSQL is not installed"
    )
    assert "--scratch-url" in str(caught.value.hint)


def test_without_a_target_the_embedded_server_comes_before_the_systems() -> None:
    passed_over: list[str] = []
    first = next(usable_programs(None, passed_over))
    assert first.origin == "embedded"
    assert isinstance(first.binaries, Binaries)


def test_the_server_of_a_killed_run_is_stopped_by_the_next(
    quick_home: Path,
) -> None:
    home = quick_home
    with waiting_run(home) as (_, alive):
        killed = pid_at(as_admin(killed_run(home)))
        living = pid_at(as_admin(alive))
        assert identify(killed) is not None
        with open_place(home) as scratch:
            assert identify(killed) is None
            assert pid_at(as_admin(scratch.create().conninfo)) not in {killed, living}
            # Only those of runs that are over.
            assert ask(target_of(alive), "SELECT 1") == 1
            assert len(list(home.glob("tmp/*/scratch-*/"))) == 2


@pytest.mark.parametrize(
    "sign",
    [
        "data/postmaster.pid",
        pytest.param("data.new/PG_VERSION", marks=pytest.mark.everything),
        pytest.param("server.log", marks=pytest.mark.everything),
    ],
)
def test_a_run_killed_while_its_server_starts_leaves_nothing_for_long(
    quick_home: Path, sign: str
) -> None:
    home = quick_home
    with starting_run(home) as process:
        wait_until(lambda: bool(list(home.glob(f"tmp/*/scratch-*/cluster/{sign}"))), sign)
        process.kill()
        process.wait()
    with open_place(home) as scratch:
        assert ask(scratch.create(), "SELECT 1") == 1
        assert len(list(home.glob("tmp/*/scratch-*/"))) == 1
    assert not list(home.glob("tmp/*/scratch-*/"))
