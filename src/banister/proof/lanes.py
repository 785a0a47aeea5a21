"""Trying two parts of the ways down side by side, each on databases of its own."""

import threading
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from banister.model import ProofEvent

__all__ = ["parts_of", "side_by_side"]

T = TypeVar("T")
_Trying = Generator[ProofEvent, None, T]

#: With fewer units to try the way up to the second half costs more than it saves.
_WORTH_IT = 20
#: Seconds between two looks at the second lane, so that a signal is noticed.
_LOOK = 0.05


def parts_of(numbers: Collection[int], *, together: bool) -> list[frozenset[int]]:
    """Return the numbers of units as one part, or as two where that is worth it."""
    ordered = sorted(numbers)
    if together or len(ordered) < _WORTH_IT:
        return [frozenset(ordered)]
    middle = len(ordered) // 2
    return [frozenset(ordered[:middle]), frozenset(ordered[middle:])]


def side_by_side(
    first: _Trying[T], second: Callable[[], _Trying[T]], cut_off: Callable[[], None]
) -> Generator[ProofEvent, None, tuple[T, T]]:
    """Drive `first` here and `second` in a thread; return what both return.

    The events of both are handed on. When one fails or is given up, the other ends before its next
    unit, and only then does the failure get out: that of `first` where both fail. `cut_off` ends
    what `second` is in the middle of, which may take any time.
    """
    stop = threading.Event()
    told: list[ProofEvent] = []

    def run() -> T:
        trying = second()
        try:
            while not stop.is_set():
                told.append(next(trying))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            trying.close()
        raise _GivenUpError

    with ThreadPoolExecutor(1) as pool:
        future: Future[T] = pool.submit(run)
        try:
            mine = yield from first
            while not future.done():
                yield from _taken(told)
                stop.wait(_LOOK)
            return mine, future.result()
        finally:
            stop.set()
            if not future.done():
                cut_off()


class _GivenUpError(Exception):
    """The other lane has failed."""


def _taken(told: list[ProofEvent]) -> Generator[ProofEvent, None, None]:
    while told:
        yield told.pop(0)
