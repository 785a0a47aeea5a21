"""The embedded PostgreSQL between several commands, and after a crash of one or of itself."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from banister.engines.embedded import (
    embedded,
    find_binaries,
    find_running,
    server_start,
    server_stop,
    server_url,
    start,
    stop,
)
from banister.engines.embedded.processes import identify
from banister.errors import ServerError
from embedded_kit import ask, home, is_running, project

# Says that it is in the block, and stays there until a line comes or it is killed.
_COMMAND = """
import sys
from pathlib import Path
from banister.engines.embedded import embedded
with embedded(Path(sys.argv[1])) as running:
    print(running.pid, flush=True)
    sys.stdin.readline()
"""


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
                answers.append(ask(running.url, "SELECT 1"))

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
        assert ask(running.url, "SELECT 1") == 1
    assert not is_running(running)


@pytest.mark.parametrize(
    "sign",
    [
        "postgres/data",
        "postgres/server.log",
        pytest.param("server.json", marks=pytest.mark.everything),
        pytest.param("postgres/data.new/PG_VERSION", marks=pytest.mark.everything),
    ],
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
        assert ask(running.url, "SELECT 1") == 1
    assert not is_running(running)
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
    assert not is_running(running)


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
            assert ask(running.url, "SELECT 1") == 1
        assert other.poll() is None
        other.kill()


def test_orphans_of_a_killed_server_are_waited_for(project: Path) -> None:
    killed = server_start(project)
    with closing(psycopg.connect(killed.url, autocommit=True)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        os.kill(killed.pid, signal.SIGKILL)
        with embedded(project) as running:
            assert running.pid != killed.pid
            assert ask(running.url, "SELECT a FROM t") == 1


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
        assert ask(running.url, "SELECT 1") == 1
    finally:
        stop(running)
    assert not (folder / "data.new").exists()
