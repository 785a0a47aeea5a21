"""The statements of a source as a sequence, in memory or read again whenever they are needed."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

from banister.model import Dialect, LargeSource, Source, Statement
from banister.script.windows import START, Mark, Window, windows

__all__ = ["LargeStatements", "statements_of"]


def statements_of(
    source: Source | LargeSource, dialect: Dialect, look: Callable[[Window], None]
) -> Sequence[Statement]:
    """Go through a source once, show each window to `look`, and return its statements.

    Those of a large source are read again, from its file, when they are asked for. Raises
    FileChanged where that file is not what it was.
    """
    marks: list[Mark] = []
    count = 0
    if isinstance(source, Source):
        (whole,) = windows(source, dialect)
        look(whole)
        return whole.statements
    for window in windows(source, dialect):
        marks.append(window.mark)
        count += len(window.statements)
        look(window)
        # The next one is read while nothing of this one is in memory.
        del window
    return LargeStatements(source=source, dialect=dialect, marks=tuple(marks), length=count)


@dataclass(frozen=True, kw_only=True)
class LargeStatements(Sequence[Statement]):
    """Statements of a large source; going through them holds one window of them in memory."""

    source: LargeSource
    dialect: Dialect
    #: Places from which the statements can be read, in order.
    marks: tuple[Mark, ...]
    #: How many of the source's statements are left out at the start.
    first: int = 0
    length: int

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Statement]:
        return self._between(self.first, self.first + self.length)

    @overload
    def __getitem__(self, index: int) -> Statement: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Statement]: ...

    def __getitem__(self, index: int | slice) -> Statement | Sequence[Statement]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self.length)
            if step != 1:
                return tuple(self)[index]
            return replace(self, first=self.first + start, length=max(0, stop - start))
        number = range(self.length)[index] + self.first
        return next(self._between(number, number + 1))

    def _between(self, start: int, stop: int) -> Iterator[Statement]:
        place = bisect_right(self.marks, start, key=lambda mark: mark.number)
        before = self.marks[place - 1] if place else START
        number = before.number
        # Nothing is held on to while the next window is read: a statement may be very long.
        for statements in map(_statements_in, windows(self.source, self.dialect, before)):
            for statement in statements:
                if number >= stop:
                    return
                if number >= start:
                    yield statement
                number += 1
                del statement
            del statements


def _statements_in(window: Window) -> tuple[Statement, ...]:
    return window.statements
