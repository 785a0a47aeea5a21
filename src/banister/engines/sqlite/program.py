"""What a statement will do to tables, read from the program that SQLite compiles it to.

https://www.sqlite.org/opcode.html: the names of its instructions may change with any version. What
is not known any more is then not seen; nothing that is seen is wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["COMPILED", "Program", "read_program"]

#: First words of statements that EXPLAIN compiles without doing any of it, as it may of a PRAGMA.
#: https://www.sqlite.org/pragma.html
COMPILED = frozenset(
    {"ALTER", "CREATE", "DELETE", "DROP", "INSERT", "REINDEX", "REPLACE", "SELECT", "UPDATE",
     "VALUES", "WITH"}
)  # fmt: skip
_OPENS = frozenset({"OpenRead", "OpenWrite", "ReopenIdx"})
_STARTS = frozenset({"Rewind", "Last", "Sort"})
_STEPS = frozenset({"Next", "Prev"})
#: The page of the file's own catalog; the number of a temporary database is another than 0.
_CATALOG, _MAIN = 1, 0
#: The page is in a register: the statement itself makes it.
_IN_REGISTER = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Root pages of tables and indexes of the file."""

    #: Gone through from end to end.
    scanned: frozenset[int] = frozenset()
    #: Gone through, and each row written again.
    rewritten: frozenset[int] = frozenset()
    #: Rows are written to, or taken from, by it or what it sets off.
    written: frozenset[int] = frozenset()
    #: Rows may go, or make room for others.
    deleted: frozenset[int] = frozenset()
    #: Emptied at once.
    cleared: frozenset[int] = frozenset()
    #: Rows that are there are held against a new condition.
    verifies: bool = False


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What is known of cursors on the way through a program."""

    #: Cursor → root page; 0: none of the file's.
    roots: dict[int, int] = field(default_factory=dict)
    #: The same for cursors that a loop goes on with.
    started: dict[int, int] = field(default_factory=dict)
    scanned: set[int] = field(default_factory=set)
    inserted: set[int] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    cleared: set[int] = field(default_factory=set)
    verifies: bool = False


def read_program(rows: Iterable[tuple[object, ...]]) -> Program:
    """Return what the rows of EXPLAIN say."""
    reading = _Reading()
    for _, opcode, p1, p2, p3, _, p5, *_ in rows:
        _read(reading, str(opcode), int(str(p1)), int(str(p2)), int(str(p3)), int(str(p5 or 0)))
    scanned = reading.scanned - {0}
    return Program(
        scanned=frozenset(scanned),
        rewritten=frozenset(scanned & reading.inserted),
        written=frozenset(reading.written),
        deleted=frozenset(reading.deleted - {0}),
        cleared=frozenset(reading.cleared),
        verifies=reading.verifies,
    )


def _read(reading: _Reading, opcode: str, p1: int, p2: int, p3: int, p5: int) -> None:
    root = reading.roots.get(p1, 0)
    if "Open" in opcode or opcode in _OPENS:
        ours = opcode in _OPENS and p3 == _MAIN and p2 != _CATALOG and not p5 & _IN_REGISTER
        root = reading.roots[p1] = p2 if ours else 0
        if root and opcode == "OpenWrite":
            reading.written.add(root)
    elif opcode in _STARTS:
        reading.started[p1] = root
    elif opcode in _STEPS:
        reading.scanned.add(reading.started.pop(p1, 0))
    elif opcode == "Count":
        reading.scanned.add(root)
    elif opcode == "Insert":
        reading.inserted.add(reading.started.get(p1, 0))
    elif opcode == "Delete":
        reading.deleted.add(root)
    elif opcode == "Clear" and p2 == _MAIN:
        reading.cleared.add(p1)
    elif opcode == "VFilter":
        reading.verifies = True
