"""Dangling references: which of them a step has added."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Any

from banister.engines.sqlite.session import Session
from banister.engines.sqlite.tables import HistoryTables, quoted

__all__ = ["Violation", "added", "find_violations", "lost_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A row that points to a parent that is not there, or a foreign key that cannot work."""

    table: str
    #: None in a table WITHOUT ROWID.
    rowid: int | None
    parent: str
    #: The values that point nowhere: a rebuilt table keeps them, but not always its rowids.
    values: tuple[Any, ...] = ()
    #: What SQLite says of a foreign key that can never hold.
    mismatch: str | None = None

    @property
    def kind(self) -> tuple[object, ...]:
        """What makes two violations the same one."""
        values = tuple((type(value).__name__, value) for value in self.values)
        return self.table, self.parent, values, self.mismatch

    def __str__(self) -> str:
        if self.mismatch:
            return self.mismatch
        row = "a row" if self.rowid is None else f"row {self.rowid}"
        return f'{row} of "{self.table}" points to a row of "{self.parent}" that is not there'


def find_violations(session: Session, tables: HistoryTables) -> tuple[Violation, ...]:
    """Return every dangling reference. Lets the driver's errors out."""
    found: list[Violation] = []
    for (table,) in session.execute(tables.queries["tables"]):
        try:
            rows = session.execute(tables.queries["foreign_key_check"], [table])
        except sqlite3.OperationalError as error:
            if not str(error).startswith("foreign key mismatch"):
                raise
            found.append(Violation(table=table, rowid=None, parent="", mismatch=str(error)))
            continue
        selects: dict[int, str] = {}
        for rowid, parent, key in rows:
            values: tuple[Any, ...] = ()
            if rowid is not None:
                select = selects.get(key) or selects.setdefault(
                    key, _select_key(session, tables, table, key)
                )
                values = session.execute(select, [rowid])[0]
            found.append(Violation(table=table, rowid=rowid, parent=parent, values=values))
    return tuple(found)


def added(before: tuple[Violation, ...], after: tuple[Violation, ...]) -> tuple[Violation, ...]:
    """Return the violations of `after` that were not among `before`, each counted by itself."""
    known = Counter(violation.kind for violation in before)
    # Rows that are the same in both are taken off first, so that of several rows with the same
    # values the new one is named.
    rest: list[Violation] = []
    old = Counter((violation.kind, violation.rowid) for violation in before)
    for violation in after:
        if old[violation.kind, violation.rowid] > 0:
            old[violation.kind, violation.rowid] -= 1
            known[violation.kind] -= 1
        else:
            rest.append(violation)
    new: list[Violation] = []
    for violation in rest:
        if known[violation.kind] > 0:
            known[violation.kind] -= 1
        else:
            new.append(violation)
    return tuple(new)


def lost_with(session: Session, tables: HistoryTables, dropped: str) -> str | None:
    """Say what dropping a table would do to rows of others; None: nothing.

    With foreign keys enforced SQLite deletes all rows of the table first, and the actions of the
    foreign keys run for each: https://www.sqlite.org/foreignkeys.html#fk_schemacommands
    """
    if not session.execute(f"SELECT 1 FROM main.{quoted(dropped)} LIMIT 1"):  # noqa: S608 -- quoted
        return None
    for child, key, action in session.execute(tables.queries["losing_children"], [dropped]):
        names = session.execute(tables.queries["foreign_key_columns"], [child, key])
        columns = [quoted(name) for (name,) in names]
        where = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        if session.execute(f"SELECT 1 FROM main.{quoted(child)} WHERE {where} LIMIT 1"):  # noqa: S608 -- quoted
            done = "delete" if action == "CASCADE" else f"{action.lower()} {', '.join(columns)} of"
            return (
                f'it drops "{dropped}", and SQLite would {done} the rows of "{child}" that point '
                f"to it (ON DELETE {action})"
            )
    return None


def _select_key(session: Session, tables: HistoryTables, table: str, key: int) -> str:
    names = session.execute(tables.queries["foreign_key_columns"], [table, key])
    columns = ", ".join(quoted(name) for (name,) in names)
    return f"SELECT {columns} FROM main.{quoted(table)} WHERE rowid = ?"  # noqa: S608 -- quoted
