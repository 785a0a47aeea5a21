"""One line that says what runs and for how long, redrawn while a step takes its time."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from banister.model import Progress, StatementDone, StepStarted
from banister.model.backup import TableDumped, TableRestored

if TYPE_CHECKING:
    from banister.proof import ProofEvent

    _Shown = StepStarted | StatementDone | Progress | ProofEvent | TableDumped | TableRestored

__all__ = ["ProgressLine"]

#: A step that takes longer shows the line. Seconds.
_AFTER = 0.5
_EVERY = 0.1


class ProgressLine:
    """The line, drawn by a thread of its own; `write` puts text on the terminal as it is."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._event: _Shown | None = None
        self._started = 0.0
        self._drawn = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def show(self, event: "_Shown") -> None:
        """Take over what the line says; the first event of a step starts its clock."""
        with self._lock:
            if isinstance(event, StepStarted) or self._event is None:
                self._started = time.monotonic()
            self._event = event
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._redraw, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the line."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        with self.cleared():
            pass

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Take the line off the screen and keep it off for the time of the block."""
        with self._lock:
            if self._drawn:
                self._write("\r\033[K")
                self._drawn = False
            yield

    def _redraw(self) -> None:
        while not self._stop.wait(_EVERY):
            elapsed = time.monotonic() - self._started
            with self._lock:
                if self._event is None or elapsed < _AFTER:
                    continue
                # A line that wraps could not be taken off again.
                width = shutil.get_terminal_size().columns - 1
                self._write(f"\r\033[K{_text(self._event, elapsed)[:width]}")
                self._drawn = True


def _text(event: "_Shown", elapsed: float) -> str:
    if isinstance(event, TableDumped | TableRestored):
        return f"  {event.number} of {event.total}  {event.table}  {elapsed:.1f} s"
    if not isinstance(event, StepStarted | StatementDone | Progress):
        return f"  {event.number} of {event.total} tried  {event.doing}  {elapsed:.1f} s"
    total = len(event.step.statements)
    match event:
        case Progress():
            done = event.number - 1
        case StatementDone():
            done = event.number
        case StepStarted():
            done = event.step.done
    parts = [event.step.label, f"{done} of {total} statements done", f"{elapsed:.1f} s"]
    if isinstance(event, Progress):
        share = "" if event.percent is None else f" {event.percent:.0f} %"
        parts += [event.phase + share] if event.phase else []
        parts += [f"waits for {event.waits_for}"] if event.waits_for else []
    return "  " + "  ".join(parts)
