"""The runner lock: one advisory lock a history table, the same for all versions of this tool.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import hashlib
import random
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from banister.engines.postgres.interrupts import usable
from banister.engines.postgres.session import Connection
from banister.errors import LockTimeout
from banister.model import Event, HistoryTable, WaitingForLock

__all__ = ["RunnerLock", "lock_key", "signed"]

#: Pause between two looks, in seconds; spread so that runners do not march.
_POLL_SECONDS = (0.2, 0.5)


@dataclass(kw_only=True)
class RunnerLock:
    """The lock as one session holds it, or does not."""

    connection: Connection
    #: The database, for people.
    display: str
    #: Named queries of queries.sql.
    queries: Mapping[str, str]
    key: tuple[int, int]
    _held: bool = False

    def poll(self, wait_seconds: float) -> Generator[Event, None, None]:
        """Take it, and yield WaitingForLock while another run holds it. Raises LockTimeout."""
        started = time.monotonic()
        told: str | None = None
        while not self._try():
            waited = time.monotonic() - started
            holder = self._holder()
            if waited > wait_seconds:
                raise LockTimeout(
                    f"another run holds the lock on {self.display}: {holder}",
                    state="nothing was run",
                    hint="run again when it is done; `lock_wait` in the settings says how long "
                    "to wait",
                )
            if holder != told:
                told = holder
                yield WaitingForLock(holder=holder, waited_seconds=waited)
            pause = random.uniform(*_POLL_SECONDS)  # noqa: S311 -- jitter, not a secret
            time.sleep(min(pause, max(0.0, wait_seconds - waited) + 0.01))

    def give_back(self) -> None:
        """Give it back; nothing happens where it is not held. Never raises."""
        if not self._held:
            return
        self._held = False
        try:
            if usable(self.connection):
                self._ask("unlock")
        except psycopg.Error:
            # The end of the session gives the lock back too.
            self.connection.close()

    def _try(self) -> bool:
        """Take it when it is free; a second time would need a second unlock."""
        if not self._held:
            answer = self._ask("try_lock")
            self._held = answer is not None and bool(answer[0])
        return self._held

    def _ask(self, query: str) -> tuple[Any, ...] | None:
        high, low = self.key
        values = {"key": signed(high, low), "high": high, "low": low}
        return self.connection.execute(self.queries[query].encode(), values).fetchone()

    def _holder(self) -> str:
        row = self._ask("lock_holder")
        if row is None:
            return "a session that has just ended"
        pid, user, application, _ = row
        return (
            f"pid {pid}"
            + (f", user {user}" if user else "")
            + (f", application {application}" if application else "")
        )


def lock_key(table: HistoryTable) -> tuple[int, int]:
    """Return the high and low 32 bits of the key, as pg_locks shows them (classid, objid).

    An advisory lock belongs to one database, so that the key need not name it.
    """
    digest = hashlib.sha256(f"banister:{table.schema}.{table.name}".encode()).digest()
    return int.from_bytes(digest[:4]), int.from_bytes(digest[4:8])


def signed(high: int, low: int) -> int:
    """Return the key as the bigint that the lock functions take."""
    value = high << 32 | low
    return value - (1 << 64) if value >= 1 << 63 else value
