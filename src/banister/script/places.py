"""What kind of token stands at given places of a text. No I/O."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from banister.model import Dialect
from banister.script.tokens import Token, tokens
from banister.script.windows import Window

__all__ = ["found_in", "kinds_at"]


def found_in(window: Window, pattern: re.Pattern[str], start: int = 0) -> list[int]:
    """Return where `pattern` is found in the text of a window, as offsets in the whole text."""
    first = window.mark.offset
    end = min(len(window.text), window.end - first)
    return [
        first + match.start() for match in pattern.finditer(window.text, max(0, start - first), end)
    ]


def kinds_at(window: Window, offsets: Sequence[int], dialect: Dialect) -> list[Token | None]:
    """Return the token that covers each of `offsets`, which ascend; None inside COPY rows.

    Offsets are those in the whole text, of the tokens too. Only the statements, and the gaps
    between them, that hold an offset are read.
    """
    first = window.mark.offset
    found: list[Token | None] = []
    stretch: list[Token] = []
    known = (-1, -1)
    for offset in offsets:
        begin, end = _stretch(window, offset)
        if begin < 0:
            found.append(None)
            continue
        if (begin, end) != known:
            known = begin, end
            stretch = [
                Token(token.kind, token.start + first, token.end + first, token.closed)
                for token in tokens(window.text, dialect, begin - first, end - first)
            ]
        at = bisect_right(stretch, offset, key=lambda token: token.start) - 1
        found.append(stretch[at] if at >= 0 else None)
    return found


def _stretch(window: Window, offset: int) -> tuple[int, int]:
    """Return the bounds of the statement or gap that holds `offset`; (-1, -1) inside rows."""
    statements = window.statements
    number = bisect_right(statements, offset, key=lambda statement: statement.start) - 1
    last = min(window.end, window.mark.offset + len(window.text))
    following = statements[number + 1].start if number + 1 < len(statements) else last
    if number < 0:
        return window.mark.offset, following
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
