"""Whether a SQLite file is sound, told without the functions that its application brings along."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from banister.engines.sqlite.counting import quoted
from banister.engines.sqlite.lacking import lacks_something, rows_without
from banister.errors import Finding, Severity
from banister.model import Event, Warned

__all__ = ["Soundness", "soundness", "unchecked_told"]

_TOLD = 3
#: What is found wrong where something else stands in for a collation or a function.
_OF_VALUES = re.compile(
    r"missing from index|PRIMARY KEY order|non-unique entry|CHECK constraint failed|NULL value in"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """What an integrity check says."""

    #: What is wrong; empty: nothing that it could see.
    damage: tuple[str, ...] = ()
    #: Tables whose values it could not look at, and why.
    unchecked: Mapping[str, str] = field(default_factory=dict)


def soundness(connection: sqlite3.Connection) -> Soundness:
    """Check a database, as far as that is possible here.

    An index in the order of a collation of the application's, or a condition that calls a function
    of its, can only be checked by the application. Tables with such things are named then, and
    their pages are checked alone. https://www.sqlite.org/pragma.html#pragma_integrity_check
    """
    try:
        return Soundness(damage=_said(connection.execute(f"PRAGMA integrity_check({_TOLD})")))
    except sqlite3.OperationalError as error:
        if not lacks_something(error):
            raise
    damage: list[str] = []
    unchecked: dict[str, str] = {}
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
        try:
            damage += _said(connection.execute(f"PRAGMA integrity_check({quoted(name)})"))
        except sqlite3.OperationalError as error:
            if not lacks_something(error):
                raise
            unchecked[str(name)] = str(error)
    for name, why in list(unchecked.items()):
        try:
            said = _said(rows_without(connection, f"PRAGMA quick_check({quoted(name)})"))
        except sqlite3.OperationalError:
            unchecked[name] = f"{why}; nor its pages"
        else:
            damage += [each for each in said if not _OF_VALUES.search(each)]
    return Soundness(damage=tuple(damage[:_TOLD]), unchecked=unchecked)


def unchecked_told(unchecked: Mapping[str, str]) -> Iterator[Event]:
    """Yield the warning that a backup was not checked whole, where it was not."""
    if not unchecked:
        return
    tables = "; ".join(f"{name}: {why}" for name, why in list(unchecked.items())[:_TOLD])
    more = f"; and {len(unchecked) - _TOLD} more" if len(unchecked) > _TOLD else ""
    yield Warned(
        finding=Finding(
            severity=Severity.WARNING,
            code="not_checked",
            message=f"SQLite's integrity check could not look at all values: {tables}{more}",
            hint="the backup holds them as they are; only the application, which brings these "
            "along, can check them: PRAGMA integrity_check over a connection of its own",
        )
    )


def _said(rows: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in rows if row[0] != "ok")
