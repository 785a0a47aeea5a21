"""A PostgreSQL of one test's own, which may be stopped, crashed, held up and filled."""

import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import psycopg

from banister.engines.embedded import Running, find_binaries, find_running, start, stop
from banister.engines.embedded.processes import identify, reap, send
from postgres_kit import wait_until
from servers import MAJORS, PostgresDatabase

__all__ = ["OwnServer", "Shutdown", "own_server"]

#: What a server tells that is on its way up.
STARTING = "the database system is starting up"

#: Data that survive a crash of the server need no disk that survives one of the machine.
_SETTINGS = {
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "30",
    "listen_addresses": "127.0.0.1",
    # Held up in its recovery, it lets nobody in to read.
    "hot_standby": "off",
}


class Shutdown(Enum):
    """Ways to stop a server: https://www.postgresql.org/docs/current/server-shutdown.html."""

    #: Sessions are ended, and told so.
    FAST = signal.SIGINT
    #: As in a crash: nobody is told, and the next start recovers.
    IMMEDIATE = signal.SIGQUIT


class OwnServer:
    """A server in a folder; it answers on a socket, and on a free port of 127.0.0.1."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self._settings = {**_SETTINGS, "port": str(_free_port()), **settings}
        self._running: Running | None = None
        self._starter: threading.Thread | None = None
        self._refusals = 0

    @property
    def running(self) -> Running:
        """The server as it was started last."""
        assert self._running is not None
        return self._running

    @property
    def database(self) -> PostgresDatabase:
        """Its database `postgres`, over the socket."""
        return PostgresDatabase(
            url=self.running.url, name="postgres", major=MAJORS[-1], server=self.running
        )

    @property
    def tcp_url(self) -> str:
        """The same database over TCP."""
        return f"postgresql://postgres@127.0.0.1:{self.running.port}/postgres"

    @property
    def log(self) -> str:
        """What the server has written to its log since its last start."""
        return (self.folder / "server.log").read_text("utf-8", "replace")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._running = start(find_binaries(), self.folder, settings=self._settings)

    def stop(self, how: Shutdown) -> None:
        """Stop it and wait until it is gone."""
        running = self.running
        send(running.pid, running.mark, how.value)
        wait_until(lambda: identify(running.pid) != running.mark, "the end of the server")
        reap(running.pid)

    def restart(self, how: Shutdown) -> None:
        """Stop it, then start it."""
        self.stop(how)
        self.start()

    def restart_held_up(self, how: Shutdown) -> None:
        """Stop it, then have it start, as it tells every client, until `go_on`."""
        self.stop(how)
        hold = self._hold
        hold.touch(mode=0o644)
        # https://www.postgresql.org/docs/current/runtime-config-wal.html: recovery from an archive
        # that is empty, and slow.
        (self.running.data_dir / "recovery.signal").touch()
        self._settings["restore_command"] = f"while test -e {hold}; do sleep 0.02; done; false"
        self._starter = threading.Thread(target=self.start)
        self._starter.start()
        wait_until(self._says_it_is_starting, "a server that is starting")
        self._refusals = self.log.count(STARTING)

    def wait_until_asked(self) -> None:
        """Wait until somebody has tried to connect to the server that is held up."""
        wait_until(lambda: self.log.count(STARTING) > self._refusals, "a client that is refused")

    def _says_it_is_starting(self) -> bool:
        try:
            psycopg.connect(self.running.url).close()
        except psycopg.OperationalError as error:
            return STARTING in str(error)
        return False

    def go_on(self) -> None:
        """Let the start come to its end, and wait for it."""
        self._hold.unlink(missing_ok=True)
        if self._starter is not None:
            self._starter.join()
            self._starter = None

    def close(self) -> None:
        """End it, whatever state it is in."""
        self.go_on()
        self.stop_if_there()

    def stop_if_there(self) -> None:
        """End it where it still, or again, takes connections; in order it may wait for room."""
        found = find_running(self.folder)
        if found is not None:
            stop(found, at_once=True)

    @property
    def _hold(self) -> Path:
        return self.folder / "hold"


@contextmanager
def own_server(*, folder: Path | None = None, **settings: str) -> Iterator[OwnServer]:
    """Yield a running server, in `folder` or in one of its own; gone afterwards."""
    home = folder or Path(tempfile.mkdtemp(prefix="bns-"))
    home.chmod(0o711)
    server = OwnServer(home / "pg", settings)
    try:
        server.start()
        yield server
    finally:
        server.close()
        # A mount stays, what is in it goes.
        shutil.rmtree(home / "pg", ignore_errors=True)
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
