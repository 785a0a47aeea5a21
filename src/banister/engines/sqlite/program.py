"""What a statement will do to tables, read from the program that SQLite compiles it to.

https://www.sqlite.org/opcode.html: the names of its instructions may change with any version. What
is not known any more is then not seen; nothing that is seen is wrong.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from banister.engines.sqlite.facts import Facts
from banister.engines.sqlite.session import Session
from banister.model import Aim

__all__ = ["Program", "aims", "compiled"]

#: First words of statements that EXPLAIN compiles without doing any of it, as it may of a PRAGMA.
#: https://www.sqlite.org/pragma.html
_COMPILED = frozenset(
    {"ALTER", "CREATE", "DELETE", "DROP", "INSERT", "REINDEX", "REPLACE", "SELECT", "UPDATE",
     "VALUES", "WITH"}
)  # fmt: skip
#: How they find rows is told by EXPLAIN QUERY PLAN: https://www.sqlite.org/eqp.html
_PLANNED = frozenset({"DELETE", "INSERT", "REPLACE", "SELECT", "UPDATE", "WITH"})
_AIMS = {sqlite3.SQLITE_DELETE: "delete", sqlite3.SQLITE_UPDATE: "update"}
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


def compiled(session: Session, text: str, words: tuple[str, ...]) -> Program:
    """Return what a statement will do; nothing where it cannot be compiled, or only by being run.

    `words`: its first ones.
    """
    if not words or words[0] not in _COMPILED:
        return Program()
    try:
        program = _read_program(session.execute(f"EXPLAIN {text}"))
        # A range of keys is gone through from its first row on too. There is no plan where one
        # table is copied to another of the same shape.
        plan = [str(row[-1]) for row in session.execute(f"EXPLAIN QUERY PLAN {text}")]
        ranges = plan and not any(line.startswith("SCAN") for line in plan)
        if words[0] in _PLANNED and ranges:
            program = replace(program, scanned=frozenset())
    except (sqlite3.Error, sqlite3.Warning):
        # What is wrong with it is told when it is run.
        return Program()
    return program


def aims(acts: Iterable[tuple[int, str]], program: Program, before: Facts) -> Iterator[Aim]:
    """Yield the tables whose rows a statement is to change or take away, by what it sets off too.

    `acts`: what SQLite's authorizer was asked as it was compiled.
    """
    asked = tuple(acts)
    found: dict[tuple[int, str], None] = {}
    for action, name in asked:
        how, number = _AIMS.get(action), before.numbers.get(("table", name))
        if how is not None and number is not None:
            found[number, how] = None
    known = {number for number, _ in found}
    inserted = {before.numbers.get(("table", n)) for a, n in asked if a not in _AIMS}
    for root in sorted(program.written):
        # What a foreign key takes along is written to, and nobody is asked.
        table = before.tables.get(root)
        if table is None or table in known:
            continue
        if table not in inserted:
            found[table, "delete"] = None
        elif root in program.deleted:
            # INSERT OR REPLACE.
            found[table, "update"] = None
    for number, how in found:
        yield Aim(table_oid=number, table=before.catalog.relations[number].name, how=how)


def _read_program(rows: Iterable[tuple[object, ...]]) -> Program:
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
