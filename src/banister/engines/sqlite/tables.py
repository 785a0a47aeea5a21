"""The history table and its log on SQLite: reading, making, extending, writing."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from banister.engines.queries import fill_identifiers, load_queries
from banister.engines.sqlite import cells
from banister.engines.sqlite.session import Session
from banister.errors import HistoryError
from banister.model import (
    AppliedMigration,
    History,
    HistoryTable,
    LogEntry,
    LogEvent,
    RunInfo,
    Version,
)
from banister.planning.recalling import HistoryRow, LogRow, recall

__all__ = ["Applied", "HistoryTables", "quoted"]

_CONTRACT = ("version", "name", "applied_at")
_OURS = ("up_checksum", "down_checksum", "down_text", "duration_ms", "run_id")
_LOG = frozenset({
    "id", "at", "run_id", "event", "version", "name", "direction", "statement", "checksum",
    "duration_ms", "detail", "who", "host", "tool_version", "pid",
})  # fmt: skip
_OTHER_NAME = "or name another table with `history_table` in the settings"


def quoted(name: str) -> str:
    """Return an identifier as it stands in SQL."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The rows of the history table at one moment, for writing."""

    #: Version numbers with their cells as they are stored.
    versions: Mapping[int, object]
    #: The latest time of application, and a cell that shows how times are written.
    last: datetime | None
    like: object
    #: Declared types of the columns.
    types: Mapping[str, str]
    #: Changes whenever another connection has written to the file.
    data_version: int
    #: How the tables were made.
    identity: tuple[object, ...]


