"""What a copy of a SQLite file is made from: its schema as SQL, and the size of its tables."""

import sqlite3
from collections.abc import Iterator, Mapping

from banister.engines.sqlite import faults
from banister.engines.sqlite.catalog import spelled
from banister.engines.sqlite.session import Session
from banister.engines.sqlite.tables import quoted
from banister.model import Surroundings, TableSize

__all__ = ["read_surroundings", "schema_text"]

#: More rows of a table are not counted one by one.
_COUNTED = 1_000_000


def schema_text(session: Session, queries: Mapping[str, str], *, left_out: frozenset[str]) -> str:
    """Return the statements that make the schema, tables first, without those of `left_out`.

    With the page size and the encoding, and nothing else of what a file is set to.
    """
    out = {name.lower() for name in left_out}
    rows = [row for row in session.execute(queries["schema"]) if row[2].lower() not in out]
    order = ("table", "view", "index", "trigger")
    shadows = tuple(f"{name}_" for kind, name, _, sql in rows if _is_virtual(kind, sql))
    statements = list(_settings(session))
    for wanted in order:
        for kind, name, _, sql in rows:
            # The tables behind a virtual one are made with it.
            if kind == wanted and not (kind == "table" and name.startswith(shadows)):
                statements.append(sql.rstrip().rstrip(";"))
    # A comment of theirs may go on to the end of the line.
    return "".join(f"{each}\n;\n" if "--" in each else f"{each};\n" for each in statements)


def read_surroundings(
    session: Session, queries: Mapping[str, str], *, left_out: frozenset[str]
) -> Surroundings:
    """Return how large the tables are, and what kind of journal the file has.

    Up to a million rows are counted; beyond that the highest rowid says how many there may be.
    """
    out = {name.lower() for name in left_out}
    ((journal,),) = session.execute("PRAGMA main.journal_mode")
    return Surroundings(
        sizes={
            spelled(name): TableSize(rows=_rows(session, name))
            for kind, name, _, sql in session.execute(queries["schema"])
            if kind == "table" and name.lower() not in out and not _is_virtual(kind, sql)
        },
        settings={"journal_mode": journal},
    )


def _settings(session: Session) -> Iterator[str]:
    for name in ("page_size", "encoding"):
        ((value,),) = session.execute(f"PRAGMA main.{name}")
        yield f"PRAGMA {name} = '{value}'" if name == "encoding" else f"PRAGMA {name} = {value}"


def _is_virtual(kind: str, sql: str) -> bool:
    return kind == "table" and sql[:14].upper() == "CREATE VIRTUAL"


def _rows(session: Session, table: str) -> int | None:
    name = quoted(table)
    counted = f"SELECT count(*) FROM (SELECT 1 FROM main.{name} LIMIT {_COUNTED})"  # noqa: S608 -- quoted
    try:
        ((count,),) = session.execute(counted)
    except sqlite3.OperationalError as error:
        if faults.primary_code(error) != sqlite3.SQLITE_ERROR:
            raise
        # Its collations or its module are the application's alone.
        return None
    if count < _COUNTED:
        return int(count)
    try:
        ((highest,),) = session.execute(f"SELECT max(rowid) FROM main.{name}")  # noqa: S608 -- quoted
    except sqlite3.OperationalError:
        # WITHOUT ROWID.
        return int(count)
    return max(int(count), int(highest or 0)) if isinstance(highest, int) else int(count)
