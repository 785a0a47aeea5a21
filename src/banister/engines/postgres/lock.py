"""The runner lock's key: one advisory lock a history table, the same for all versions of this tool.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import hashlib

from banister.model import HistoryTable

__all__ = ["lock_key", "signed"]


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
