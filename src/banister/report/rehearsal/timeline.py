"""Which lock is held on which table during which statements of a migration. No I/O."""

from dataclasses import dataclass
from itertools import groupby, islice

from banister.model import TableSize
from banister.rehearsal import HeldLock, MigrationRehearsal
from banister.report.rehearsal.words import locks_of, problems_of

__all__ = ["Row", "Span", "Stretch", "Timeline", "timeline_of"]

_STRETCHES = 80
_ROWS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Statements in a row between which no lock comes or goes."""

    #: Numbers of the first and the last, from 1.
    first: int
    last: int
    #: Their lines in the file.
    first_line: int
    last_line: int

    @property
    def words(self) -> str:
        """The lines, for example "2" or "4 to 9"."""
        if self.first_line == self.last_line:
            return str(self.first_line)
        return f"{self.first_line} to {self.last_line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Stretches in a row that are alike for a table."""

    #: How many.
    width: int
    #: The strongest lock during them; None: nobody waits.
    lock: HeldLock | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A table through all statements."""

    relation: str
    size: TableSize
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All tables that others wait for."""

    stretches: tuple[Stretch, ...]
    #: Those that are locked first come first.
    rows: tuple[Row, ...]
    #: Tables that others wait for and that have no row.
    left_out: int = 0


def timeline_of(migration: MigrationRehearsal) -> Timeline:
    """Return who waits when; without rows where nobody does.

    Of a very long migration the last stretches are one, and tables beyond the fortieth are counted.
    """
    locks = [lock for statement in migration.statements for lock in locks_of(statement)]
    stretches = _stretches(migration, locks)
    named: dict[str, list[HeldLock]] = {}
    for lock in locks:
        named.setdefault(lock.relation, []).append(lock)
    rows = tuple(
        Row(relation=relation, size=each[0].size, spans=_spans(each, stretches))
        for relation, each in islice(named.items(), _ROWS)
    )
    return Timeline(stretches=stretches, rows=rows, left_out=max(0, len(named) - _ROWS))


def _stretches(migration: MigrationRehearsal, locks: list[HeldLock]) -> tuple[Stretch, ...]:
    alone = {s.trace.number for s in migration.statements if locks_of(s) or problems_of(s)}
    starts = alone | {number + 1 for number in alone} | {lock.held_through + 1 for lock in locks}
    found: list[Stretch] = []
    for statement in migration.statements:
        number = statement.trace.number
        line = statement.location.line or statement.trace.statement.line
        if found and (number not in starts or len(found) == _STRETCHES):
            before = found.pop()
            found.append(
                Stretch(
                    first=before.first, last=number, first_line=before.first_line, last_line=line
                )
            )
        else:
            found.append(Stretch(first=number, last=number, first_line=line, last_line=line))
    return tuple(found)


def _spans(locks: list[HeldLock], stretches: tuple[Stretch, ...]) -> tuple[Span, ...]:
    strongest = [
        max(
            (k for k in locks if k.taken_by <= each.last and k.held_through >= each.first),
            key=lambda lock: lock.mode,
            default=None,
        )
        for each in stretches
    ]
    told = []
    for _, group in groupby(strongest, key=lambda lock: None if lock is None else lock.mode):
        alike = list(group)
        told.append(Span(width=len(alike), lock=alike[0]))
    return tuple(told)
