"""The rows of a database as data that can be compared, and what became of them. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Contents", "RowChange", "RowLoss", "TableRows", "Unfilled"]

#: A value as text; None is NULL.
_Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The rows of one table at one moment. Generated columns are left out: others make them."""

    #: As people write it: quoted where it must be, without the schema where that is public.
    table: str
    #: In their order, as people write them.
    columns: tuple[str, ...]
    #: By the key, where there is one; otherwise by all columns.
    rows: tuple[_Row, ...]
    #: Columns that no two rows have the same values in, and no row a NULL; empty: there are none.
    key: tuple[str, ...] = ()
    #: False: there are more rows than were read.
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled:
    """A table that holds no rows, or could not be read, and why."""

    table: str
    reason: str

    def __str__(self) -> str:
        """Return both, such as `users: new row … violates check constraint "users_age_check"`."""
        return f"{self.table}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The rows of all tables at one moment, without Banister's own tables."""

    #: By the table's name.
    tables: Mapping[str, TableRows] = field(default_factory=dict)
    #: Tables that could not be read.
    unread: tuple[Unfilled, ...] = ()


class RowChange(StrEnum):
    """What became of rows or values."""

    LOST = "lost"
    CHANGED = "changed"
    ADDED = "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLoss:
    """What became of some rows of a table, or of their values in one column."""

    table: str
    #: None: whole rows.
    column: str | None = None
    rows: int
    change: RowChange

    def __str__(self) -> str:
        """Return it in words that follow "rolling back": `loses users.note (3 rows)`."""
        count = "1 row" if self.rows == 1 else f"{self.rows} rows"
        if self.column is not None:
            verb = "loses" if self.change is RowChange.LOST else "changes"
            return f"{verb} {self.table}.{self.column} ({count})"
        match self.change:
            case RowChange.LOST:
                return f"deletes {count} of {self.table}"
            case RowChange.ADDED:
                return f"adds {count} to {self.table}"
        return f"changes {count} of {self.table}"
