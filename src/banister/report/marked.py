"""The part of a Markdown file between two markers: found, compared, replaced. No I/O."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from banister.errors import UsageError
from banister.model import Source

__all__ = ["BEGIN", "END", "LineChange", "MarkedText", "marked_text"]

BEGIN = "<!-- banister:rollback:begin -->"
END = "<!-- banister:rollback:end -->"

_LINE = re.compile(r"(?P<line>[^\r\n]*)(?P<end>\r\n|\n|\r|\Z)")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<more>.*)")
_CELL_END = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """One line that is not what it should be."""

    #: In the file as it is, from 1; of a line that is missing, where it belongs.
    number: int
    #: None: it is not there, or should not be.
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class MarkedText:
    """A text with a place for generated lines, which keep the line ends of the file."""

    #: Up to and with the first marker's line end; from the second marker on.
    head: str
    tail: str
    #: The lines in between, without line ends.
    lines: tuple[str, ...]
    #: The number of the first of them, from 1.
    first: int
    #: What lines end with.
    line_end: str

    def changes(self, lines: Sequence[str]) -> tuple[LineChange, ...]:
        """Return what would change if these lines stood there; white space in tables is free."""
        there = [(number, line) for number, line in enumerate(self.lines) if line.strip()]
        wanted = [line for line in lines if line.strip()]
        old, new = [_cells(line) for _, line in there], [_cells(line) for line in wanted]
        start = _common(old, new)
        end = min(_common(old[::-1], new[::-1]), len(old) - start, len(new) - start)
        gone, come = there[start : len(there) - end], wanted[start : len(wanted) - end]
        at = next((number for number, _ in there[start:]), len(self.lines))
        found = []
        for place in range(max(len(gone), len(come))):
            is_there, is_wanted = place < len(gone), place < len(come)
            found.append(
                LineChange(
                    number=self.first + (gone[place][0] if is_there else at),
                    before=gone[place][1] if is_there else None,
                    after=come[place] if is_wanted else None,
                )
            )
        return tuple(found)

    def with_lines(self, lines: Sequence[str]) -> str:
        """Return the text with these lines between the markers, set off by empty ones."""
        return self.head + self.line_end.join(["", *lines, "", ""]) + self.tail


def marked_text(text: str, path: str) -> MarkedText:
    """Find the markers in a text. Raises UsageError where they are not there once and in order.

    Those inside fenced blocks are examples.
    """
    source = Source(path=path, text=text)
    begins = [found for found in _markers(text) if found.marker == BEGIN]
    ends = [found for found in _markers(text) if found.marker == END]
    if not begins and not ends:
        raise UsageError(
            f"{path} has no place for the table",
            hint=f"put these two lines where it is to stand:\n{BEGIN}\n{END}",
        )
    for marker, found, other in ((BEGIN, begins, ends), (END, ends, begins)):
        if not found:
            raise _misplaced(source, other[0], f"there is no {marker}")
        if len(found) > 1:
            raise _misplaced(source, found[1], f"{marker} stands there twice")
    begin, end = begins[0], ends[0]
    if end.start < begin.start:
        raise _misplaced(source, end, f"{END} stands above {BEGIN}")
    return MarkedText(
        head=text[: begin.end],
        tail=text[end.start :],
        first=source.line_and_column(begin.end)[0],
        lines=tuple(re.split(r"\r\n|\n|\r", text[begin.end : end.start])[:-1]),
        line_end=begin.line_end,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marker:
    """A line that is a marker."""

    marker: str
    #: Offsets of the line and of the one below it.
    start: int
    end: int
    line_end: str


def _markers(text: str) -> Iterator[_Marker]:
    fence = ""
    for found in _LINE.finditer(text):
        line = found["line"]
        mark = _FENCE.fullmatch(line)
        if fence:
            closes = mark and mark["fence"].startswith(fence) and not mark["more"].strip()
            fence = "" if closes else fence
        elif mark is not None:
            fence = mark["fence"]
        elif (said := line.strip("\ufeff \t")) in {BEGIN, END}:
            yield _Marker(marker=said, start=found.start(), end=found.end(), line_end=found["end"])


def _misplaced(source: Source, marker: _Marker, what: str) -> UsageError:
    return UsageError(
        f"the place for the table in {source.path} cannot be told: {what}",
        location=source.locate(marker.start),
        hint=f"it stands between one line {BEGIN} and one line {END} below it",
    )


def _cells(line: str) -> tuple[str, ...]:
    """Return the cells of a table's line, however wide its columns are."""
    cells = [cell.strip() for cell in _CELL_END.split(line.strip())]
    return tuple("---" if set(cell) == {"-"} else cell for cell in cells)


def _common(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many of the first ones are the same."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
