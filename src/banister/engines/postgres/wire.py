"""The wire to the server: how soon each end notices that it is dead, and what must not count."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["CONNECT_DEFAULTS", "server_end", "unhurried"]

#: A dead server is noticed within 20 seconds (15 where the system knows tcp_user_timeout), not
#: within two hours. https://www.postgresql.org/docs/current/libpq-connect.html
CONNECT_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}

#: What libpq is told, and the server's setting for the same. A server that does not notice keeps
#: our lock and our transaction for two hours.
#: https://www.postgresql.org/docs/current/runtime-config-connection.html
_BOTH_ENDS = {
    "keepalives_idle": "tcp_keepalives_idle",
    "keepalives_interval": "tcp_keepalives_interval",
    "keepalives_count": "tcp_keepalives_count",
    "tcp_user_timeout": "tcp_user_timeout",
}


def server_end(conninfo: str) -> dict[str, str]:
    """Return the settings that have the server watch the wire as `conninfo` has us watch it."""
    given = conninfo_to_dict(conninfo)
    if str(given.get("keepalives", "1")) == "0":
        return {}
    return {theirs: str(given[ours]) for ours, theirs in _BOTH_ENDS.items() if ours in given}


@contextmanager
def unhurried(connection: "Connection[Any]") -> Iterator[None]:
    """Let the server take its time to read what is sent meanwhile.

    Linux counts tcp_user_timeout also while the other end is alive and its buffer is full, as when
    a trigger takes its time over the first of many rows: tcp(7). Without it a wire that dies in
    here is noticed after a quarter of an hour.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if connection.closed:
        yield
        return
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
        if option is None or wire.family not in {socket.AF_INET, socket.AF_INET6}:
            yield
            return
        before = wire.getsockopt(socket.IPPROTO_TCP, option)
        wire.setsockopt(socket.IPPROTO_TCP, option, 0)
        try:
            yield
        finally:
            with suppress(OSError):
                wire.setsockopt(socket.IPPROTO_TCP, option, before)
