"""What kind of token stands at given places of a text. No I/O."""

from bisect import bisect_right
from collections.abc import Sequence

from banister.model import Dialect, Statement
from banister.script.tokens import Token, tokens

__all__ = ["kinds_at"]


def kinds_at(
    text: str, statements: Sequence[Statement], offsets: Sequence[int], dialect: Dialect
) -> list[Token | None]:
    """Return the token that covers each of `offsets`, which ascend; None inside COPY rows.

    Only the statements, and the gaps between them, that hold an offset are read.
    """
    starts = [statement.start for statement in statements]
    found: list[Token | None] = []
    stretch: list[Token] = []
    known = (-1, -1)
    for offset in offsets:
        number = bisect_right(starts, offset) - 1
        begin, end = _stretch(text, statements, number, offset)
        if begin < 0:
            found.append(None)
            continue
        if (begin, end) != known:
            known = begin, end
            stretch = list(tokens(text, dialect, begin, end))
        at = bisect_right(stretch, offset, key=lambda token: token.start) - 1
        found.append(stretch[at] if at >= 0 else None)
    return found


def _stretch(
    text: str, statements: Sequence[Statement], number: int, offset: int
) -> tuple[int, int]:
    """Return the bounds of the statement or gap that holds `offset`; (-1, -1) inside rows."""
    following = statements[number + 1].start if number + 1 < len(statements) else len(text)
    if number < 0:
        return 0, following
    statement = statements[number]
    end = statement.start + len(statement.text)
    if offset < end:
        return statement.start, end
    if statement.copy_start is not None and statement.copy_end is not None:
        if statement.copy_start <= offset < statement.copy_end:
            return -1, -1
        if offset >= statement.copy_end:
            return statement.copy_end, following
    return end, following
