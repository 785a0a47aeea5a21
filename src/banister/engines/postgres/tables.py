"""What a history table and its log must be like before anything is run: pure, from the catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from psycopg import sql

from banister.errors import HistoryError
from banister.model import Direction, HistoryTable, Step

__all__ = [
    "NUMBER_TYPES",
    "OURS",
    "TEXT_TYPES",
    "TIME_TYPES",
    "Column",
    "Shape",
    "check_columns",
    "check_log",
    "check_room",
]

OURS = ("up_checksum", "down_checksum", "down_text", "duration_ms", "run_id")
TEXT_TYPES = frozenset({"text", "character varying", "character"})
NUMBER_TYPES = frozenset({"smallint", "integer", "bigint", "numeric"})
TIME_TYPES = frozenset({"timestamp with time zone", "timestamp without time zone"})

_CONTRACT = ("version", "name", "applied_at")
_LOG = frozenset({
    "id", "at", "run_id", "event", "version", "name", "direction", "statement", "checksum",
    "duration_ms", "detail", "who", "host", "tool_version", "db_user", "backend_pid",
})  # fmt: skip
_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
#: Characters of a moment as the server writes it, in any of its styles.
_LONGEST_TIME = 40
_OTHER_NAME = "or name another table with `history_table` in the settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table that is there."""

    kind: str
    #: The catalog's atttypmod: bounds of the type; -1: none.
    bound: int
    #: Whether a row must give a value.
    demands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The columns of a table that is there."""

    oid: int
    columns: Mapping[str, Column]

    @property
    def types(self) -> Mapping[str, str]:
        """Types by column."""
        return {name: column.kind for name, column in self.columns.items()}


def check_columns(table: HistoryTable, shape: Shape) -> None:
    """Raise HistoryError for columns that cannot be read or written as the contract wants."""
    missing = [name for name in _CONTRACT if name not in shape.columns]
    if missing:
        raise HistoryError(
            f"the history table {table} has no column {', '.join(missing)}",
            hint=f"it needs version, name and applied_at; {_OTHER_NAME}",
        )
    version_type, time_type = shape.types["version"], shape.types["applied_at"]
    if version_type not in TEXT_TYPES | NUMBER_TYPES:
        raise HistoryError(
            f"the history table {table} has a version of type {version_type}",
            hint="it must be text or an integer",
        )
    if time_type not in TIME_TYPES | TEXT_TYPES:
        raise HistoryError(
            f"the history table {table} has an applied_at of type {time_type}",
            hint="it must be a timestamp",
        )
    for name, column in shape.columns.items():
        if column.demands and name not in {*_CONTRACT, *OURS}:
            raise HistoryError(
                f"the history table {table} wants a value for its column {name}, which Banister "
                "does not know",
                hint=_alter(table, name, "DROP NOT NULL", "give it a DEFAULT, " + _OTHER_NAME),
            )


def check_log(table: HistoryTable, shape: Shape) -> None:
    """Raise HistoryError where another tool's table stands under the name of our log."""
    missing = ", ".join(sorted(_LOG - shape.columns.keys()))
    if missing:
        raise HistoryError(
            f"the table {table.schema}.{table.log_name} is not Banister's log: it has no column "
            f"{missing}",
            hint=f"rename it, {_OTHER_NAME}, beside which the log stands",
        )


def check_room(table: HistoryTable, shape: Shape, steps: Iterable[Step]) -> None:
    """Raise HistoryError where the record of a step would not fit into its columns."""
    versions, names = shape.columns["version"], shape.columns["name"]
    for step in steps:
        if step.direction is Direction.DOWN:
            continue
        if not _fits(versions, step.version.text, step.version.number):
            wider = "text" if versions.kind in TEXT_TYPES else "numeric"
            if versions.kind in _LARGEST and step.version.number <= _LARGEST["bigint"]:
                wider = "bigint"
            raise _too_small(table, "version", versions, step.version.text, wider)
        if not _fits(names, step.name):
            raise _too_small(table, "name", names, f'"{step.name}"', "text")
    times = shape.columns["applied_at"]
    if not _fits(times, "x" * _LONGEST_TIME):
        raise _too_small(table, "applied_at", times, "a time with its zone", "text")


def _fits(column: Column, text: str, number: int = 0) -> bool:
    """Whether a column takes a text, or a number where it holds numbers.

    https://www.postgresql.org/docs/18/catalog-pg-attribute.html: atttypmod; it is the length plus
    4, and for numeric the precision in its upper half and the scale in its lower 11 bits.
    """
    if column.kind in _LARGEST:
        return number <= _LARGEST[column.kind]
    if column.bound < 0:
        return True
    bound = column.bound - 4
    if column.kind == "numeric":
        scale = ((bound & 0x7FF) ^ 0x400) - 0x400
        return len(str(number)) <= (bound >> 16) - scale
    return column.kind not in TEXT_TYPES or len(text) <= bound


def _too_small(
    table: HistoryTable, name: str, column: Column, what: str, wider: str
) -> HistoryError:
    return HistoryError(
        f"the history table {table} cannot record {what}: its column {name} of type {column.kind} "
        "is too small",
        state="nothing was run",
        hint=_alter(table, name, f"TYPE {wider}", _OTHER_NAME),
    )


def _alter(table: HistoryTable, column: str, how: str, otherwise: str) -> str:
    name = sql.Identifier(table.schema, table.name).as_string(None)
    quoted = sql.Identifier(column).as_string(None)
    return f"ALTER TABLE {name} ALTER COLUMN {quoted} {how}; {otherwise}"
