"""A source → its statements, window by window, so that a large text is never in memory. No I/O."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from banister.model import Dialect, LargeSource, Source, Statement
from banister.script.pieces import Beyond, Piece, Problem, Split
from banister.script.postgres import split_postgres
from banister.script.sqlite import split_sqlite
from banister.script.tokens import TokenKind, tokens

__all__ = ["LONGEST_STATEMENT", "START", "Mark", "Window", "placed", "split", "too_long", "windows"]

#: Characters of a large text that are split at once, where no statement is longer.
_WINDOW = 512 * 1024

#: Characters, and bytes, of the longest statement that is sent: a server takes less than 2^30 bytes
#: in one message (MaxAllocSize in PostgreSQL), and SQLite 10^9 (https://sqlite.org/limits.html).
LONGEST_STATEMENT = 1_000_000_000

#: A statement that is longer is tried again with this many times the text.
_GROWTH = 1.3

_END_OF_ROWS = re.compile(r"\n\\\.\r?\n")
#: One less than that can match.
_CARRIED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place between two statements."""

    #: How many statements stand before it.
    number: int
    #: In characters.
    offset: int
    #: Line there, from 1, and the offset at which that line begins.
    line: int
    line_start: int


START = Mark(number=0, offset=0, line=1, line_start=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of a text that begins and ends between statements."""

    #: Where it begins.
    mark: Mark
    #: From there on, perhaps with the beginning of what stands behind the window.
    text: str
    #: Where it ends: an offset in the whole text, behind the rows of its last COPY.
    end: int
    #: With their places in the whole text.
    statements: tuple[Statement, ...]
    #: With offsets in the whole text.
    problems: tuple[Problem, ...]


def split(text: str, dialect: Dialect, beyond: Beyond | None = None) -> Split:
    """Split as psql, or as SQLite, does; with `beyond` the text goes on behind its end."""
    if dialect is Dialect.POSTGRESQL:
        return split_postgres(text, beyond)
    return split_sqlite(text, goes_on=beyond is not None)


def windows(
    source: Source | LargeSource, dialect: Dialect, mark: Mark = START, *, size: int = _WINDOW
) -> Iterator[Window]:
    """Yield a text from `mark` on, split; a small one in one window, a large one in many.

    A window of a large text has about `size` characters, or those of its one statement where that
    is longer; the caller holds the only reference to it. Behind a problem nothing more is yielded.
    Raises FileChanged, by the source, where its file is not what it was.
    """
    if isinstance(source, Source):
        found = split(source.text, dialect)
        yield Window(
            mark=mark,
            text=source.text,
            end=source.size,
            statements=tuple(placed(source.text, found.pieces)),
            problems=tuple(found.problems),
        )
        return
    reader = _Reader(source=source, dialect=dialect, size=size)
    while mark.offset < source.size and not reader.stopped:
        yield reader.next(mark)
        mark = reader.following


@dataclass(kw_only=True)
class _Reader:
    source: LargeSource
    dialect: Dialect
    size: int
    #: Where the next window begins.
    following: Mark = START
    #: A problem was met.
    stopped: bool = False

    def next(self, mark: Mark) -> Window:
        """Return the window that begins at `mark`."""
        source, first = self.source, mark.offset
        wanted = self.size
        text = ""
        while True:
            # Grows in place, so that a long text is never there twice.
            for piece in source.pieces(first + len(text), min(first + wanted, source.size)):
                text += piece
            goes_on = first + len(text) < source.size

            def beyond(start: int) -> tuple[int, int]:
                end, following = _end_of_rows(source, first + start)
                return end - first, following - first

            found = split(text, self.dialect, beyond if goes_on else None)
            if found.end > 0 or not goes_on:
                break
            if len(text) > LONGEST_STATEMENT:
                found = Split([], [_too_long(text, self.dialect)], 0)
                break
            wanted = max(len(text) + 1, int(len(text) * _GROWTH))
        statements = tuple(placed(text, found.pieces, mark))
        problems = tuple(_shifted(problem, first) for problem in found.problems) or tuple(
            too_long(statement.start) for statement in statements if _is_too_long(statement.text)
        )
        self.following = self._mark(mark, text, found.end, len(statements))
        self.stopped = bool(problems)
        return Window(
            mark=mark,
            text=text,
            end=self.following.offset,
            statements=statements,
            problems=problems,
        )

    def _mark(self, mark: Mark, text: str, end: int, count: int) -> Mark:
        offset = mark.offset + end
        if end > len(text):
            line, column = self.source.line_and_column(min(offset, self.source.size))
            line_start = offset - column + 1
        else:
            line, line_start = _advance(text, 0, end, mark.line, mark.line_start - mark.offset)
            line_start += mark.offset
        return Mark(number=mark.number + count, offset=offset, line=line, line_start=line_start)


def placed(text: str, pieces: list[Piece], mark: Mark = START) -> Iterator[Statement]:
    """Yield the statements of a text that begins at `mark`, going through it once."""
    line, line_start, last = mark.line, mark.line_start - mark.offset, 0
    first = mark.offset
    for start, end, copy_start, copy_end in pieces:
        line, line_start = _advance(text, last, start, line, line_start)
        last = start
        yield Statement(
            text=text[start:end],
            start=first + start,
            line=line,
            column=start - line_start + 1,
            copy_start=None if copy_start is None else first + copy_start,
            copy_end=None if copy_end is None else first + copy_end,
        )


def _advance(text: str, last: int, start: int, line: int, line_start: int) -> tuple[int, int]:
    """Return the line at `start`, and where it begins, from those at `last`.

    Neither stands between a CR and its LF, so that each pair is counted once.
    """
    line += text.count("\n", last, start)
    newline = text.rfind("\n", last, start)
    returns = text.count("\r", last, start)
    if returns:
        line += returns - text.count("\r\n", last, start)
        newline = max(newline, text.rfind("\r", last, start))
    return line, newline + 1 if newline >= 0 else line_start


def _end_of_rows(source: LargeSource, start: int) -> tuple[int, int]:
    """Return where the rows that begin at `start` end, and where the text goes on."""
    # The rows may be none: then `\.` stands where they would begin.
    held, first = "\n", start - 1
    for piece in source.pieces(start, source.size):
        held += piece
        match = _END_OF_ROWS.search(held)
        if match is not None:
            return first + match.start() + 1, first + match.end()
        cut = max(0, len(held) - _CARRIED)
        held, first = held[cut:], first + cut
    if re.search(r"\n\\\.\Z", held):
        return source.size - 2, source.size
    return source.size, source.size


def _too_long(text: str, dialect: Dialect) -> Problem:
    """Return the problem of a text whose first statement is not even whole."""
    start = next(
        (
            t.start
            for t in tokens(text, dialect)
            if t.kind not in {TokenKind.SPACE, TokenKind.COMMENT}
        ),
        0,
    )
    return too_long(start)


def _is_too_long(text: str) -> bool:
    # A character has four bytes at most.
    return 4 * len(text) > LONGEST_STATEMENT and len(text.encode()) > LONGEST_STATEMENT


def too_long(offset: int) -> Problem:
    """Return the problem of a statement, at `offset`, that no server takes."""
    return Problem(
        code="statement_too_long",
        offset=offset,
        message=f"a statement of more than {LONGEST_STATEMENT:,} bytes: no server takes it",
        hint="load the rows with COPY … FROM stdin, or in several statements",
    )


def _shifted(problem: Problem, by: int) -> Problem:
    return Problem(
        code=problem.code, offset=problem.offset + by, message=problem.message, hint=problem.hint
    )
