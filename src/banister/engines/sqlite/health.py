"""Which views and triggers of a SQLite file do not compile any more.

SQLite lets a table go that a view or a trigger needs, and says so only to whoever uses it next.
https://www.sqlite.org/lang_createview.html, https://www.sqlite.org/lang_createtrigger.html
"""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from banister.engines.sqlite.catalog import spelled
from banister.engines.sqlite.faults import translated
from banister.engines.sqlite.reaching import is_missing
from banister.engines.sqlite.session import Session, open_reader
from banister.engines.sqlite.tables import quoted

__all__ = ["Broken", "broken_in"]

#: What cannot be done with a table or view (its name, "read", "insert", "update" or "delete"), and
#: what SQLite says to it.
Broken = Mapping[tuple[str, str], str]
#: Of a view without triggers nobody has expected more.
_NEVER_COULD = "because it is a view"


def broken_in(path: Path, *, patience: float) -> Broken:
    """Return what does not compile; by reads alone. Raises ConnectionFailed, DatabaseError."""
    if is_missing(path):
        return {}
    session = open_reader(path, patience=patience)
    try:
        with translated(path):
            # Keys whose table is gone are looked at only where they are enforced.
            session.execute("PRAGMA foreign_keys = ON")
            return dict(_broken(session))
    finally:
        session.close()


def _broken(session: Session) -> Iterator[tuple[tuple[str, str], str]]:
    names = session.execute(
        "SELECT name FROM main.sqlite_master WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
    )
    for (name,) in names:
        try:
            columns = _columns(session, name)
        except sqlite3.OperationalError as error:
            yield (spelled(name), "read"), str(error)
            continue
        for how, sql in _uses(quoted(name), columns):
            try:
                session.execute(f"EXPLAIN {sql}")
            except sqlite3.OperationalError as error:
                if not str(error).endswith(_NEVER_COULD):
                    yield (spelled(name), how), str(error)


def _columns(session: Session, name: str) -> list[str]:
    asked = "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0"
    return [quoted(column) for (column,) in session.execute(asked, [name])]


def _uses(name: str, columns: list[str]) -> Iterator[tuple[str, str]]:
    yield "read", f"SELECT * FROM main.{name}"  # noqa: S608 -- quoted
    if not columns:
        return
    listed, same = ", ".join(columns), ", ".join(f"{each} = {each}" for each in columns)
    nulls = ", ".join("NULL" for _ in columns)
    yield "insert", f"INSERT INTO main.{name} ({listed}) VALUES ({nulls})"  # noqa: S608 -- quoted
    yield "update", f"UPDATE main.{name} SET {same}"  # noqa: S608 -- quoted
    yield "delete", f"DELETE FROM main.{name}"  # noqa: S608 -- quoted
