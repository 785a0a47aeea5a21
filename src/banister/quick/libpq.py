"""The little of libpq that one look at a history takes, through ctypes.

psycopg's own import takes longer than everything else that a run with nothing to do has to do. The
library is the one that psycopg would use, and all it is asked for is one read-only transaction.
https://www.postgresql.org/docs/current/libpq-async.html
"""

import os
import select
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import CDLL, CFUNCTYPE, c_char_p, c_int, c_void_p

__all__ = ["Libpq", "Link", "find_libpq"]

#: PostgresPollingStatusType and ExecStatusType of libpq-fe.h.
_READING, _WRITING, _DONE = 1, 2, 3
_COMMAND, _TUPLES = 1, 2
_Said = CFUNCTYPE(None, c_void_p, c_char_p)


class Libpq:
    """The functions that are used, with their types."""

    def __init__(self, path: str) -> None:
        library = CDLL(path)
        pointer, text, number = c_void_p, c_char_p, c_int
        for name, result, arguments in (
            ("PQconnectStartParams", pointer, [pointer, pointer, number]),
            ("PQconnectPoll", number, [pointer]),
            ("PQsetNoticeProcessor", pointer, [pointer, _Said, pointer]),
            ("PQsocket", number, [pointer]),
            ("PQhostaddr", text, [pointer]),
            ("PQsslInUse", number, [pointer]),
            ("PQparameterStatus", text, [pointer, text]),
            ("PQsendQuery", number, [pointer, text]),
            ("PQflush", number, [pointer]),
            ("PQconsumeInput", number, [pointer]),
            ("PQisBusy", number, [pointer]),
            ("PQgetResult", pointer, [pointer]),
            ("PQresultStatus", number, [pointer]),
            ("PQntuples", number, [pointer]),
            ("PQnfields", number, [pointer]),
            ("PQgetvalue", text, [pointer, number, number]),
            ("PQgetisnull", number, [pointer, number, number]),
            ("PQclear", None, [pointer]),
            ("PQfinish", None, [pointer]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self.call = library
        #: What the server remarks would go to standard error.
        self._silent = _Said(lambda _, text: None)  # noqa: ARG005 -- libpq's signature

    @contextmanager
    def link(self, parameters: Mapping[str, str], *, seconds: float) -> Iterator["Link | None"]:
        """Yield a connection, or None where there is none within that time; notices are dropped."""
        count = len(parameters) + 1
        keys = (c_char_p * count)(*(name.encode() for name in parameters), None)
        values = (c_char_p * count)(*(value.encode() for value in parameters.values()), None)
        handle = self.call.PQconnectStartParams(keys, values, 1)
        if handle:
            self.call.PQsetNoticeProcessor(handle, self._silent, None)
        link = Link(self.call, handle, time.monotonic() + seconds)
        try:
            yield link if handle and link.connect() else None
        finally:
            if handle:
                self.call.PQfinish(handle)


class Link:
    """One connection; everything waits in Python, so that an interrupt gets through."""

    def __init__(self, call: CDLL, handle: int, until: float) -> None:
        self._call = call
        self._handle = handle
        self._until = until

    def connect(self) -> bool:
        """Finish connecting; False where that fails or takes too long."""
        state = _WRITING
        while state != _DONE:
            if state not in (_READING, _WRITING) or not self._wait(writing=state == _WRITING):
                return False
            state = self._call.PQconnectPoll(self._handle)
        return True

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read along: this machine alone, or TLS."""
        address = (self._call.PQhostaddr(self._handle) or b"").decode()
        near = not address or address == "::1" or address.startswith("127.")
        return near or bool(self._call.PQsslInUse(self._handle))

    def parameter(self, name: str) -> str:
        """Return a setting that the server tells of by itself."""
        return (self._call.PQparameterStatus(self._handle, name.encode()) or b"").decode()

    def ask(self, statements: str) -> list[list[tuple[str | None, ...]]] | None:
        """Send statements at once; return the rows of each that gives some, None at any failure."""
        call, handle = self._call, self._handle
        if not call.PQsendQuery(handle, statements.encode()):
            return None
        while state := call.PQflush(handle):
            if state < 0 or not self._wait(writing=True):
                return None
        told: list[list[tuple[str | None, ...]]] = []
        while True:
            while call.PQisBusy(handle):
                if not self._wait(writing=False) or not call.PQconsumeInput(handle):
                    return None
            result = call.PQgetResult(handle)
            if not result:
                return told
            try:
                status = call.PQresultStatus(result)
                if status == _TUPLES:
                    told.append(self._rows(result))
                elif status != _COMMAND:
                    return None
            finally:
                call.PQclear(result)

    def _rows(self, result: int) -> list[tuple[str | None, ...]]:
        value, is_null = self._call.PQgetvalue, self._call.PQgetisnull
        fields = range(self._call.PQnfields(result))
        return [
            tuple(
                None if is_null(result, row, field) else value(result, row, field).decode()
                for field in fields
            )
            for row in range(self._call.PQntuples(result))
        ]

    def _wait(self, *, writing: bool) -> bool:
        socket = self._call.PQsocket(self._handle)
        left = self._until - time.monotonic()
        if socket < 0 or left <= 0:
            return False
        poll = select.poll()
        poll.register(socket, select.POLLOUT if writing else select.POLLIN)
        return bool(poll.poll(left * 1000))


def find_libpq() -> Libpq | None:
    """Return the library that psycopg would use, None where it is not found at once."""
    for folder in sys.path:
        place = os.path.join(folder, "psycopg_binary.libs")  # noqa: PTH118 -- pathlib takes long
        try:
            names = [name for name in os.listdir(place) if name.startswith("libpq-")]  # noqa: PTH208
            return Libpq(f"{place}/{names[0]}") if names else None
        except (OSError, AttributeError):
            continue
    return None
