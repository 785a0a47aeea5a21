"""A proxy in front of a PostgreSQL server that harms the wire at a chosen COMMIT."""

import ctypes
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

__all__ = ["Cut", "Wire", "blackhole", "cutting_proxy", "hang_up", "harmful_proxy", "reset"]

_CHUNK = 65536

#: asm-generic/socket.h; Python has no name for it.
_SO_ATTACH_FILTER = 26


class Cut(Enum):
    """Where the wire is harmed, seen from the COMMIT that follows the marker."""

    #: The COMMIT never arrives.
    BEFORE = "before"
    #: It arrives, nobody waits for the answer.
    DURING = "during"
    #: The server has answered; the answer is dropped.
    AFTER = "after"


@dataclass(frozen=True, eq=False, kw_only=True)
class Wire:
    """One connection through the proxy: its two ends."""

    client: socket.socket
    server: socket.socket
    #: Harm is done, and nobody else closes it. Cleared by harm that only took its time.
    struck: threading.Event


#: What is done to the wire; the bytes in question were passed on, or not, as `Cut` says.
Harm = Callable[[Wire], None]


def hang_up(wire: Wire) -> None:
    """Close both ends in order."""
    for one in (wire.client, wire.server):
        _close(one)


def reset(wire: Wire) -> None:
    """Close both ends with RST."""
    for one in (wire.client, wire.server):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # A thread that still reads from it would keep it open.
        one.shutdown(socket.SHUT_RD)
        one.close()


def blackhole(wire: Wire) -> None:
    """Let nothing that arrives at either end be seen or acknowledged; both stay open.

    A filter that drops every packet, which TCP asks before anything else: socket(7). Only root may
    set one everywhere. Raises PermissionError.
    """
    code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    program = struct.pack("HL", 1, ctypes.addressof(code))
    for one in (wire.client, wire.server):
        one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


class _Proxy:
    def __init__(
        self,
        listener: socket.socket,
        connect: Callable[[], socket.socket],
        *,
        marker: bytes,
        trigger: bytes,
        cut: Cut,
        harm: Harm,
        gone: bool,
    ) -> None:
        self._listener = listener
        self._connect = connect
        self._marker = marker
        self._trigger = trigger
        self._cut = cut
        self._harm = harm
        self._gone = gone
        self._armed = False
        self._spent = False
        self._swallow: Wire | None = None
        self._answered = threading.Event()
        self._wires: list[Wire] = []
        listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        _close(self._listener)
        for wire in self._wires:
            hang_up(wire)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    wire = Wire(client=client, server=self._connect(), struck=threading.Event())
                except OSError:
                    _close(client)
                    continue
                self._wires.append(wire)
                threading.Thread(target=self._up, args=(wire,), daemon=True).start()
                threading.Thread(target=self._down, args=(wire,), daemon=True).start()

    def _up(self, wire: Wire) -> None:
        with suppress(OSError):
            while data := wire.client.recv(_CHUNK):
                self._armed = self._armed or self._marker in data
                if self._armed and not self._spent and self._trigger in data:
                    self._spent = True
                    self._strike(data, wire)
                    if wire.struck.is_set():
                        return
                    continue
                wire.server.sendall(data)
        if not wire.struck.is_set():
            _close(wire.server)

    def _strike(self, data: bytes, wire: Wire) -> None:
        if self._cut is Cut.AFTER:
            # From here on the answer reads from the server go nowhere.
            self._swallow = wire
        if self._gone:
            _close(self._listener)
        if self._cut is not Cut.BEFORE:
            wire.server.sendall(data)
        if self._cut is Cut.AFTER:
            self._answered.wait(10)
        wire.struck.set()
        self._harm(wire)
        if not wire.struck.is_set() and self._cut is Cut.BEFORE:
            wire.server.sendall(data)

    def _down(self, wire: Wire) -> None:
        with suppress(OSError):
            while data := wire.server.recv(_CHUNK):
                if wire is self._swallow:
                    self._answered.set()
                    continue
                wire.client.sendall(data)
        if not wire.struck.is_set():
            _close(wire.client)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def harmful_proxy(
    url: str,
    *,
    marker: str,
    cut: Cut,
    harm: Harm = hang_up,
    trigger: str = "COMMIT",
    gone: bool = False,
) -> Iterator[str]:
    """Yield a URL like `url`, whose first `trigger` after `marker` meets `harm` as `cut` says.

    A URL with a socket's folder leads through a socket, one with a port through TCP. `gone`: no
    further connection is taken then.
    """
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    with tempfile.TemporaryDirectory(prefix="bnp-") as folder:
        if "host" in query:
            name = f".s.PGSQL.{query['port']}"
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(Path(folder) / name))
            target: str | tuple[str | None, int | None] = os.path.join(query["host"], name)  # noqa: PTH118
            through = url.replace(quote(query["host"], safe=""), quote(folder, safe=""))
        else:
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            target = (parts.hostname, parts.port)
            own_port = listener.getsockname()[1]
            through = parts._replace(netloc=f"{parts.username}@127.0.0.1:{own_port}").geturl()

        def connect() -> socket.socket:
            server = socket.socket(listener.family)
            try:
                server.connect(target)
            except OSError:
                server.close()
                raise
            return server

        proxy = _Proxy(
            listener, connect, marker=marker.encode(), trigger=trigger.encode(), cut=cut,
            harm=harm, gone=gone,
        )  # fmt: skip
        try:
            yield through
        finally:
            proxy.close()


def cutting_proxy(
    url: str, *, marker: str, cut: Cut, gone: bool = False
) -> AbstractContextManager[str]:
    """Yield a URL like `url`, whose first COMMIT after `marker` is cut off as `cut` says."""
    return harmful_proxy(url, marker=marker, cut=cut, gone=gone)
