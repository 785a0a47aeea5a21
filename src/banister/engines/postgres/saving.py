"""Saving rows in the transaction of the statement that is about to take them away."""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from banister.engines.postgres.faults import failed_in_statement, refused_statement
from banister.engines.postgres.session import Connection
from banister.engines.queries import load_queries
from banister.engines.saved import SavedPart, discard, safe_name, seal
from banister.model import Dialect, LogEntry, RunInfo, Statement, Step, TransactionMode
from banister.model.backup import SavedRows
from banister.model.losses import LossKind
from banister.script import traits

__all__ = ["Saver", "saver_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part(SavedPart):
    """A table that holds rows, and what is saved of it."""

    oid: int

    @property
    def name(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)


@dataclass(kw_only=True)
class Saver:
    """Saves what one step takes away, into files of one folder; one for each attempt at it."""

    step: Step
    connection: Connection
    #: Of the run; made at the first file.
    folder: Path
    run_id: str
    #: Those of the attempt, with their manifests.
    files: list[Path] = field(default_factory=list)
    #: What the log is to be told together with the step's end.
    entries: list[LogEntry] = field(default_factory=list)
    _parts: dict[int, list[_Part]] = field(default_factory=dict)
    #: Rows that are saved, by table.
    _saved: dict[int, int] = field(default_factory=dict)
    #: What the session had counted already, by each table that there was; None: not asked yet.
    _before: dict[int, int] | None = None

    def concerns(self, number: int) -> bool:
        """Whether statement `number` takes rows away."""
        return any(loss.statement == number for loss in self.step.losses or ())

    @property
    def looks(self) -> bool:
        """Whether it knows what was counted before the step, so that it sees what goes."""
        return self._before is not None

    def look(self, number: int, statement: Statement) -> None:
        """Before each statement: note what was counted for transactions before this one.

        Not before a SET, which may have to be the first of its transaction. Raises MigrationFailed.
        """
        if self._before is None and traits(statement, Dialect.POSTGRESQL).words[:1] != ("SET",):
            with self._explained(number, statement):
                self._before = {oid: gone for oid, _, gone in self._gone()}

    def before(self, number: int, statement: Statement) -> list[SavedRows]:
        """Lock the tables against writers and save what the statement takes away.

        What is returned has reached the disk. Of single rows that go, all are kept aside until
        `after`. Raises MigrationFailed.
        """
        with self._explained(number, statement):
            parts = self._parts[number] = self._found(number, statement)
            saved = []
            for part in parts:
                lock = sql.SQL("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE")
                self.connection.execute(lock.format(part.name))
                self._check_room(part)
                if part.loss.kind is LossKind.GONE:
                    self._copy(part, self._aside(part), with_place=True)
                else:
                    rows = self._copy(part, part.path)
                    saved.append(self._finished(part, rows))
            return saved

    def after(self, number: int, statement: Statement) -> list[SavedRows]:
        """Keep of the rows put aside those that are gone now. Raises MigrationFailed."""
        with self._explained(number, statement):
            saved = []
            for part in self._parts.pop(number, []):
                if part.loss.kind is LossKind.GONE:
                    rows, fewer = self._keep_gone(part)
                    if rows:
                        # A changed row lies elsewhere, and looks like one that went.
                        moved = rows != fewer
                        saved.append(self._finished(replace(part, moved=moved), rows))
                    else:
                        part.path.unlink(missing_ok=True)
            return saved

    def check_nothing_else_went(self) -> None:
        """Before the record of the step: raise MigrationFailed where rows went that are not saved.

        A copy with few rows does not show what triggers and functions take away.
        """
        before = self._before or {}
        for oid, table, gone in self._gone():
            # What this step has made is its own.
            if oid in before and gone - before[oid] > self._saved.get(oid, 0):
                raise refused_statement(
                    self.step,
                    len(self.step.statements),
                    self.step.statements[-1],
                    f"rows of {table} are gone that were not saved: the copy did not show it",
                    "run without saving rows, and make a backup instead with --backup",
                )

    def _gone(self) -> list[tuple[int, str, int]]:
        query = load_queries(__package__ or "", "saving.sql")["deleted"].encode()
        return [(row[0], row[1], int(row[2])) for row in self.connection.execute(query).fetchall()]

    def undo(self) -> None:
        """Remove the files of an attempt that was rolled back: its rows are where they were."""
        aside = (Path(f"{path}.all") for path in self.files)
        discard([*self.files, *aside], self.folder)

    def _explained(self, number: int, statement: Statement) -> "_Explained":
        return _Explained(self.step, number, statement)

    def _found(self, number: int, statement: Statement) -> list[_Part]:
        queries = load_queries(__package__ or "", "saving.sql")
        found: dict[tuple[str, str, LossKind], _Part] = {}
        for loss in (each for each in self.step.losses or () if each.statement == number):
            told = {"table": _qualified(loss.table), "with_children": loss.kind is LossKind.GONE}
            rows = self.connection.execute(queries["parts"].encode(), told).fetchall()
            if not rows:
                raise refused_statement(
                    self.step,
                    number,
                    statement,
                    f"the rows of {loss.table} cannot be saved: there is no such table here",
                    "run without saving rows, and make a backup instead with --backup",
                )
            for oid, schema, table, key, columns in rows:
                wanted, known_by = tuple(columns or ()), tuple(key)
                if loss.kind is LossKind.COLUMNS:
                    # What a new key is called says nothing of which row it stands in.
                    known_by = () if {*key} & {*loss.columns} else known_by
                    if known_by:
                        wanted = tuple(c for c in wanted if c in {*known_by, *loss.columns})
                    # A generated one is computed again.
                    if not {*loss.columns} & {*wanted}:
                        continue
                file = (
                    f"{self.step.version.text}_{number}_{len(self.files) + 1}"
                    f"_{safe_name(table)}.copy"
                )
                part = _Part(
                    loss=loss,
                    oid=oid,
                    schema=schema,
                    table=table,
                    key=known_by,
                    columns=wanted,
                    path=self.folder / file,
                )
                if (schema, table, loss.kind) not in found:
                    found[schema, table, loss.kind] = part
                    self.files.append(part.path)
        return list(found.values())

    def _check_room(self, part: _Part) -> None:
        """Raise OSError where the table has more bytes than are free; of some rows two copies."""
        name = part.name.as_string(self.connection)
        query = load_queries(__package__ or "", "saving.sql")["size"].encode()
        ((size,),) = self.connection.execute(query, {"table": name}).fetchall()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < size * (2 if part.loss.kind is LossKind.GONE else 1):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @staticmethod
    def _aside(part: _Part) -> Path:
        return Path(f"{part.path}.all")

    def _copy(self, part: _Part, path: Path, *, with_place: bool = False) -> int:
        """Write the rows of a table to a file; return how many they are."""
        columns = sql.SQL(", ").join(map(sql.Identifier, part.columns))
        place = sql.SQL("ctid, " if part.columns else "ctid") if with_place else sql.SQL("")
        query = sql.SQL("COPY (SELECT {}{} FROM ONLY {}) TO STDOUT").format(
            place, columns, part.name
        )
        rows = 0
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with (
            os.fdopen(descriptor, "wb") as file,
            self._in_order(),
            self.connection.cursor().copy(query) as copy,
        ):
            for row in copy:
                file.write(row)
                rows += bytes(row).count(b"\n")
            file.flush()
            os.fsync(file.fileno())
        return rows

    def _keep_gone(self, part: _Part) -> tuple[int, int]:
        """Write those rows put aside to the file that are where they were no more.

        Returns how many they are, and by how many the table has fewer rows than before.
        """
        aside, kept, there, after = self._aside(part), 0, 0, 0
        descriptor = os.open(part.path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        query = sql.SQL("COPY (SELECT ctid FROM ONLY {}) TO STDOUT").format(part.name)
        with os.fdopen(descriptor, "wb") as file, aside.open("rb") as before, self._in_order():
            with self.connection.cursor().copy(query) as copy:
                left = enumerate(_in_order(_place(bytes(row)) for row in copy), 1)
                after, here = next(left, (after, None))
                for line in before:
                    there += 1
                    place = _place(line)
                    while here is not None and here < place:
                        after, here = next(left, (after, None))
                    if here != place:
                        file.write(line.partition(b"\t")[2] or b"\n")
                        kept += 1
                for after, _ in left:  # noqa: B007 -- the last of them says how many there are
                    pass
            file.flush()
            os.fsync(file.fileno())
        aside.unlink()
        return kept, there - after

    def _in_order(self) -> "_InOrder":
        return _InOrder(self.connection)

    def _finished(self, part: _Part, rows: int) -> SavedRows:
        """Write the manifest of a file; it has reached the disk with its folder afterwards."""
        self._saved[part.oid] = self._saved.get(part.oid, 0) + rows
        event, entry = seal(part, rows, step=self.step, run_id=self.run_id)
        self.entries.append(entry)
        return event


class _Explained:
    """Turns what goes wrong into the failure of the step, at the statement."""

    def __init__(self, step: Step, number: int, statement: Statement) -> None:
        self._about = (step, number, statement)

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, psycopg.Error):
            raise failed_in_statement(*self._about, error) from error
        if isinstance(error, OSError):
            raise refused_statement(
                *self._about,
                f"the rows that it takes away cannot be saved: {error.strerror}",
                "make room, or set backup_dir to a folder that this user can write",
            ) from error


class _InOrder:
    """For as long as it lasts rows come in the order in which they lie."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries: Mapping[str, str] = load_queries(__package__ or "", "saving.sql")
        self._before: tuple[Any, ...] = ()

    def __enter__(self) -> None:
        self._before = self._connection.execute(self._queries["settings"].encode()).fetchall()[0]
        self._connection.execute(self._queries["quiet"].encode())

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if kind is None:
            self._connection.execute(self._queries["restore"].encode(), self._before)


def _in_order(places: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield places, each behind the one before it; what would be lost otherwise is an error."""
    last = (-1, -1)
    for place in places:
        if place <= last:
            raise OSError(0, "the rows come in no order", "")
        yield place
        last = place


def _place(row: bytes) -> tuple[int, int]:
    """Return block and number of a row that begins with its ctid, such as "(0,12)"."""
    block, _, number = row[1 : row.index(b")")].partition(b",")
    return int(block), int(number)


def _qualified(table: str) -> str:
    """Return a name with its schema; without one it is in public."""
    inside = False
    for char in table:
        if char == '"':
            inside = not inside
        elif char == "." and not inside:
            return table
    return f"public.{table}"


def saver_for(
    step: Step, run: RunInfo, connection: Connection, folder: Path | None
) -> Saver | None:
    """Return what saves the rows that a step loses; None where that is not asked, or cannot be."""
    if step.losses is None or folder is None or step.mode is not TransactionMode.WHOLE:
        return None
    rows = folder / f"rows_{run.run_id}"
    return Saver(step=step, connection=connection, folder=rows, run_id=run.run_id)
