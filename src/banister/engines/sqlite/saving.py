"""Saving rows in the transaction of the statement that is about to take them away, on SQLite.

What a statement takes away is known when it is compiled; the transaction holds the write lock from
its start, so that nobody writes in between.
"""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path

from banister.engines.saved import SavedPart, discard, safe_name, seal
from banister.engines.sqlite import faults
from banister.engines.sqlite.catalog import spelled
from banister.engines.sqlite.facts import (
    Facts,
    FileFacts,
    changed_columns,
    changed_relations,
)
from banister.engines.sqlite.program import compiled
from banister.engines.sqlite.session import Session
from banister.engines.sqlite.tables import HistoryTables, quoted
from banister.model import Dialect, Event, LogEntry, RelationKind, RunInfo, Step
from banister.model.losses import Loss, LossKind
from banister.script import traits
from banister.script.words import Words

__all__ = ["RowSaver", "row_saver"]

_DELETES = sqlite3.SQLITE_DELETE
_DEFINES = frozenset({"CREATE", "REINDEX", "VACUUM"})
#: What they return is other where statements of ours have run in between.
#: https://www.sqlite.org/lang_corefunc.html
_COUNTERS = frozenset({"changes", "last_insert_rowid", "total_changes"})
#: Triggers of the session, without ours.
_THEIR_TRIGGERS = (
    "SELECT sql FROM temp.sqlite_master WHERE type = 'trigger' AND name NOT GLOB 'banister_gone_*'"
)
_WRITES = frozenset({"DELETE", "INSERT", "REPLACE", "UPDATE", "WITH"})
#: Names of the rowid, of which a column of that name hides one.
#: https://www.sqlite.org/lang_createtable.html#rowid
_ROWIDS = ("rowid", "_rowid_", "oid")
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A table that rows are taken from."""

    name: str
    columns: tuple[str, ...]
    #: Of the primary key, where none of it can be NULL; empty: rows are known by their rowid.
    key: tuple[str, ...]
    #: What its rowid is called; None: it has none.
    rowid: str | None

    @property
    def cells(self) -> str:
        """What is saved of a row: the rowid or NULL, then the columns, as SQL with their prefix."""
        names = ", ".join(f"{{of}}{quoted(column)}" for column in self.columns)
        return f"{{of}}{self.rowid}, {names}" if self.rowid else f"NULL, {names}"


@dataclass(kw_only=True)
class RowSaver:
    """Saves what one step takes away, into files of one folder; one for each attempt at it."""

    step: Step
    session: Session
    tables: HistoryTables
    #: Of the run; made at the first file.
    folder: Path
    run_id: str
    #: Those of the attempt.
    files: list[Path] = field(default_factory=list)
    #: What the log is to be told together with the step's end, or the statement's.
    entries: list[LogEntry] = field(default_factory=list)
    _facts: FileFacts = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    #: What was there before the step: what it makes itself is its own.
    _first: Facts | None = None
    #: Statements of ours have run between those of the step.
    _between: bool = False

    def __post_init__(self) -> None:
        self._facts = FileFacts(self.tables.queries, left_out=self.tables.names)

    def around(self, number: int, run: Callable[[], None]) -> Generator[Event, None, None]:
        """Run a statement (from 1), and save what it takes away; yields SavedRows.

        What is yielded has reached the disk. Raises what `run` raises, and MigrationFailed where
        rows cannot be saved: then nothing of the step may be kept.
        """
        statement = self.step.statements[number - 1]
        words = traits(statement, Dialect.SQLITE).words
        now = self._facts.read(self.session)
        self._first = self._first or now
        self.session.guard.calls.clear()
        if not words or words[0] in _DEFINES or not self.session.in_transaction:
            run()
            self._refuse_counters(number)
            return
        with self._explained(number):
            replaces = self._may_replace(statement.text, words, now)
            written, dropped = self._foreseen(number, statement.text, words, now, replaces=replaces)
            for table in dropped:
                yield from self._whole(number, table)
            column = self._column_dropped(statement.text, words, now)
            if column is not None:
                yield from self._columns(number, *column)
            kept = [self._watch(place, table) for place, table in enumerate(written)]
        self._between = self._between or bool(kept)
        self.session.guard.calls.clear()
        with self._seeing_replaced(number, now) if replaces else nullcontext():
            run()
        self._refuse_counters(number)
        with self._explained(number):
            for table, aside in kept:
                yield from self._gone(number, table, aside)
        self._check(number, now, {table.name for table in dropped}, column)

    def keep(self) -> None:
        """After a COMMIT: what was saved stays."""
        self.files.clear()
        self.entries.clear()

    def undo(self) -> None:
        """After a rollback: remove what was saved since the last COMMIT. The rows are there."""
        discard(self.files, self.folder)
        self.keep()

    @contextmanager
    def _seeing_replaced(self, number: int, now: Facts) -> Iterator[None]:
        """Within, triggers fire for rows that make room for others too.

        https://www.sqlite.org/pragma.html#pragma_recursive_triggers. Raises MigrationFailed where
        that would set off triggers that are not set off otherwise.
        """
        ((was,),) = self.session.execute("PRAGMA recursive_triggers")
        if was:
            yield
            return
        if now.catalog.objects or self.session.execute(_THEIR_TRIGGERS):
            raise self._refused(number, "it may replace rows, in a file that has triggers")
        self.session.execute("PRAGMA recursive_triggers = ON")
        try:
            yield
        finally:
            self.session.execute("PRAGMA recursive_triggers = OFF")

    def _may_replace(self, text: str, words: Sequence[str], now: Facts) -> bool:
        """Whether rows may make room for others."""
        if words[0] not in _WRITES:
            return False
        theirs = [sql for (sql,) in self.session.execute(_THEIR_TRIGGERS)]
        parts = [each.stamp for each in now.catalog.relations.values()]
        parts += [each.stamp for each in now.catalog.objects.values()]
        return words[0] == "REPLACE" or any(map(_makes_room, [text, *parts, *theirs]))

    def _refuse_counters(self, number: int) -> None:
        called = sorted(self.session.guard.calls & _COUNTERS)
        if called and self._between:
            raise self._refused(number, f"{called[0]}() would count what saving rows has done")

    def _foreseen(
        self, number: int, text: str, words: Sequence[str], now: Facts, *, replaces: bool
    ) -> tuple[list[_Table], list[_Table]]:
        """Return the tables that rows may be deleted from, and those that are dropped."""
        guard = self.session.guard
        names = self.session.dropped_by(text) if words[0] == "DROP" else ()
        dropped = [self._table(name) for name in names if self._was_there(now, name)]
        if words[0] in {"DROP", "ALTER"}:
            return [], dropped
        guard.acts.clear()
        guard.watching = True
        try:
            program = compiled(self.session, text, tuple(words))
        finally:
            guard.watching = False
        found = {name for action, name in guard.acts if action == _DELETES}
        kinds = {now.numbers[key]: key[1] for key in now.numbers if key[0] == "table"}
        if replaces:
            found |= {name for _, name in guard.acts}
        found |= {kinds[now.tables[root]] for root in program.written if root in now.tables}
        for name in sorted(found):
            number_of = now.numbers.get(("table", name), 0)
            if number_of and number_of not in now.roots and self._was_there(now, name):
                raise self._refused(number, f"{spelled(name)} is a virtual table")
        return [self._table(name) for name in sorted(found) if self._was_there(now, name)], []

    def _check(
        self,
        number: int,
        before: Facts,
        dropped: set[str],
        column: tuple[_Table, tuple[str, ...]] | None,
    ) -> None:
        """Raise MigrationFailed where a table or a column is gone that was not saved."""
        first = (self._first or before).catalog.relations
        after = self._facts.read(self.session)
        for change in changed_relations(before, after):
            gone = change.before if change.dropped else None
            if gone is None or gone.kind is not RelationKind.TABLE or gone.oid not in first:
                continue
            if gone.bare_name not in dropped:
                raise self._refused(number, f"{gone.name} is dropped with another one")
        saved = {spelled(each) for each in column[1]} if column is not None else set()
        for each in changed_columns(before, after):
            was = each.before if each.dropped else None
            if was is None or was.table_oid not in first or was.generated:
                continue
            if was.name not in saved:
                raise self._refused(number, f"{was.table}.{was.name} is gone unforeseen")

    def _was_there(self, now: Facts, name: str) -> bool:
        number = now.numbers.get(("table", name))
        return number is not None and number in (self._first or now).catalog.relations

    def _table(self, name: str) -> _Table:
        rows = self.session.execute(self.tables.queries["columns"], [name])
        columns = tuple(row[0] for row in rows if row[5] == 0)
        keys = sorted((row[4], row[0], row[1].upper(), bool(row[2])) for row in rows if row[4])
        alias = len(keys) == 1 and keys[0][2] == "INTEGER"
        certain = alias or (bool(keys) and all(required for *_, required in keys))
        hidden = {column.lower() for column in columns}
        rowid: str | None = next((each for each in _ROWIDS if each not in hidden), None)
        try:
            self.session.execute(f"SELECT {rowid} FROM main.{quoted(name)} LIMIT 0")  # noqa: S608 -- quoted
        except sqlite3.OperationalError:
            rowid = None
        key = tuple(column for _, column, *_ in keys) if certain or rowid is None else ()
        return _Table(name=name, columns=columns, key=key, rowid=rowid)

    def _column_dropped(
        self, text: str, words: Sequence[str], now: Facts
    ) -> tuple[_Table, tuple[str, ...]] | None:
        """Return the table and the columns that ALTER TABLE … DROP takes away.

        It is run on a table of the same shape in memory: names may be written in many ways.
        """
        if words[0] != "ALTER":
            return None
        for facts in now.catalog.relations.values():
            if facts.kind is RelationKind.TABLE and self._was_there(now, facts.bare_name):
                with closing(sqlite3.connect(":memory:")) as shape:
                    try:
                        shape.execute(facts.stamp)
                        before = _columns_of(shape, facts.bare_name)
                        shape.execute(text)
                    except sqlite3.Error:
                        continue
                    gone = before - _columns_of(shape, facts.bare_name)
                    there = _columns_of(shape, facts.bare_name)
                if gone and there:
                    return self._table(facts.bare_name), tuple(sorted(gone))
        return None

    def _whole(self, number: int, table: _Table) -> Iterator[Event]:
        loss = Loss(statement=number, kind=LossKind.ALL, table=spelled(table.name))
        yield from self._saved(loss, table, table.columns, f"main.{quoted(table.name)}")

    def _columns(self, number: int, table: _Table, columns: tuple[str, ...]) -> Iterator[Event]:
        lost = tuple(column for column in columns if column in table.columns)
        if not lost:
            # A generated one is computed again.
            return
        loss = Loss(
            statement=number, kind=LossKind.COLUMNS, table=spelled(table.name), columns=lost
        )
        wanted = tuple(column for column in table.columns if column in {*table.key, *lost})
        yield from self._saved(loss, table, wanted, f"main.{quoted(table.name)}")

    def _watch(self, place: int, table: _Table) -> tuple[_Table, str]:
        """Have every row that is deleted from a table put aside, whoever deletes it."""
        aside = f"banister_gone_{place}"
        names = ", ".join(f"c{n}" for n in range(len(table.columns) + 1))
        self.session.execute(f"CREATE TEMP TABLE {aside} ({names})")
        row = table.cells.format(of="OLD.")
        put = f"INSERT INTO {aside} VALUES ({row})"  # noqa: S608 -- quoted
        self.session.execute(
            f"CREATE TEMP TRIGGER {aside}_trigger AFTER DELETE ON main.{quoted(table.name)}"
            f" BEGIN {put}; END"
        )
        return table, aside

    def _gone(self, number: int, table: _Table, aside: str) -> Iterator[Event]:
        self.session.execute(f"DROP TRIGGER temp.{aside}_trigger")
        ((rows,),) = self.session.execute(f"SELECT count(*) FROM temp.{aside}")  # noqa: S608 -- ours
        if rows:
            loss = Loss(statement=number, kind=LossKind.GONE, table=spelled(table.name))
            cells = ", ".join(f"c{n}" for n in range(len(table.columns) + 1))
            query = f"SELECT {cells} FROM temp.{aside}"  # noqa: S608 -- ours
            yield from self._written(loss, table, table.columns, query)
        self.session.execute(f"DROP TABLE temp.{aside}")

    def _saved(
        self, loss: Loss, table: _Table, columns: tuple[str, ...], source: str
    ) -> Iterator[Event]:
        part = _Table(name=table.name, columns=columns, key=table.key, rowid=table.rowid)
        query = f"SELECT {part.cells.format(of='')} FROM {source}"  # noqa: S608 -- quoted
        yield from self._written(loss, table, columns, query)

    def _written(
        self, loss: Loss, table: _Table, columns: tuple[str, ...], query: str
    ) -> Iterator[Event]:
        """Write the rows of a query to a file of their own, which reaches the disk."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = (
            f"{self.step.version.text}_{loss.statement}_{next(self._numbers)}"
            f"_{safe_name(table.name)}.sqlite3"
        )
        path = self.folder / name
        os.close(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        self.files.append(path)
        names = ", ".join(["place", *(f"c{n}" for n in range(len(columns)))])
        marks = ", ".join("?" for _ in range(len(columns) + 1))
        rows = 0
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("PRAGMA journal_mode = OFF")
            file.execute("PRAGMA synchronous = FULL")
            file.execute("BEGIN")
            file.execute(f"CREATE TABLE saved ({names})")
            for some in self.session.rows_of(query, at_once=_AT_ONCE):
                file.executemany(f"INSERT INTO saved VALUES ({marks})", some)  # noqa: S608 -- ours
                rows += len(some)
            file.execute("COMMIT")
        part = SavedPart(
            loss=loss, schema="main", table=table.name, key=table.key, columns=columns, path=path
        )
        event, entry = seal(part, rows, step=self.step, run_id=self.run_id)
        self.entries.append(entry)
        yield event

    def _refused(self, number: int, why: str) -> Exception:
        return faults.failed(
            self.step,
            f"the rows that it takes away cannot be saved: {why}",
            number=number,
            offset=self.step.statements[number - 1].start,
            hint="run without saving rows, and make a backup instead with --backup",
        )

    @contextmanager
    def _explained(self, number: int) -> Iterator[None]:
        """Turn what goes wrong into the failure of the step, at the statement."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            if faults.is_busy(error):
                raise
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise faults.failed(
                self.step,
                f"the rows that it takes away cannot be saved: {why}",
                number=number,
                offset=self.step.statements[number - 1].start,
                hint="run without saving rows, and make a backup instead with --backup"
                if why.startswith("Could not decode")
                else "make room, or set backup_dir to a folder that this user can write",
            ) from error


def _makes_room(sql: str) -> bool:
    """Whether rows may make room for others: https://www.sqlite.org/lang_conflict.html."""
    if "REPLACE" not in sql.upper():
        return False
    keys = (word.key.upper() for word in Words(sql, Dialect.SQLITE))
    return any(one in {"OR", "CONFLICT"} and two == "REPLACE" for one, two in pairwise(keys))


def _columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    asked = "SELECT name FROM pragma_table_xinfo(?)"
    return {name for (name,) in connection.execute(asked, [table])}


def row_saver(
    step: Step, run: RunInfo, session: Session, tables: HistoryTables, folder: Path | None
) -> RowSaver | None:
    """Return what saves the rows that a step loses; None where that is not asked."""
    if step.losses is None or folder is None:
        return None
    return RowSaver(
        step=step,
        session=session,
        tables=tables,
        folder=folder / f"rows_{run.run_id}",
        run_id=run.run_id,
    )
