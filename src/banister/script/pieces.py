"""What splitting a text gives before lines are counted: pieces and problems. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Beyond", "Piece", "Problem", "Split"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a text cannot be split at some place."""

    #: Stable name, for example "unterminated_string".
    code: str
    #: Offset in characters.
    offset: int
    message: str
    #: What to do about it.
    hint: str | None = None


class Piece(NamedTuple):
    """Where a statement stands; a plain tuple, since a text has very many of them."""

    start: int
    end: int
    copy_start: int | None = None
    copy_end: int | None = None


class Split(NamedTuple):
    """A text, split."""

    pieces: list[Piece]
    problems: list[Problem]
    #: Where what is whole ends: the rest belongs to a statement, comment or line that goes on.
    end: int


#: Where the rows that begin at an offset end, and where the text goes on behind them; both may lie
#: behind the end of the text at hand.
Beyond = Callable[[int], tuple[int, int]]
