"""What a table asks of its rows: types, constraints, references. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["CheckShape", "ColumnShape", "ReferenceShape", "TableShape", "in_reference_order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShape:
    """A column that takes values: generated ones are left out."""

    name: str
    #: What a value is cast to.
    type: str
    #: The type that values are made for: that of a domain is the one behind it.
    base: str
    nullable: bool
    #: Whether it is part of a key, so that its values should not meet those of migrations.
    in_key: bool = False
    #: Rows that the table has already: values of keys begin behind those that they may have.
    taken: int = 0
    #: The only values there are, of an enum.
    labels: tuple[str, ...] = ()
    #: Conditions of its domains, about `value`.
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckShape:
    """A condition on the columns of a row."""

    name: str
    condition: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceShape:
    """Columns that hold what columns of another table hold."""

    columns: tuple[str, ...]
    #: The number of the other table.
    table: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShape:
    """A table that takes rows."""

    #: What references name it by.
    number: int
    #: As people write it.
    display: str
    columns: tuple[ColumnShape, ...]
    checks: tuple[CheckShape, ...] = ()
    references: tuple[ReferenceShape, ...] = ()


def in_reference_order(tables: Iterable[TableShape]) -> list[TableShape]:
    """Return tables so that what a table refers to stands before it, as far as that is possible.

    In a circle, columns that take NULL do not count; where that is not enough, the first stays.
    """
    left = {table.number: table for table in tables}
    done: list[TableShape] = []
    for every in (True, False):
        moved = True
        while moved:
            moved = False
            for table in list(left.values()):
                if not _waits(table, left, every=every):
                    done.append(left.pop(table.number))
                    moved = True
    return [*done, *left.values()]


def _waits(table: TableShape, left: dict[int, TableShape], *, every: bool) -> bool:
    nullable = {column.name for column in table.columns if column.nullable}
    return any(
        reference.table in left
        and reference.table != table.number
        and (every or not nullable & {*reference.columns})
        for reference in table.references
    )
