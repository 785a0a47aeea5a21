"""A PostgreSQL server that runs nothing: it says yes to everything and notes what it was sent.

It speaks just enough of the protocol (https://www.postgresql.org/docs/18/protocol.html) for psql
to run a file against it, so that psql itself shows how it splits that file.
"""

import re
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self, cast

__all__ = ["FakeServer", "Sent"]

_PARAMETERS = {
    "server_version": "18.0",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "integer_datetimes": "on",
    "is_superuser": "on",
    "session_authorization": "judge",
}
_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80877103, 80877104, 80877102
_READY = b"Z" + struct.pack("!I", 5) + b"I"


@dataclass(kw_only=True)
class Sent:
    """One query and the rows that came with it."""

    query: str
    #: None: it was not a COPY … FROM stdin.
    rows: str | None = None


@dataclass(kw_only=True)
class FakeServer:
    """Listens in `folder`, as a context; `sent` is all that came, in order."""

    folder: Path
    sent: list[Sent] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self.folder / ".s.PGSQL.5432"))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown wakes the accept, close alone does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            # A psql that has read its file hangs up without waiting for the last answers.
            with suppress(ConnectionError), client, client.makefile("rwb") as stream:
                _Session(cast("BinaryIO", stream), self.sent).run()


class _Session:
    """One connection, from its start packet to its end."""

    def __init__(self, stream: BinaryIO, sent: list[Sent]) -> None:
        self._stream = stream
        self._sent = sent

    def run(self) -> None:
        if not self._start():
            return
        self._write(b"R", struct.pack("!I", 0))
        for name, value in _PARAMETERS.items():
            self._write(b"S", f"{name}\0{value}\0".encode())
        self._ready()
        while True:
            kind, body = self._message()
            if kind == b"Q":
                self._query(body.rstrip(b"\0").decode())
            elif kind in {b"X", b""}:
                return

    def _start(self) -> bool:
        while True:
            head = self._read(4)
            if not head:
                return False
            body = self._read(struct.unpack("!I", head)[0] - 4)
            code = struct.unpack("!I", body[:4])[0]
            if code in {_SSL_REQUEST, _GSS_REQUEST}:
                self._raw(b"N")
            else:
                return bool(code != _CANCEL_REQUEST)

    def _query(self, query: str) -> None:
        sent = Sent(query=query)
        self._sent.append(sent)
        if _takes_rows(query):
            self._write(b"G", struct.pack("!bH", 0, 0))
            self._flush()
            sent.rows = self._rows()
            self._write(b"C", b"COPY 0\0")
        elif query.strip("; \t\r\n"):
            self._write(b"C", b"DO\0")
        else:
            self._write(b"I", b"")
        self._ready()

    def _rows(self) -> str:
        rows = bytearray()
        while True:
            kind, body = self._message()
            if kind == b"d":
                rows += body
            else:
                return rows.decode()

    def _message(self) -> tuple[bytes, bytes]:
        kind = self._read(1)
        if not kind:
            return b"", b""
        return kind, self._read(struct.unpack("!I", self._read(4))[0] - 4)

    def _ready(self) -> None:
        self._raw(_READY)

    def _write(self, kind: bytes, body: bytes) -> None:
        self._stream.write(kind + struct.pack("!I", len(body) + 4) + body)

    def _raw(self, data: bytes) -> None:
        self._stream.write(data)
        self._flush()

    def _flush(self) -> None:
        self._stream.flush()

    def _read(self, size: int) -> bytes:
        return self._stream.read(size)


def _takes_rows(query: str) -> bool:
    """Tell whether a real server would ask for rows; written apart from the code under test."""
    bare = re.sub(r"/\*.*?\*/|--[^\n\r]*", " ", query, flags=re.DOTALL)
    bare = re.sub(r"'[^']*'", " '' ", bare)
    bare = re.sub(r'"[^"]*"', " q ", bare)
    return bool(
        re.match(
            r"\s*copy\s+(binary\s+)?[\w$]+(\s*\.\s*[\w$]+)*\s*(\([^()]*\))?\s*from\s+(stdin|stdout)(?![\w$])",
            bare,
            re.IGNORECASE,
        )
    )
