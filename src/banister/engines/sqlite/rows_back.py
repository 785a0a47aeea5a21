"""Putting rows back into a SQLite file that a run has saved: all of them, or none."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from banister.engines.sqlite.copying import open_file
from banister.engines.sqlite.tables import quoted
from banister.errors import DatabaseError
from banister.model.backup import RowsBack, SavedFile
from banister.model.losses import LossKind

__all__ = ["put_rows_back"]

_AT_ONCE = 1000
_ROWIDS = ("rowid", "_rowid_", "oid")


def put_rows_back(path: Path, files: Sequence[SavedFile], *, wait: float) -> tuple[RowsBack, ...]:
    """Put saved rows back, the last ones first; return what came of each file.

    Rows whose key is there already stay as they are, and so do rows without a key where the same
    one has their rowid. `wait`: seconds for others who write. Raises DatabaseError with nothing
    put back.
    """
    for_error: SavedFile | None = None
    done: list[RowsBack] = []
    try:
        with closing(open_file(str(path), wait, uri=False)) as live, _all_or_none(live):
            dangling = _dangling(live)
            with _without_triggers(live, {each.table for each in files}):
                for each in reversed(files):
                    for_error = each
                    done.append(_put_back(live, each))
            if _dangling(live) > dangling:
                raise _refused(files[0], "they point to rows that are not there")
    except sqlite3.Error as error:
        about = for_error.table if for_error else "the saved tables"
        raise DatabaseError(
            f"the rows of {about} cannot be put back: {error}",
            code="rows_not_restored",
            state="nothing was put back",
            hint="rows fit into the tables that they were taken from: roll the migration back "
            "first, so that tables and columns are there again",
        ) from error
    return tuple(done)


@contextmanager
def _all_or_none(live: sqlite3.Connection) -> Iterator[None]:
    # They are looked at when all is there.
    live.execute("PRAGMA foreign_keys = OFF")
    live.execute("BEGIN IMMEDIATE")
    try:
        yield
        live.execute("COMMIT")
    finally:
        if live.in_transaction:
            with suppress(sqlite3.Error):
                live.execute("ROLLBACK")


@contextmanager
def _without_triggers(live: sqlite3.Connection, tables: set[str]) -> Iterator[None]:
    """Within, no trigger of these tables fires: what comes back is what was there."""
    rows = live.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
    wanted = {table.lower() for table in tables}
    found = [(name, sql) for name, table, sql in rows.fetchall() if table.lower() in wanted]
    for name, _ in found:
        live.execute(f"DROP TRIGGER main.{quoted(name)}")
    yield
    for _, sql in found:
        live.execute(sql)


def _dangling(live: sqlite3.Connection) -> int:
    ((count,),) = live.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchall()
    return int(count)


def _put_back(live: sqlite3.Connection, saved: SavedFile) -> RowsBack:
    there = [
        name
        for (name,) in live.execute(
            "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0", [saved.table]
        )
    ]
    missing = [column for column in saved.columns if column not in there]
    if not there or missing:
        what = f"no column {missing[0]}" if there else "no such table"
        raise _refused(saved, f"there is {what} now")
    put = _columns_back if saved.kind is LossKind.COLUMNS else _rows_back
    uri = f"{Path(saved.path).absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as file:
        rows = file.execute("SELECT * FROM saved")
        count = 0
        while some := rows.fetchmany(_AT_ONCE):
            count += put(live, saved, there, some)
    return RowsBack(table=saved.table, rows=count, there=saved.rows - count, kind=saved.kind)


def _rows_back(
    live: sqlite3.Connection, saved: SavedFile, there: Sequence[str], rows: list[tuple[Any, ...]]
) -> int:
    names = ", ".join(map(quoted, saved.columns))
    marks = ", ".join("?" for _ in saved.columns)
    table = f"main.{quoted(saved.table)}"
    insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 -- quoted
    if saved.key:
        places = [saved.columns.index(column) for column in saved.key]
        same = " AND ".join(f"{quoted(column)} IS ?" for column in saved.key)
        new = [
            row[1:]
            for row in rows
            if not _is_there(live, f"{table} WHERE {same}", [row[1 + n] for n in places])
        ]
        live.executemany(insert, new)
        return len(new)
    rowid = _rowid(there)
    same = " AND ".join(f"{quoted(column)} IS ?" for column in saved.columns)
    count = 0
    for place, *cells in rows:
        if _is_there(live, f"{table} WHERE {rowid} = ? AND {same}", [place, *cells]):
            continue
        count += 1
        if _is_there(live, f"{table} WHERE {rowid} = ?", [place]):
            # Another row has got its place since.
            live.execute(insert, cells)
        else:
            live.execute(
                f"INSERT INTO {table} ({rowid}, {names}) VALUES (?, {marks})",  # noqa: S608 -- quoted
                [place, *cells],
            )
    return count


def _columns_back(
    live: sqlite3.Connection, saved: SavedFile, there: Sequence[str], rows: list[tuple[Any, ...]]
) -> int:
    table = f"main.{quoted(saved.table)}"
    lost = [(n, c) for n, c in enumerate(saved.columns, 1) if c in saved.lost_columns]
    changes = ", ".join(f"{quoted(column)} = ?" for _, column in lost)
    if saved.key and not {*saved.key} & {*saved.lost_columns}:
        same = " AND ".join(f"{quoted(column)} IS ?" for column in saved.key)
        places = [1 + saved.columns.index(column) for column in saved.key]
    else:
        same, places = f"{_rowid(there)} = ?", [0]
    update = f"UPDATE {table} SET {changes} WHERE {same}"  # noqa: S608 -- quoted
    count = 0
    for row in rows:
        values = [row[n] for n, _ in lost] + [row[n] for n in places]
        count += live.execute(update, values).rowcount
    return count


def _rowid(there: Sequence[str]) -> str:
    hidden = {column.lower() for column in there}
    return next((each for each in _ROWIDS if each not in hidden), _ROWIDS[0])


def _is_there(live: sqlite3.Connection, where: str, values: Sequence[Any]) -> bool:
    return live.execute(f"SELECT 1 FROM {where} LIMIT 1", values).fetchone() is not None  # noqa: S608 -- quoted


def _refused(saved: SavedFile, why: str) -> DatabaseError:
    return DatabaseError(
        f"the rows of {saved.table} cannot be put back: {why}",
        code="rows_not_restored",
        state="nothing was put back",
        hint=f"roll the migration back first; they are in {saved.path}, in the table saved",
    )
