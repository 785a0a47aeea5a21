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
    if not offsets:
        return []
    first = window.mark.offset
    rows = _rows(window)
    found: list[Token | None] = []
    stretch: list[Token] = []
    known = (-1, -1)
    for offset in offsets:
        at = bisect_right(rows, offset, key=lambda bounds: bounds[0]) - 1
        if at >= 0 and offset < rows[at][1]:
            found.append(None)
            continue
        bounds = _stretch(window, rows, offset)
        if bounds != known:
            known = bounds
            stretch = [
                Token(token.kind, token.start + first, token.end + first, token.closed)
                for token in tokens(window.text, dialect, bounds[0] - first, bounds[1] - first)
            ]
        at = bisect_right(stretch, offset, key=lambda token: token.start) - 1
        found.append(stretch[at] if at >= 0 else None)
    return found


def _rows(window: Window) -> list[tuple[int, int]]:
    """Return the bounds of all COPY rows; those of several COPY on one line follow each other."""
    return sorted(
        (statement.copy_start, statement.copy_end)
        for statement in window.statements
        if statement.copy_start is not None and statement.copy_end is not None
    )


def _stretch(window: Window, rows: Sequence[tuple[int, int]], offset: int) -> tuple[int, int]:
    """Return the bounds of the statement or gap that holds `offset`, which is in no rows."""
    statements = window.statements
    number = bisect_right(statements, offset, key=lambda statement: statement.start) - 1
    begin = window.mark.offset
    if number >= 0:
        end = statements[number].start + len(statements[number].text)
        if offset < end:
            return statements[number].start, end
        begin = end
    last = min(window.end, window.mark.offset + len(window.text))
    following = statements[number + 1].start if number + 1 < len(statements) else last
    before = bisect_right(rows, offset, key=lambda bounds: bounds[0])
    if before:
        begin = max(begin, rows[before - 1][1])
    if before < len(rows):
        following = min(following, rows[before][0])
    return begin, following
