"""Tables of wrapped cells for a terminal, and wrapped text. No I/O."""

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest

from banister.report.style import display_width

__all__ = ["Cell", "Mark", "cut", "rows", "wrap"]

Mark = Callable[[str], str]
#: The lines of a cell, each as it is and as it is marked.
Cell = list[tuple[str, str]]

_GAP = 2
#: A number stays with its unit, and with what it is the number of.
_TOGETHER = re.compile(
    r"(?<=\d) (?=(?:[kMG] )?rows?\b|bytes\b|[kMGTP]B\b)"
    r"|(?<=\d [kMG]) (?=rows?\b)|(?<=\bline) (?=\d)"
)
_NO_BREAK = "\N{NO-BREAK SPACE}"


def wrap(text: str, width: int, most: int | None = None) -> list[str]:
    """Break a text into lines of that width at its spaces, where a word is too long inside of it.

    Of more than `most` lines the rest is left out, and an ellipsis says so.
    """
    lines, line = [], ""
    for part in _TOGETHER.sub(_NO_BREAK, text).split(" "):
        word = part.replace(_NO_BREAK, " ")
        joined = f"{line} {word}" if line else word
        if display_width(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while display_width(line) > width:
            fits = _fitting(line, width)
            lines.append(line[:fits])
            line = line[fits:]
    lines.append(line)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], cut(f"{lines[most - 1]}…", width)]
    return lines


def cut(text: str, width: int) -> str:
    """Return a text of no more than that width; an ellipsis stands for the rest."""
    if display_width(text) <= width:
        return text
    return text[: _fitting(text, width - 1)].rstrip(" …") + "…"


def rows(cells: Sequence[Cell], widths: Sequence[int], indent: int) -> list[str]:
    """Return the lines of one row of a table."""
    told = []
    for parts in zip_longest(*cells, fillvalue=("", "")):
        line = " " * indent
        for (plain, marked), width in zip(parts, widths, strict=True):
            line += marked + " " * (max(0, width - display_width(plain)) + _GAP)
        told.append(line.rstrip())
    return told


def _fitting(text: str, width: int) -> int:
    """Return how many characters fit into that width, one at least."""
    taken = 0
    for number, char in enumerate(text):
        taken += display_width(char)
        if taken > width:
            return max(1, number)
    return len(text)