class HistoryTables:
    """SQL around one history table, over whatever session it is handed.

    Lets the driver's errors out; raises HistoryError for tables that cannot serve.
    """

    def __init__(self, table: HistoryTable, *, now: Callable[[], datetime]) -> None:
        self.table = replace(table, schema="main")
        self.queries = fill_identifiers(
            load_queries(__package__ or "", "queries.sql"),
            {
                "history": f"main.{quoted(table.name)}",
                "history_table": quoted(table.name),
                "history_version": quoted(f"{table.name}_version"),
                "log": f"main.{quoted(table.log_name)}",
                "log_table": quoted(table.log_name),
                "log_no_update": f"main.{quoted(f'{table.log_name}_no_update')}",
                "log_no_delete": f"main.{quoted(f'{table.log_name}_no_delete')}",
            },
        )
        self._now = now

    @property
    def names(self) -> frozenset[str]:
        """The names that a migration must keep its hands off."""
        return frozenset({self.table.name, self.table.log_name})

    def read(self, session: Session, *, stored_downs: bool) -> History:
        """Return what the tables hold; missing ones are an empty history. Writes nothing."""
        types = self._history_types(session)
        rows: list[HistoryRow] = []
        if types is not None:
            rows = self._read_rows(session, types, stored_downs=stored_downs)
        logged = self._has_log(session)
        log = self._read_log(session) if logged else []
        names = [self.table.name, self.table.log_name]
        new = (
            not rows
            and not session.execute(self.queries["user_objects"], names)[0][0]
            and not (logged and session.execute(self.queries["telling_events"])[0][0])
        )
        return recall(rows, log, table=self.table, database_is_new=new)

    def prepare(self, session: Session) -> bool:
        """Make what is missing; return whether anything was. Call inside a transaction."""
        types = self._history_types(session)
        if types is None:
            missing = ["create_history"]
        else:
            missing = [f"add_{name}" for name in _OURS if name not in types]
        if not self._has_log(session):
            missing += ["create_log", "forbid_log_update", "forbid_log_delete"]
        for query in missing:
            session.execute(self.queries[query])
        return bool(missing)

    def applied(self, session: Session, known: Applied | None = None) -> Applied:
        """Make what is missing, and return what is applied. Call inside a transaction.

        `known` is returned as it is when only this session has written since, so that a run of
        many steps does not read a long history again before each.
        """
        # https://www.sqlite.org/pragma.html#pragma_data_version
        data_version = session.execute("PRAGMA main.data_version")[0][0]
        if known is not None and known.data_version == data_version:
            return known
        self.prepare(session)
        versions: dict[int, object] = {}
        last: datetime | None = None
        like: object = None
        for version, applied_at in session.execute(self.queries["applied"]):
            number = cells.read_number(version)
            if number is not None:
                versions[number] = version
            moment = cells.read_time(applied_at)
            if moment is not None and (last is None or moment > last):
                last, like = moment, applied_at
        return Applied(
            versions=versions,
            last=last,
            like=like,
            types=self._history_types(session) or {},
            data_version=data_version,
            identity=self.identity(session),
        )

    def identity(self, session: Session) -> tuple[object, ...]:
        """Return what must be the same when a step's statements have run.

        Not the root pages: a DROP TABLE moves them in an auto-vacuum database.
        https://www.sqlite.org/fileformat2.html#pointer_map_or_ptrmap_pages
        """
        names = (self.table.name, self.table.log_name)
        return tuple(tuple(session.execute(self.queries["find_object"], [name])) for name in names)

    def add(
        self, session: Session, row: AppliedMigration, run: RunInfo, applied: Applied
    ) -> tuple[AppliedMigration, Applied]:
        """Add a row; return it with its time, which is later than all before, and what is then."""
        kind = applied.types["applied_at"]
        at = cells.after(row.applied_at or self._now(), applied.last, kind)
        cell = cells.write_time(at, kind, applied.like)
        version = cells.write_version(row.version.text, applied.types["version"])
        values = (
            version, row.name, cell, row.up_checksum, row.down_checksum, row.down_text,
            row.duration_ms, run.run_id,
        )  # fmt: skip
        session.execute(self.queries["add_row"], values)
        self._check_changed(session)
        versions = {**applied.versions, row.version.number: version}
        written = replace(row, applied_at=cells.read_time(cell), down_text=None)
        return written, replace(applied, versions=versions, last=at, like=cell)

    def remove(self, session: Session, version: Version, applied: Applied) -> Applied:
        """Remove the row of a version, however it is spelled there; return what is then."""
        session.execute(self.queries["remove_row"], [applied.versions[version.number]])
        self._check_changed(session)
        versions = {key: cell for key, cell in applied.versions.items() if key != version.number}
        return replace(applied, versions=versions)

    def _check_changed(self, session: Session) -> None:
        """Raise where a trigger has swallowed the record: the change must not stay without it."""
        if session.execute(self.queries["changed"])[0][0] != 1:
            raise HistoryError(
                f'the history table "{self.table.name}" did not take the record',
                state="it was rolled back whole",
                hint="look for triggers on that table",
            )

    def accept(self, session: Session, row: AppliedMigration, applied: Applied) -> None:
        """Replace the name, the checksums and the kept down text of a version's row."""
        stored = applied.versions[row.version.number]
        values = (row.name, row.up_checksum, row.down_checksum, row.down_text, stored)
        session.execute(self.queries["accept_edit"], values)

    def news(self, session: Session, entries: Sequence[LogEntry]) -> list[LogEntry]:
        """Return the entries without skips that another run has recorded meanwhile."""
        texts = session.execute(self.queries["standing_skips"])
        skipped = {Version(text) for (text,) in texts}
        return [
            entry
            for entry in entries
            if entry.event is not LogEvent.SKIPPED or entry.version not in skipped
        ]

    def log(self, session: Session, entries: Sequence[LogEntry], run: RunInfo) -> None:
        """Add events, in their order. Call inside a transaction."""
        for entry in entries:
            at = self._now().astimezone(UTC).isoformat(timespec="microseconds")
            values = (
                at, run.run_id, entry.event, entry.version and entry.version.text, entry.name,
                entry.direction, entry.statement, entry.checksum, entry.duration_ms, entry.detail,
                run.who, run.host, run.tool_version, os.getpid(),
            )  # fmt: skip
            session.execute(self.queries["add_event"], values)

    def journaled(self, session: Session, version: Version) -> int:
        """Return how many statements of a begun migration are known to be done."""
        count: int = session.execute(self.queries["journaled"], [version.text] * 2)[0][0]
        return count

    def _read_rows(
        self, session: Session, types: Mapping[str, str], *, stored_downs: bool
    ) -> list[HistoryRow]:
        query = "read_history_with_downs" if stored_downs else "read_history"
        if not set(_OURS) <= types.keys():
            query = "read_foreign_history"
        rows = [
            HistoryRow(
                version=cells.read_text(version) or "NULL",
                name=cells.read_text(name),
                applied_at=cells.read_time(applied_at),
                up_checksum=up,
                down_checksum=down,
                down_text=text,
                down_kept=bool(kept),
                duration_ms=duration,
            )
            for version, name, applied_at, up, down, text, kept, duration in session.execute(
                self.queries[query]
            )
        ]
        return sorted(rows, key=_order_of_application)

    def _read_log(self, session: Session) -> list[LogRow]:
        return [
            LogRow(
                event=event, version=version, name=name, direction=direction,
                statement=statement, checksum=checksum, detail=detail,
            )
            for event, version, name, direction, statement, checksum, detail
            in session.execute(self.queries["read_log"])
        ]  # fmt: skip

    def _has_log(self, session: Session) -> bool:
        name = self.table.log_name
        columns = self._columns(session, name)
        if columns is not None and not columns.keys() >= _LOG:
            missing = ", ".join(sorted(_LOG - columns.keys()))
            raise HistoryError(
                f'the table "{name}" is not Banister\'s log: it has no column {missing}',
                hint="rename it, " + _OTHER_NAME + ", beside which the log stands",
            )
        return columns is not None

    def _history_types(self, session: Session) -> Mapping[str, str] | None:
        """Return the declared types of the columns by name, None where there is no table.

        Raises HistoryError for a table that could not be read or written as the contract wants.
        """
        name = self.table.name
        columns = self._columns(session, name)
        if columns is None:
            return None
        missing = [column for column in _CONTRACT if column not in columns]
        if missing:
            raise HistoryError(
                f'the history table "{name}" has no column {", ".join(missing)}',
                hint="it needs version, name and applied_at; " + _OTHER_NAME,
            )
        for column, (_, demands_value) in columns.items():
            if demands_value and column not in {*_CONTRACT, *_OURS}:
                raise HistoryError(
                    f'the history table "{name}" wants a value for its column {column}, '
                    "which Banister does not know",
                    hint=f"give {column} a DEFAULT, or drop it; " + _OTHER_NAME,
                )
        if not self._is_unique(session, name):
            raise HistoryError(
                f'the history table "{name}" has no unique key on version: '
                "one migration could be recorded twice",
                hint=f"{self.queries['unique_key']};",
            )
        return {column: kind for column, (kind, _) in columns.items()}

    def _columns(self, session: Session, name: str) -> dict[str, tuple[str, bool]] | None:
        """Return declared types and whether a row must give a value, by name in lower case."""
        found = session.execute(self.queries["find_object"], [name])
        if not found:
            return None
        if found[0][0] != "table":
            raise HistoryError(f'"{name}" is a view, not a table', hint="drop it, " + _OTHER_NAME)
        return {
            column.lower(): (kind, bool(not_null and default is None and not key and not hidden))
            for column, kind, not_null, default, key, hidden in session.execute(
                self.queries["columns"], [name]
            )
        }

    def _is_unique(self, session: Session, name: str) -> bool:
        rows = session.execute(self.queries["columns"], [name])
        keys: list[list[Any]] = [[column for column, _, _, _, key, _ in rows if key]]
        for (index,) in session.execute(self.queries["unique_indexes"], [name]):
            parts = session.execute(self.queries["index_columns"], [index])
            keys.append([column for (column,) in parts])
        return any([str(part).lower() for part in key] == ["version"] for key in keys)


def _order_of_application(row: HistoryRow) -> tuple[datetime, int]:
    moment = row.applied_at or datetime.min.replace(tzinfo=UTC)
    number = cells.read_number(row.version)
    return moment, -1 if number is None else number
