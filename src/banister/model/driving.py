"""Running what yields events to its end, for those who want the result. No I/O."""

from collections.abc import Callable, Generator
from typing import TypeVar

__all__ = ["drive"]

E = TypeVar("E")
T = TypeVar("T")


def drive(events: Generator[E, None, T], on_event: Callable[[E], None] | None) -> T:
    """Hand every event on; an exception in the callback ends the run as any other does."""
    try:
        while True:
            event = next(events)
            if on_event is not None:
                on_event(event)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        events.close()
