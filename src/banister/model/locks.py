"""The locks that a server knows, and what each keeps others from. No I/O."""

from banister.model.ranked import Ranked

__all__ = ["LockMode"]


class LockMode(Ranked):
    """A table-level lock, weaker ones first.

    https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
    """

    ACCESS_SHARE = "AccessShareLock"
    ROW_SHARE = "RowShareLock"
    ROW_EXCLUSIVE = "RowExclusiveLock"
    SHARE_UPDATE_EXCLUSIVE = "ShareUpdateExclusiveLock"
    SHARE = "ShareLock"
    SHARE_ROW_EXCLUSIVE = "ShareRowExclusiveLock"
    EXCLUSIVE = "ExclusiveLock"
    ACCESS_EXCLUSIVE = "AccessExclusiveLock"
    #: SQLite's, on a whole file: https://www.sqlite.org/lockingv3.html
    RESERVED = "Reserved"

    @property
    def blocks(self) -> tuple[str, ...]:
        """What ordinary statements of others wait for it: of "reads" and "writes"."""
        if self is LockMode.ACCESS_EXCLUSIVE:
            return ("reads", "writes")
        return ("writes",) if self >= LockMode.SHARE else ()

    @property
    def words(self) -> str:
        """The name as SQL has it, for example "ACCESS EXCLUSIVE"."""
        return _SQL_NAMES[self]


_SQL_NAMES = {mode: mode.name.replace("_", " ") for mode in LockMode}
