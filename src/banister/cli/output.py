"""What a command prints: lines for people as it works, or one JSON envelope at its end."""

import json
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any, TextIO

from banister.errors import BanisterError, Finding, FindingsError
from banister.model import (
    Event,
    Plan,
    Planned,
    RunFinished,
    Skipped,
    StatementDone,
    StepDone,
    StepFailed,
    StepStarted,
)
from banister.project import redact
from banister.report import (
    Style,
    envelope,
    error_lines,
    event_lines,
    finding_json,
    finding_lines,
    skipped_json,
    step_json,
)

__all__ = ["Output"]

#: A step that takes longer shows a line with its progress. Seconds.
_PROGRESS_AFTER = 0.5
_PROGRESS_EVERY = 0.1


class Output:
    """Collects what a command has to say, and says it in the format that was asked for.

    A closed pipe never stops a run: what cannot be printed is dropped.
    """

    def __init__(self, *, command: str, as_json: bool, no_colour: bool) -> None:
        self.command = command
        self.as_json = as_json
        #: Never printed, whatever the source of the text.
        self.secrets: frozenset[str] = frozenset()
        #: Keys of the envelope beside the fixed ones.
        self.parts: dict[str, Any] = {}
        self._out = Style(colour=_is_terminal(sys.stdout) and not no_colour)
        self._err = Style(colour=_is_terminal(sys.stderr) and not no_colour)
        self._plan: Plan | None = None
        show_progress = not as_json and _is_terminal(sys.stdout)
        self._progress = _Progress(self) if show_progress else None

    @property
    def style(self) -> Style:
        """How text on standard output is marked."""
        return self._out

    def say(self, *lines: str) -> None:
        """Print lines for people; nothing with JSON."""
        if not self.as_json:
            if self._progress is not None:
                self._progress.clear()
            self._write(sys.stdout, lines)

    def put(self, **parts: object) -> None:
        """Add keys to the envelope."""
        self.parts |= parts

    def findings(self, findings: Iterable[Finding]) -> None:
        """Report findings: to standard error for people."""
        found = tuple(findings)
        self.put(findings=[finding_json(finding) for finding in found])
        if not self.as_json:
            for finding in found:
                self._write(sys.stderr, finding_lines(finding, self._err))

    def event(self, event: Event) -> None:
        """Report an event of a run."""
        match event:
            case Planned():
                self._plan = event.plan
                self.findings(event.plan.findings)
            case Skipped():
                self._migrations().append(skipped_json(event.migration))
            case StepStarted() | StatementDone() if self._progress is not None:
                self._progress.show(event)
            case StepDone():
                up = event.step.direction.value == "up"
                state = "applied" if up else "rolled_back"
                self._migrations().append(
                    step_json(event.step, state=state, duration_ms=event.duration_ms)
                )
            case StepFailed():
                self._migrations().append(step_json(event.step, state="failed"))
            case RunFinished():
                self.put(run_id=event.run_id, duration_ms=event.duration_ms)
        if isinstance(event, StepDone | StepFailed) and self._progress is not None:
            self._progress.stop()
        self.say(*event_lines(event, self._plan, self._out))

    def fail(self, error: BanisterError) -> None:
        """Report the error that ended the command."""
        if self._progress is not None:
            self._progress.stop()
        if isinstance(error, FindingsError):
            self.findings(error.findings)
        if self.as_json:
            return
        if isinstance(error, FindingsError):
            self._write(sys.stderr, [f"{self._err.bold('state:')} {error.state}"])
        else:
            self._write(sys.stderr, error_lines(error, self._err))

    def complain(self, *lines: str) -> None:
        """Print lines to standard error."""
        if not self.as_json:
            self._write(sys.stderr, lines)

    def finish(self, exit_code: int, error: BanisterError | None) -> None:
        """Print the envelope where JSON was asked for."""
        if self.as_json:
            told = envelope(self.command, exit_code, error, self.parts)
            self._write(sys.stdout, [json.dumps(told, ensure_ascii=False, indent=2)])

    def _migrations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.parts.setdefault("migrations", [])
        return found

    def _write(self, stream: TextIO, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        self.raw(stream, redact(text, self.secrets))

    @staticmethod
    def raw(stream: TextIO, text: str) -> None:
        """Write text as it is; a reader that has gone away is no reason to stop."""
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            return
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


class _Progress:
    """One line that says what runs and for how long, redrawn while a step takes its time."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._event: StepStarted | StatementDone | None = None
        self._started = 0.0
        self._drawn = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def show(self, event: StepStarted | StatementDone) -> None:
        """Take over what the line says; the first event of a step starts its clock."""
        with self._lock:
            if isinstance(event, StepStarted):
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
        self.clear()

    def clear(self) -> None:
        """Take the line off the screen."""
        with self._lock:
            if self._drawn:
                self._output.raw(sys.stdout, "\r\033[K")
                self._drawn = False

    def _redraw(self) -> None:
        while not self._stop.wait(_PROGRESS_EVERY):
            elapsed = time.monotonic() - self._started
            with self._lock:
                if self._event is None or elapsed < _PROGRESS_AFTER:
                    continue
                self._output.raw(sys.stdout, f"\r\033[K{_progress_text(self._event, elapsed)}")
                self._drawn = True


def _progress_text(event: StepStarted | StatementDone, elapsed: float) -> str:
    total = len(event.step.statements)
    done = event.number if isinstance(event, StatementDone) else event.step.done
    at = min(done + 1, total)
    return f"  {event.step.label}  statement {at} of {total}  {elapsed:.1f} s"


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
