"""A proxy in front of a PostgreSQL socket that cuts the wire at a chosen COMMIT."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

__all__ = ["Cut", "cutting_proxy"]

_CHUNK = 65536


class Cut(Enum):
    """Where the wire is cut, seen from the COMMIT that follows the marker."""

    #: The COMMIT never arrives.
    BEFORE = "before"
    #: It arrives, nobody waits for the answer.
    DURING = "during"
    #: The server has answered; the answer is dropped.
    AFTER = "after"


class _Proxy:
    def __init__(self, target: str, place: str, marker: bytes, cut: Cut, *, gone: bool) -> None:
        self._target = target
        self._marker = marker
        self._cut = cut
        self._gone = gone
        self._armed = False
        self._spent = False
        self._swallow: socket.socket | None = None
        self._answered = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(place)
        self._listener.listen()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in (self._listener, *self._open):
            _hang_up(one)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                threading.Thread(target=self._up, args=(client, server), daemon=True).start()
                threading.Thread(target=self._down, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                self._armed = self._armed or self._marker in data
                if self._armed and not self._spent and b"COMMIT" in data:
                    self._spent = True
                    self._cut_at(data, client, server)
                    return
                server.sendall(data)
        _hang_up(server)

    def _cut_at(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        if self._cut is Cut.AFTER:
            # From here on the answer reads from the server go nowhere.
            self._swallow = server
        if self._gone:
            _hang_up(self._listener)
        if self._cut is not Cut.BEFORE:
            server.sendall(data)
        if self._cut is Cut.AFTER:
            self._answered.wait(10)
        _hang_up(client)
        _hang_up(server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                if server is self._swallow:
                    self._answered.set()
                    continue
                client.sendall(data)
        _hang_up(client)


def _hang_up(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def cutting_proxy(url: str, *, marker: str, cut: Cut, gone: bool = False) -> Iterator[str]:
    """Yield a URL like `url`, whose first COMMIT after `marker` is cut off as `cut` says.

    `gone`: no further connection is taken then.
    """
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    name = f".s.PGSQL.{query['port']}"
    with tempfile.TemporaryDirectory(prefix="bnp-") as folder:
        place = str(Path(folder) / name)
        proxy = _Proxy(os.path.join(query["host"], name), place, marker.encode(), cut, gone=gone)  # noqa: PTH118
        try:
            yield url.replace(quote(query["host"], safe=""), quote(folder, safe=""))
        finally:
            proxy.close()
