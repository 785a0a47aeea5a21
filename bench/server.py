"""A server for measurements over TCP, a link with a delay, and programs as users run them."""

import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from banister.engines.embedded import start, stop
from banister.scratch.folders import run_folder
from banister.scratch.programs import Programs, usable_programs

__all__ = ["Server", "delayed", "environment", "seconds", "serving"]

_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Server:
    """PostgreSQL on the loopback interface, with the settings of an ordinary one."""

    programs: Programs
    port: int
    _made: list[str] = field(default_factory=list)

    def url(self, name: str = "postgres", *, port: int | None = None) -> str:
        """Return the URL of one of its databases, over the link on `port` where that is given."""
        return f"postgresql://postgres@{_ADDRESS}:{port or self.port}/{name}"

    def fresh(self) -> str:
        """Return the name of a new and empty database."""
        name = f"bench_{len(self._made)}"
        self._made.append(name)
        subprocess.run([self.psql, "-qX", self.url(), "-c", f"CREATE DATABASE {name}"], check=True)
        return name

    @property
    def psql(self) -> str:
        """The psql of the machine."""
        return "psql"


@contextmanager
def serving() -> Iterator[Server]:
    """Yield a server of the newest PostgreSQL that Banister finds, which syncs as usual."""
    programs = next(usable_programs(None, []))
    with socket.socket() as free, run_folder() as place:
        free.bind((_ADDRESS, 0))
        port = free.getsockname()[1]
        free.close()
        settings = {"listen_addresses": _ADDRESS, "port": str(port)}
        running = start(programs.binaries, place / "cluster", settings=settings)
        try:
            yield Server(programs=programs, port=port)
        finally:
            stop(running)


def environment(url: str, home: Path) -> dict[str, str]:
    """Return what a program finds around it: nothing of ours but the database and bytecode."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "DATABASE_URL")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in left_out and not name.startswith(("BANISTER_", "PG"))
    }
    return {**kept, "DATABASE_URL": url, "PYTHONPYCACHEPREFIX": str(home / "pyc")}


def seconds(command: Sequence[str | Path], root: Path, around: dict[str, str]) -> float:
    """Return how long a process takes from start to end; leave where it fails."""
    with tempfile.TemporaryFile() as told:
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=root, env=around, check=False, stdout=told, stderr=told,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        took = time.perf_counter() - started
        if done.returncode != 0:
            told.seek(0)
            words = " ".join(map(str, command))
            raise SystemExit(f"{words} failed:\n{told.read().decode(errors='replace')[-2000:]}")
    return took


@contextmanager
def delayed(port: int, milliseconds: float) -> Iterator[int]:
    """Yield a port on which the server answers as over a network with that round trip."""
    with socket.create_server((_ADDRESS, 0)) as listening:
        link = _Link(target=(_ADDRESS, port), delay=milliseconds / 2000, listening=listening)
        thread = threading.Thread(target=link.run, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            link.over = True
            thread.join(5)


@dataclass(kw_only=True)
class _Link:
    """Passes bytes on, each as late as the delay says, however many are on their way."""

    target: tuple[str, int]
    #: Seconds one way.
    delay: float
    listening: socket.socket
    over: bool = False

    def run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self.listening.setblocking(False)  # noqa: FBT003 -- its only argument
            selector.register(self.listening, selectors.EVENT_READ)
            ways: dict[socket.socket, tuple[socket.socket, deque[tuple[float, bytes]]]] = {}
            while not self.over:
                due = [way[1][0][0] for way in ways.values() if way[1]]
                wait = max(0.0, min(due) - time.monotonic()) if due else 0.05
                for key, _ in selector.select(min(wait, 0.05)):
                    if key.fileobj is self.listening:
                        self._accept(selector, ways)
                    else:
                        self._read(key.fileobj, selector, ways)  # type: ignore[arg-type]
                self._send(ways)
            for each in ways:
                each.close()

    def _accept(self, selector: selectors.BaseSelector, ways: dict[socket.socket, object]) -> None:
        near, _ = self.listening.accept()
        far = socket.create_connection(self.target)
        for one, other in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways[one] = (other, deque())
            selector.register(one, selectors.EVENT_READ)

    def _read(
        self,
        one: socket.socket,
        selector: selectors.BaseSelector,
        ways: dict[socket.socket, tuple[socket.socket, deque[tuple[float, bytes]]]],
    ) -> None:
        data = b""
        with suppress(OSError):
            data = one.recv(1 << 16)
        ways[one][1].append((time.monotonic() + self.delay, data))
        if not data:
            selector.unregister(one)

    @staticmethod
    def _send(ways: dict[socket.socket, tuple[socket.socket, deque[tuple[float, bytes]]]]) -> None:
        now = time.monotonic()
        for other, waiting in ways.values():
            while waiting and waiting[0][0] <= now:
                data = waiting.popleft()[1]
                with suppress(OSError):
                    other.sendall(data) if data else other.shutdown(socket.SHUT_WR)


PYTHON = sys.executable
