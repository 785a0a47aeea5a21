"""Whether a statement may work on what all databases of a server share. No I/O."""

import re

from banister.model import Statement

__all__ = ["may_reach_cluster"]

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
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def may_reach_cluster(statement: Statement) -> bool:
    """Whether a statement may change what all databases of a server share, or speak of it.

    Bodies and strings count, since a DO block or EXECUTE may run them: it says yes too often, and
    no only where the words themselves are put together at run time.
    """
    text = statement.text
    return _SHARED.search(text) is not None or _SHARED.search(_COMMENT.sub(" ", text)) is not None
