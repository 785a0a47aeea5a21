"""Colour and alignment of plain text. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

__all__ = ["Style", "columns", "display_width", "duration", "plural", "size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How text is marked; without colour every mark is the text itself."""

    colour: bool = False

    def _mark(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text

    def good(self, text: str) -> str:
        """What is done and right."""
        return self._mark(text, "32")

    def warn(self, text: str) -> str:
        """What wants a look."""
        return self._mark(text, "33")

    def bad(self, text: str) -> str:
        """What failed."""
        return self._mark(text, "1;31")

    def dim(self, text: str) -> str:
        """What may be passed over."""
        return self._mark(text, "2")

    def bold(self, text: str) -> str:
        """What matters most on a line."""
        return self._mark(text, "1")


def columns(
    rows: Sequence[Sequence[tuple[str, str]]], *, at_least: Sequence[int] | None = None
) -> list[str]:
    """Align rows of (plain, marked) cells, indented by two spaces; empty columns vanish.

    `at_least`: how wide each column is where no cell of it is wider.
    """
    if not rows:
        return []
    least = at_least or [0] * len(rows[0])
    widths = [
        max(width, *(len(row[index][0]) for row in rows)) for index, width in enumerate(least)
    ]
    lines = []
    for row in rows:
        cells = [
            marked + " " * (width - len(plain))
            for (plain, marked), width in zip(row, widths, strict=True)
            if width
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def duration(milliseconds: int) -> str:
    """Return a length of time as people read it."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(milliseconds // 1000, 60)
    return f"{minutes} min {rest} s"


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    from banister.model import TableSize  # noqa: PLC0415 -- few who need a style need sizes
    from banister.rehearsal.sizes import size_words  # noqa: PLC0415 -- as above

    return size_words(TableSize(size_bytes=count))


def plural(count: int, noun: str) -> str:
    """Return the count with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def display_width(text: str) -> int:
    """Return how many columns of a terminal `text` takes: wide characters two, marks none."""
    wide = sum(east_asian_width(char) in {"W", "F"} for char in text)
    return len(text) + wide - sum(combining(char) != 0 for char in text)
