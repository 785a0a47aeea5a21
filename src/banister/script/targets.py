"""What a statement that cannot share a transaction with its record works on. No I/O.

PostgreSQL only: after a crash the catalog is asked about these names.
"""

from dataclasses import dataclass
from enum import StrEnum

from banister.model import Dialect, Statement
from banister.script.words import NO_WORD, Words

__all__ = ["Work", "WorkKind", "work_of"]


class WorkKind(StrEnum):
    """How the catalog can tell whether a statement took effect."""

    CREATE_INDEX = "create index concurrently"
    DROP_INDEX = "drop index concurrently"
    REINDEX = "reindex concurrently"
    DETACH = "detach partition concurrently"
    #: CREATE or DROP DATABASE, TABLESPACE, SUBSCRIPTION: `names` holds the one name.
    CREATE_SHARED = "create"
    DROP_SHARED = "drop"
    #: COMMIT PREPARED, ROLLBACK PREPARED: `names` holds the transaction's string literal.
    PREPARED = "prepared"
    #: Running it again does no harm: VACUUM, ALTER SYSTEM, CLUSTER and the like.
    REPEATABLE = "repeatable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a statement works on, by names as they are written."""

    kind: WorkKind
    #: Indexes, or the one object; empty for an index that the server is to name.
    names: tuple[str, ...] = ()
    #: The table of an index to be built, the parent of a partition.
    table: str | None = None
    #: IF NOT EXISTS or IF EXISTS.
    tolerant: bool = False
    #: For shared objects: "DATABASE", "TABLESPACE" or "SUBSCRIPTION".
    what: str = ""


def work_of(statement: Statement) -> Work | None:
    """Return what a PostgreSQL statement works on; None where no catalog can tell (CALL, DO).

    Meant for statements whose traits say that they refuse a transaction.
    """
    words = Words(statement.text, Dialect.POSTGRESQL)
    match words.keys(0, 2):
        case ("CALL" | "DO", _):
            return None
        case ("CREATE", "INDEX" | "UNIQUE"):
            return _create_index(words)
        case ("DROP", "INDEX"):
            return _drop_index(words)
        case ("REINDEX", _):
            return Work(kind=WorkKind.REINDEX)
        case ("ALTER", "TABLE"):
            return _detach(words)
        case ("CREATE" | "DROP" as verb, "DATABASE" | "TABLESPACE" | "SUBSCRIPTION" as what):
            return _shared(words, verb, what)
        case ("COMMIT" | "ROLLBACK", "PREPARED"):
            return Work(kind=WorkKind.PREPARED, names=(words[2].text,))
        case _:
            return Work(kind=WorkKind.REPEATABLE)


def _name(words: Words, number: int) -> tuple[str, int]:
    """Return a name with its schema as written, and the number of the token behind it."""
    end = words.after_name(number)
    return "".join(words[at].text for at in range(number, end)), end


def _create_index(words: Words) -> Work:
    number = 3 if words.key(1) == "UNIQUE" else 2
    number += words.key(number) == "CONCURRENTLY"
    tolerant = words.keys(number, 3) == ("IF", "NOT", "EXISTS")
    number += 3 if tolerant else 0
    names: tuple[str, ...] = ()
    if words.key(number) != "ON":
        name, number = _name(words, number)
        names = (name,)
    number += 1
    number += words.key(number) == "ONLY"
    table, _ = _name(words, number)
    return Work(kind=WorkKind.CREATE_INDEX, names=names, table=table, tolerant=tolerant)


def _drop_index(words: Words) -> Work:
    number = 2 + (words.key(2) == "CONCURRENTLY")
    tolerant = words.keys(number, 2) == ("IF", "EXISTS")
    number += 2 if tolerant else 0
    names = []
    while words[number] is not NO_WORD:
        name, number = _name(words, number)
        names.append(name)
        if words.key(number) != ",":
            break
        number += 1
    return Work(kind=WorkKind.DROP_INDEX, names=tuple(names), tolerant=tolerant)


def _detach(words: Words) -> Work:
    number = 2
    number += 2 if words.keys(number, 2) == ("IF", "EXISTS") else 0
    number += words.key(number) == "ONLY"
    table, number = _name(words, number)
    number += words.key(number) == "*"
    if words.keys(number, 2) != ("DETACH", "PARTITION"):
        return Work(kind=WorkKind.REPEATABLE)
    partition, _ = _name(words, number + 2)
    return Work(kind=WorkKind.DETACH, names=(partition,), table=table)


def _shared(words: Words, verb: str, what: str) -> Work:
    number = 2
    tolerant = words.keys(number, 2) == ("IF", "EXISTS")
    number += 2 if tolerant else 0
    kind = WorkKind.CREATE_SHARED if verb == "CREATE" else WorkKind.DROP_SHARED
    return Work(kind=kind, names=(words[number].text,), tolerant=tolerant, what=what)
