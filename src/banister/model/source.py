"""Decoded text that knows its lines: whole in memory, or read from its file piece by piece."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from banister.errors import Location
from banister.model.passwords import may_hold_password

__all__ = ["Chunk", "LargeSource", "Source"]

#: Lines end at LF, CRLF or a lone CR.
_LINE_END = re.compile(r"\r\n|\n|\r")

#: Characters handed on at once.
_PIECE = 256 * 1024

#: A line of a large text is shown as far as this many characters; further right, not at all.
_LONGEST_LINE = 10_000

#: Lines above one that tell whether it may show a password.
_ABOVE = 3


@dataclass(frozen=True, kw_only=True)
class Source:
    """Text in memory."""

    #: The path as the user should see it.
    path: str
    #: Without a byte order mark, line ends as in the file.
    text: str

    @property
    def top(self) -> str:
        """At least the comments above the first statement."""
        return self.text

    @property
    def whole(self) -> str | None:
        """The whole text where it is small enough to be kept in a database."""
        return self.text

    @property
    def size(self) -> int:
        """The number of characters."""
        return len(self.text)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def pieces(self, start: int, end: int) -> Iterator[str]:
        """Yield the text from character `start` to `end`, a bounded piece at a time."""
        for position in range(start, end, _PIECE):
            yield self.text[position : min(position + _PIECE, end)]

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of the character at `offset` (0 to length)."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of line `number` (from 1) without its line end."""
        starts = self._line_starts
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def excerpt(self, number: int) -> str | None:
        """Return line `number` (from 1) to be shown; None where it may hold a password."""
        return _excerpt(self.line, number)

    def locate(self, offset: int, *, note: str | None = None) -> Location:
        """Return the place of the character at `offset` (0 to length)."""
        line, column = self.line_and_column(offset)
        return Location(
            path=self.path, line=line, column=column, source_line=self.excerpt(line), note=note
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Where a bounded part of a large text begins; CR and LF of one line end are never parted."""

    #: Offset in characters of its first one.
    start: int
    #: Line of that character, from 1.
    line: int
    #: Offset in characters at which that line begins; it may lie in an earlier chunk.
    line_start: int


@dataclass(frozen=True, kw_only=True)
class LargeSource:
    """Text that stays in its file and is read chunk by chunk, as often as it is needed.

    Every character is the one that was there when the file was first read: `read` raises
    FileChanged where it is not.
    """

    #: The path as the user should see it.
    path: str
    #: At least the comments above the first statement.
    top: str
    chunks: tuple[Chunk, ...]
    #: The number of characters.
    size: int
    #: Returns the text of a chunk by its number, from 0.
    read: Callable[[int], str]

    @property
    def whole(self) -> str | None:
        """None: the text is too large to be kept in a database."""
        return None

    @cached_property
    def _starts(self) -> list[int]:
        return [chunk.start for chunk in self.chunks]

    def pieces(self, start: int, end: int) -> Iterator[str]:
        """Yield the text from character `start` to `end`, a bounded piece at a time."""
        number = max(0, bisect_right(self._starts, start) - 1)
        while start < end:
            text, first = self.read(number), self._starts[number]
            piece = text[start - first : end - first]
            yield piece
            start += len(piece)
            number += 1

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of the character at `offset` (0 to length)."""
        number = max(0, bisect_right(self._starts, offset) - 1)
        chunk = self.chunks[number]
        line, line_start = chunk.line, chunk.line_start
        for match in _LINE_END.finditer(self.read(number)):
            if chunk.start + match.end() > offset:
                break
            line, line_start = line + 1, chunk.start + match.end()
        return line, offset - line_start + 1

    def line(self, number: int) -> str:
        """Return the text of line `number` (from 1) without its line end, or its first part."""
        start = self._line_start(number)
        text = ""
        for piece in self.pieces(start, min(self.size, start + _LONGEST_LINE)):
            match = _LINE_END.search(piece)
            text += piece[: match.start()] if match else piece
            if match:
                break
        return text

    def excerpt(self, number: int) -> str | None:
        """Return line `number` (from 1) to be shown; None where it may hold a password."""
        return _excerpt(self.line, number)

    def _line_start(self, number: int) -> int:
        if number == 1:
            return 0
        before = bisect_left(self.chunks, number, key=lambda chunk: chunk.line) - 1
        chunk = self.chunks[before]
        ends = _LINE_END.finditer(self.read(before))
        left = number - chunk.line
        for match in ends:
            left -= 1
            if not left:
                return chunk.start + match.end()
        return self.size

    def locate(self, offset: int, *, note: str | None = None) -> Location:
        """Return the place of the character at `offset` (0 to length)."""
        line, column = self.line_and_column(offset)
        shown = self.excerpt(line) if column <= _LONGEST_LINE else None
        return Location(path=self.path, line=line, column=column, source_line=shown, note=note)


def _excerpt(line: Callable[[int], str], number: int) -> str | None:
    text = line(number)
    above = (line(before) for before in range(max(1, number - _ABOVE), number))
    return None if may_hold_password(text, *above) else text
