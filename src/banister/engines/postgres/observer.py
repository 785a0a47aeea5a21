"""A second connection that looks at the first: what it waits for, who waits behind it.

It only looks, and ends nothing but the first connection's own wait. Where it cannot be had, runs go
on without it: the lock timeout bounds the harm by itself.
"""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from banister.engines.postgres.session import Connection
from banister.engines.queries import load_queries
from banister.errors import Finding
from banister.model import Blocker

__all__ = ["Glimpse", "Observer"]

#: Seconds after which a look is given up.
_LOOK_TIMEOUT = "1s"
#: Seconds until a connection that failed is tried again.
_TRY_AGAIN = 5.0
#: Characters of another session's statement that are shown.
_QUERY_LENGTH = 200
#: A statement with one of these words may hold what nobody may see.
_SECRET_WORDS = re.compile(r"passw|pwd|secret|token|credential|crypt|api_?key", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What was seen at one moment."""

    #: Who stands in the way; empty while nothing is waited for.
    blockers: tuple[Blocker, ...] = ()
    #: The table that is waited for, where it is one.
    relation: str | None = None
    #: Sessions that wait behind the lock that is asked for.
    queued: int = 0
    #: The phase that the server reports of a long command.
    phase: str | None = None
    percent: float | None = None
    #: Who the long command itself waits for.
    waits_for: str | None = None
    #: What the role lacks to see more of those; told once.
    lacks: Finding | None = None


@dataclass(kw_only=True)
class Observer:
    """Looks at the server process `pid` over a connection of its own, made at the first look."""

    conninfo: str = field(repr=False)
    pid: int
    #: False: a pooler may give a second connection only when the first is done.
    enabled: bool = True
    #: Whether the statements of others are looked at.
    show_queries: bool = False
    #: What the role lacks to see more of others; None: nothing, or it has been told.
    lacks: Finding | None = None
    _queries: Any = None
    _connection: Connection | None = None
    _blind_until: float = 0.0

    def look(self) -> Glimpse | None:
        """Return what is to be seen now, None where nothing can be. Never raises."""
        try:
            connection = self._connected()
            if connection is None:
                return None
            waiting = self._rows(connection, "waits_for_lock")
            if waiting and waiting[0][0]:
                return self._blocked(connection)
            return self._progress(connection)
        except psycopg.Error:
            self._go_blind()
            return None

    def cancel_wait(self) -> bool:
        """End the watched session's wait for a lock; return whether there was one."""
        try:
            connection = self._connected()
            return connection is not None and bool(self._rows(connection, "cancel_wait"))
        except psycopg.Error:
            self._go_blind()
            return False

    def close(self) -> None:
        """Close the connection. Never raises."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection | None:
        if not self.enabled:
            return None
        if self._connection is None and time.monotonic() >= self._blind_until:
            self._queries = self._queries or load_queries(__package__ or "", "watch.sql")
            connection: Connection = psycopg.connect(
                self.conninfo,
                autocommit=True,
                prepare_threshold=None,
                application_name="banister (watching)",
            )
            connection.execute(
                "SELECT pg_catalog.set_config('search_path', '', false),"
                " pg_catalog.set_config('statement_timeout', %s, false)",
                (_LOOK_TIMEOUT,),
            )
            self._connection = connection
        return self._connection

    def _go_blind(self) -> None:
        self.close()
        self._blind_until = time.monotonic() + _TRY_AGAIN

    def _rows(self, connection: Connection, query: str, **values: object) -> list[tuple[Any, ...]]:
        text: str = self._queries[query]
        known = {"pid": self.pid, "queries": self.show_queries, **values}
        return connection.execute(text.encode(), known).fetchall()

    def _blocked(self, connection: Connection) -> Glimpse:
        rows = self._rows(connection, "blockers")
        queued = self._rows(connection, "queued_behind")
        return Glimpse(
            blockers=tuple(
                _blocker(session, lock_modes=modes, prepared=gid)
                for *session, modes, _, gid in rows
            ),
            relation=rows[0][-2] if rows else None,
            queued=queued[0][0] if queued else 0,
            lacks=self._lacks_for([session for *session, _, _, _ in rows]),
        )

    def _progress(self, connection: Connection) -> Glimpse:
        rows = self._rows(connection, "progress")
        if not rows:
            return Glimpse()
        phase, percent, locker = rows[0]
        waits_for = None
        lacks = None
        if locker is not None:
            found = self._rows(connection, "describe", other=locker)
            waits_for = str(_blocker(found[0]) if found else Blocker(pid=locker))
            lacks = self._lacks_for(found)
        return Glimpse(phase=phase, percent=percent, waits_for=waits_for, lacks=lacks)

    def _lacks_for(self, sessions: Iterable[Sequence[Any]]) -> Finding | None:
        """Return, once, what the role lacks where one of the sessions is hidden from it."""
        hidden = any(pid and kind is None for pid, *_, kind in sessions)
        lacks, self.lacks = (self.lacks, None) if hidden else (None, self.lacks)
        return lacks


def _blocker(
    session: Sequence[Any], *, lock_modes: str | None = None, prepared: str | None = None
) -> Blocker:
    pid, user, application, state, age, query, kind = session
    return Blocker(
        pid=pid,
        user=user,
        application=application or None,
        state=state,
        transaction_seconds=age,
        lock_modes=lock_modes,
        prepared=prepared,
        kind=kind if kind != "client backend" else None,
        query=_one_line(query) if query and kind is not None else None,
    )


def _one_line(query: str) -> str:
    """Return the beginning of a statement, or that it is better not shown."""
    if _SECRET_WORDS.search(query):
        return "(not shown: it may hold a secret)"
    words = " ".join("".join(char if char.isprintable() else " " for char in query).split())
    return words if len(words) <= _QUERY_LENGTH else words[: _QUERY_LENGTH - 1] + "…"
