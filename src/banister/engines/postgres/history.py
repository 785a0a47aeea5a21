"""The history table and its log on PostgreSQL: reading, making, extending, writing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import Connection
from banister.engines.postgres.tables import (
    OURS,
    TEXT_TYPES,
    TIME_TYPES,
    Column,
    Shape,
    check_columns,
    check_log,
    check_room,
)
from banister.errors import HistoryError
from banister.model import (
    AppliedMigration,
    History,
    HistoryTable,
    LogEntry,
    RunInfo,
    Step,
    Version,
)
from banister.planning import HistoryRow, LogRow, recall, version_in

__all__ = ["HistoryStore", "Identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The tables as they were when the run began: a file must not put others in their place."""

    history_oid: int
    log_oid: int
    #: Types of the history table's columns.
    types: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class HistoryStore:
    """SQL around one history table, over whatever connection it is handed."""

    table: HistoryTable
    #: Named queries of queries.sql.
    queries: Mapping[str, str]

    @property
    def qualified(self) -> str:
        """The quoted name of the history table with its schema."""
        return sql.Identifier(self.table.schema, self.table.name).as_string(None)

    @property
    def qualified_log(self) -> str:
        """The quoted name of the log with its schema."""
        return sql.Identifier(self.table.schema, self.table.log_name).as_string(None)

    def read(self, connection: Connection, *, stored_downs: bool) -> History:
        """Return what the tables hold; a missing table is an empty history.

        Raises HistoryError when the table there cannot serve. Writes nothing.
        """
        shape = self._shape(connection, self.table.name)
        rows = (
            [] if shape is None else self._read_rows(connection, shape, stored_downs=stored_downs)
        )
        log: list[LogRow] = []
        log_shape = self._shape(connection, self.table.log_name)
        if log_shape is not None:
            check_log(self.table, log_shape)
            self._check_readable(connection, log_shape, self.table.log_name)
            log = [
                LogRow(
                    event=event, version=version, name=name, direction=direction,
                    statement=statement, checksum=checksum, detail=detail,
                )
                for event, version, name, direction, statement, checksum, detail
                in self._run(connection, "read_log")
            ]  # fmt: skip
        new = shape is None and not self._run(connection, "user_tables")[0][0]
        return recall(rows, log, table=self.table, database_is_new=new)

    def check_room(self, connection: Connection, steps: Sequence[Step]) -> None:
        """Raise HistoryError where the table there cannot hold the records of these steps."""
        shape = self._shape(connection, self.table.name)
        if shape is not None:
            check_room(self.table, shape, steps)

    def prepare(self, connection: Connection, *, user: str) -> Identity:
        """Make the tables, or add our columns to another runner's. Call inside a transaction.

        Raises HistoryError where that, or writing them as `user`, is not allowed.
        """
        shape = self._shape(connection, self.table.name)
        to_make = partial(self._advice_to_make, user)
        if shape is None:
            self._change(connection, to_make, "create_history", "comment_history")
        else:
            self._check(connection, shape)
            if not set(OURS) <= shape.types.keys():
                sql_for_owner = self._compose("extend_history").as_string(None)
                to_extend = f"let its owner run: {sql_for_owner}"
                self._change(connection, lambda _: to_extend, "extend_history")
        if self._shape(connection, self.table.log_name) is None:
            parts = ("create_log", "index_log", "comment_log", "protect_log")
            self._change(connection, to_make, *parts)
        self._check_writable(connection)
        made = self._shape(connection, self.table.name)
        return Identity(
            types=made.types if made else {},
            history_oid=self._oid(connection, self.qualified),
            log_oid=self._oid(connection, self.qualified_log),
        )

    def still_ours(
        self, connection: Connection, identity: Identity, *, high: int, low: int
    ) -> Callable[[], tuple[bool, bool, bool]]:
        """Ask whether the runner lock is held here, both tables are the same, and untouched.

        Untouched: this transaction has neither written to them nor altered them. What is returned
        gives the answer, which may share its round trip with others.
        """
        values = {
            "high": high, "low": low,
            "history": self.qualified, "history_oid": identity.history_oid,
            "log": self.qualified_log, "log_oid": identity.log_oid,
        }  # fmt: skip
        cursor = connection.execute(self._compose("still_ours"), values)

        def answer() -> tuple[bool, bool, bool]:
            ((locked, history_same, log_same, untouched),) = cursor.fetchall()
            return locked, history_same and log_same, untouched

        return answer

    def insert(
        self,
        connection: Connection,
        row: AppliedMigration,
        run: RunInfo,
        identity: Identity,
        *,
        not_before: datetime | None,
    ) -> Callable[[], datetime | None]:
        """Add a row, whose time of application is later than `not_before`.

        What is returned gives that time, and raises HistoryError where the table took no row; the
        answer may share its round trip with others.
        """
        types = identity.types
        values = {
            "version": self._spell(types, row.version), "name": row.name,
            "not_before": not_before,
            "up_checksum": row.up_checksum, "down_checksum": row.down_checksum,
            "down_text": row.down_text, "duration_ms": row.duration_ms, "run_id": run.run_id,
        }  # fmt: skip
        query = self._compose(
            "insert_applied",
            applied_at=_read_time(types["applied_at"]),
            applied_at_value=_write_time(types["applied_at"]),
        )
        cursor = connection.execute(query, values)

        def applied_at() -> datetime | None:
            rows = cursor.fetchall()
            if not rows:
                raise HistoryError(
                    f"the history table {self.table} took no row for version {row.version}",
                    state=f"{row.version} was rolled back",
                    hint="look for triggers and rules on that table",
                )
            at: datetime | None = rows[0][0]
            return at

        return applied_at

    def delete(self, connection: Connection, version: Version) -> int:
        """Remove the row of a version, however it is spelled there; return how many there were."""
        delete = self._compose("delete_applied")
        # Nearly always as the plan writes it: to look for others takes a look at all rows.
        removed = connection.execute(delete, {"version": version.text}).rowcount
        if removed:
            return removed
        for text in self._spellings(connection, version):
            removed += connection.execute(delete, {"version": text}).rowcount
        return removed

    def accept(self, connection: Connection, row: AppliedMigration) -> None:
        """Replace the name, checksums and kept down text of a version's row."""
        for text in self._spellings(connection, row.version):
            values = {
                "version": text, "name": row.name, "up_checksum": row.up_checksum,
                "down_checksum": row.down_checksum, "down_text": row.down_text,
            }  # fmt: skip
            self._run(connection, "update_accepted", values)

    def versions(self, connection: Connection) -> frozenset[Version]:
        """Return the versions that are recorded now."""
        texts = self._run(connection, "applied_versions")
        return frozenset(version for (text,) in texts if (version := version_in(text)) is not None)

    def log(self, connection: Connection, entries: Sequence[LogEntry], run: RunInfo) -> None:
        """Add events, in their order. Call inside a transaction."""
        for entry in entries:
            values = {
                "run_id": run.run_id, "who": run.who, "host": run.host,
                "tool_version": run.tool_version, "event": entry.event,
                "version": entry.version and entry.version.text, "name": entry.name,
                "direction": entry.direction, "statement": entry.statement,
                "checksum": entry.checksum, "duration_ms": entry.duration_ms,
                "detail": entry.detail,
            }  # fmt: skip
            connection.execute(self._compose("insert_log"), values)

    def _spellings(self, connection: Connection, version: Version) -> list[str]:
        """Return how a version is written in the table: "1", "001", "001_name"."""
        texts = self._run(connection, "applied_versions")
        return [text for (text,) in texts if version_in(text) == version]

    @staticmethod
    def _spell(types: Mapping[str, str], version: Version) -> str:
        return version.text if types["version"] in TEXT_TYPES else str(version.number)

    def _read_rows(
        self, connection: Connection, shape: Shape, *, stored_downs: bool
    ) -> list[HistoryRow]:
        self._check(connection, shape)
        wanted = [name for name in OURS[:4] if name in shape.types]
        if not stored_downs:
            wanted = [name for name in wanted if name != "down_text"]
        extra = sql.SQL("").join(sql.SQL(", ") + sql.Identifier(name) for name in wanted)
        if "down_text" in shape.types:
            extra += sql.SQL(", down_text IS NOT NULL")
            wanted.append("down_kept")
        rows = self._run(
            connection,
            "read_history",
            applied_at=_read_time(shape.types["applied_at"]),
            version_number=_version_order(shape.types["version"]),
            extra=extra,
        )
        return [
            HistoryRow(version=row[0], name=row[1], applied_at=row[2],
                       **dict(zip(wanted, row[3:], strict=True)))
            for row in rows
        ]  # fmt: skip

    def _shape(self, connection: Connection, name: str) -> Shape | None:
        rows = self._run(connection, "table_shape", {"schema": self.table.schema, "table": name})
        if not rows:
            return None
        if rows[0][3] not in {"r", "p"}:
            raise HistoryError(
                f"{self.table.schema}.{name} is not a table",
                hint="name another table with `history_table` in the settings",
            )
        return Shape(
            oid=rows[0][2],
            columns={row[0]: Column(kind=row[1], bound=row[4], demands=row[5]) for row in rows},
        )

    def _check(self, connection: Connection, shape: Shape) -> None:
        """Refuse a table that could lose or hide rows."""
        check_columns(self.table, shape)
        unique, secured, owner, owned = self._check_readable(connection, shape, self.table.name)
        if secured and not owned:
            raise HistoryError(
                f"the history table {self.table} is under row level security, which may hide rows",
                hint=f"ALTER TABLE {self.qualified} DISABLE ROW LEVEL SECURITY; "
                f"its owner is {owner}",
            )
        if not unique:
            raise HistoryError(
                f"the history table {self.table} has no unique key on version: two runs could "
                "record one migration twice",
                hint=f"ALTER TABLE {self.qualified} ADD PRIMARY KEY (version);",
            )

    def _change(
        self, connection: Connection, hint: Callable[[psycopg.Error], str], *queries: str
    ) -> None:
        """Run what makes or extends a table; `hint` says what to do where that is not allowed."""
        try:
            for query in queries:
                self._run(connection, query)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as error:
            raise HistoryError(
                f"the history table {self.table} cannot be made or extended: {first_line(error)}",
                hint=hint(error),
            ) from error

    def _advice_to_make(self, user: str, error: psycopg.Error) -> str:
        schema = sql.Identifier(self.table.schema).as_string(None)
        role = sql.Identifier(user).as_string(None)
        missing = isinstance(error, psycopg.errors.InvalidSchemaName)
        make = f"CREATE SCHEMA {schema} AUTHORIZATION {role};"
        grant = f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};"
        elsewhere = "or name a schema of this role's own with `history_schema` in the settings"
        return f"{make if missing else grant} {elsewhere}"

    def _check_writable(self, connection: Connection) -> None:
        """Refuse to begin what could not be recorded."""
        names = {"history": self.qualified, "log": self.qualified_log}
        history, log, user = self._run(connection, "write_rights", names)[0]
        if history and log:
            return
        table = self.table if not history else f"{self.table.schema}.{self.table.log_name}"
        role = sql.Identifier(user).as_string(None)
        raise HistoryError(
            f"this role may not write the history table {table}",
            hint=f"GRANT SELECT, INSERT, UPDATE, DELETE ON {self.qualified} TO {role}; "
            f"GRANT SELECT, INSERT ON {self.qualified_log} TO {role};",
        )

    def _check_readable(
        self, connection: Connection, shape: Shape, name: str
    ) -> tuple[bool, bool, str, bool]:
        """Refuse a table that may not be read; return its other rights."""
        unique, secured, readable, owner, owned = self._run(
            connection, "table_rights", {"oid": shape.oid}
        )[0]
        if not readable:
            raise HistoryError(
                f"this role may not read the history table {self.table.schema}.{name}",
                hint=f"GRANT SELECT, INSERT, UPDATE, DELETE ON {self.qualified} TO …; "
                f"GRANT SELECT, INSERT ON {self.qualified_log} TO …; its owner is {owner}",
            )
        return unique, secured, owner, owned

    def _oid(self, connection: Connection, name: str) -> int:
        oid: int = self._run(connection, "table_oid", {"name": name})[0][0]
        return oid

    def _compose(self, query: str, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(self.queries[query]).format(
            history=sql.Identifier(self.table.schema, self.table.name),
            log=sql.Identifier(self.table.schema, self.table.log_name),
            **parts,
        )

    def _run(
        self,
        connection: Connection,
        query: str,
        values: Mapping[str, object] | None = None,
        **parts: sql.Composable,
    ) -> list[tuple[Any, ...]]:
        """Run a named query and return its rows, or none where it gives none."""
        cursor = connection.execute(self._compose(query, **parts), values or {})
        return cursor.fetchall() if cursor.description else []


def _read_time(kind: str) -> sql.SQL:
    if kind in TIME_TYPES:
        return sql.SQL("applied_at::pg_catalog.timestamptz")
    return sql.SQL("NULL::pg_catalog.timestamptz")


def _write_time(kind: str) -> sql.SQL:
    value = (
        "greatest(pg_catalog.clock_timestamp(), %(not_before)s::pg_catalog.timestamptz "
        "OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval)"
    )
    return sql.SQL(value if kind in TIME_TYPES else f"({value})::pg_catalog.text")


def _version_order(kind: str) -> sql.SQL:
    if kind in TEXT_TYPES:
        return sql.SQL("pg_catalog.length(version::pg_catalog.text)")
    return sql.SQL("version")
