"""Whether a statement may work on what all databases of a server share. No I/O."""

import re

from banister.model import Statement

__all__ = ["gives_up_slot", "may_reach_cluster", "reaches_publisher"]

#: Roles, databases, tablespaces, the server's settings, and what it replicates.
_SHARED = re.compile(
    r"\b(?:"
    r"(?:create|alter|drop|on)\s+(?:role|user|group|database|tablespace|subscription)"
    r"|alter\s+system"
    r"|(?:drop|reassign)\s+owned"
    r"|pg_\w*(?:replication_(?:slot|origin)|logical_slot)\w*"
    r")\b",
    re.IGNORECASE,
)
_MAKES = re.compile(r"\bcreate\s+subscription\b", re.IGNORECASE)
_DROPS = re.compile(r"\bdrop\s+subscription\b", re.IGNORECASE)
_ASKS = re.compile(
    r"\balter\s+subscription\b.*\b(?:refresh\s+publication|publication)\b",
    re.IGNORECASE | re.DOTALL,
)
_NO_CONNECTION = re.compile(r"\bconnect\s*=\s*'?(?:false|off|0)\b", re.IGNORECASE)
_NO_REFRESH = re.compile(r"\brefresh\s*=\s*'?(?:false|off|0)\b", re.IGNORECASE)
_NO_SLOT = re.compile(r"\bslot_name\s*=\s*'?none\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def may_reach_cluster(statement: Statement) -> bool:
    """Whether a statement may change what all databases of a server share, or speak of it.

    Bodies and strings count, since a DO block or EXECUTE may run them: it says yes too often, and
    no only where the words themselves are put together at run time.
    """
    text = statement.text
    return _SHARED.search(text) is not None or _SHARED.search(_COMMENT.sub(" ", text)) is not None


def gives_up_slot(statement: Statement) -> bool:
    """Whether a subscription lets go of its slot on the publisher."""
    return _NO_SLOT.search(statement.text) is not None


def reaches_publisher(statement: Statement, *, detached: bool) -> bool:
    """Whether a statement, or what a DO body runs, works on the publisher of a subscription.

    `detached`: a statement before it, or it itself, has let go of the slot. Says yes too often.
    https://www.postgresql.org/docs/current/sql-dropsubscription.html
    """
    text = _COMMENT.sub(" ", statement.text)
    if _MAKES.search(text) is not None:
        return _NO_CONNECTION.search(text) is None
    if _ASKS.search(text) is not None:
        return _NO_REFRESH.search(text) is None
    return _DROPS.search(text) is not None and not detached
