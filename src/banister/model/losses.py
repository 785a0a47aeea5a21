"""What statements are about to take away. No I/O."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Loss", "LossKind"]


class LossKind(StrEnum):
    """How a statement takes rows away."""

    #: All rows of the table: DROP TABLE, TRUNCATE.
    ALL = "all"
    #: The values of some columns, in every row.
    COLUMNS = "columns"
    #: The rows that are gone after the statement.
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a statement of a step is about to take away."""

    #: From 1.
    statement: int
    kind: LossKind
    #: As people write it: quoted where it must be, without the schema where that is public.
    table: str
    #: COLUMNS: which ones.
    columns: tuple[str, ...] = ()
