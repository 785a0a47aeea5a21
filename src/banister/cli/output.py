"""What a command prints: lines for people as it works, or one JSON envelope at its end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, TextIO

from banister import model, report
from banister.errors import BanisterError, Finding, FindingsError, Severity
from banister.project.secrets import redact
from banister.report.style import Style, plural

if TYPE_CHECKING:
    from banister.cli.progress import ProgressLine
    from banister.model import Event, Plan, Step, Version
    from banister.proof import ProofEvent

__all__ = ["Output"]

_WEIGHT = {Severity.NOTICE: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class Output:
    """Collects what a command has to say, and says it in the format that was asked for.

    A closed pipe never stops a run: what cannot be printed is dropped. No secret that it was told
    of with `hide` gets out, in no format.
    """

    def __init__(self, *, command: str, as_json: bool) -> None:
        self.command = command
        self.as_json = as_json
        colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._out = Style(colour=colour and _is_terminal(sys.stdout))
        self._err = Style(colour=colour and _is_terminal(sys.stderr))
        self._secrets: frozenset[str] = frozenset()
        self._parts: dict[str, Any] = {}
        self._findings: list[Finding] = []
        self._migrations: list[dict[str, Any]] = []
        self._plan: Plan | None = None
        self._done: list[Step] = []
        self._running: Step | None = None
        self._finished = False
        show_progress = not as_json and _is_terminal(sys.stdout) and colour
        self._progress: ProgressLine | None = None
        if show_progress:
            # A line for people at a terminal; its thread and clock cost the others nothing.
            from banister.cli.progress import ProgressLine  # noqa: PLC0415

            self._progress = ProgressLine(self._draw)

    @property
    def style(self) -> Style:
        """How text on standard output is marked."""
        return self._out

    def hide(self, secrets: frozenset[str]) -> None:
        """Never print these, nor what they become when Python or JSON quotes them."""
        quoted = {repr(secret)[1:-1] for secret in secrets}
        quoted |= {json.dumps(secret)[1:-1] for secret in secrets}
        self._secrets |= secrets | quoted

    def say(self, *lines: str) -> None:
        """Print lines for people; nothing with JSON."""
        if not self.as_json:
            self._write(sys.stdout, lines)

    def put(self, **parts: object) -> None:
        """Add keys to the envelope."""
        self._parts |= parts

    def findings(
        self, findings: Iterable[Finding], *, notices_about: Collection[Version] | None = None
    ) -> None:
        """Report findings, each once however often it is found, errors last: nearest the prompt.

        People are spared notices about other migrations than those of `notices_about`.
        """
        told_of = None if notices_about is None else {version.text for version in notices_about}
        for finding in sorted(findings, key=lambda finding: _WEIGHT[finding.severity]):
            if finding in self._findings:
                continue
            self._findings.append(finding)
            notice = finding.severity is Severity.NOTICE and finding.version is not None
            if told_of is None or not notice or finding.version in told_of:
                self.complain(*report.finding_lines(finding, self._err))

    def event(self, event: Event) -> None:
        """Report an event of a run."""
        # There may be millions of statements.
        if self._progress is not None or not isinstance(event, model.StatementDone):
            self._event(event)

    def _event(self, event: Event) -> None:
        match event:
            case model.Connected():
                target = self._parts.get("target") or {}
                display = target.get("display", event.display)
                self.put(database={"display": display, "server": event.server})
            case model.Planned() | model.NothingToDo():
                self._plan = plan = event.plan
                self.findings(plan.findings, notices_about=[step.version for step in plan.steps])
            case model.Skipped():
                self._migrations.append(report.skipped_json(event.migration))
            case model.StepStarted():
                self._running = event.step
            case model.StepDone():
                self._ended(event.step, state=_ended_as(event.step), duration_ms=event.duration_ms)
                self._done.append(event.step)
            case model.StepFailed():
                self._ended(event.step, state="failed")
            case model.RunFinished():
                self.put(run_id=event.run_id, duration_ms=event.duration_ms)
            case _:
                self._on_the_way(event)
        if self._progress is not None:
            from banister.model.backup import TableDumped, TableRestored  # noqa: PLC0415

            tables = TableDumped | TableRestored
            if isinstance(event, model.StepStarted | model.StatementDone | model.Progress | tables):
                self._progress.show(event)
        self.say(*report.event_lines(event, self._plan, self._out))

    def _on_the_way(self, event: Event) -> None:
        """Keep what a run meets between the beginnings and ends of its steps."""
        from banister.model.backup import BackedUp, SavedRows  # noqa: PLC0415 -- with an event
        from banister.report.backup import backup_json, saved_rows_json  # noqa: PLC0415 -- as above

        match event:
            case model.Warned():
                self.findings([event.finding])
            case model.Blocked():
                self._parts.setdefault("waits", []).append(report.event_json(event))
            case model.Retrying():
                self._parts.setdefault("retries", []).append(report.event_json(event))
            case model.Recovered():
                self._parts.setdefault("recoveries", []).append(report.event_json(event))
            case SavedRows():
                saved = saved_rows_json(event)
                self._parts.setdefault("saved_rows", []).append(saved)
            case BackedUp():
                self.put(backup=backup_json(event.manifest))

    def proving(self, event: ProofEvent) -> None:
        """Show how far a proof has come."""
        if self._progress is not None:
            self._progress.show(event)

    def pause(self) -> None:
        """Take the progress line away: what it was about is over."""
        if self._progress is not None:
            self._progress.stop()

    def fail(self, error: BanisterError) -> None:
        """Report the error that ended the command."""
        if self._progress is not None:
            self._progress.stop()
        if isinstance(error, FindingsError):
            self.findings(error.findings, notices_about=())
            count = sum(finding.severity is Severity.ERROR for finding in error.findings)
            if error.state:
                said = f"{error.state}; {plural(count, 'problem')} to solve first"
                self.complain(f"{self._err.bold('state:')} {said}")
        else:
            self.complain(*report.error_lines(error, self._err))

    def complain(self, *lines: str) -> None:
        """Print lines to standard error; nothing with JSON."""
        if not self.as_json:
            self._write(sys.stderr, lines)

    def complain_always(self, *lines: str) -> None:
        """Print lines to standard error, also with JSON, whose place is standard output."""
        self._write(sys.stderr, lines)

    def finish(self, exit_code: int, error: BanisterError | None) -> None:
        """End the command: print the envelope where JSON was asked for, once."""
        if self._progress is not None:
            self._progress.stop()
        if not self.as_json or self._finished:
            return
        self._finished = True
        parts = {
            "migrations": self._migrations,
            "findings": [report.finding_json(finding) for finding in self._findings],
            **self._parts,
        }
        told = self._redacted(report.envelope(self.command, exit_code, error, parts))
        told["command"] = self.command
        ascii_only = "utf" not in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
        self._send(sys.stdout, json.dumps(told, ensure_ascii=ascii_only, indent=2) + "\n")

    def interrupted_state(self) -> str | None:
        """Return what is left of the run now that it is interrupted; None: nothing was run."""
        if self._running is not None:
            self._migrations.append(report.step_json(self._running, state="interrupted"))
        return report.interrupted_state(self._done, self._running)

    def _ended(self, step: Step, **more: object) -> None:
        self._running = None
        if self._progress is not None:
            self._progress.stop()
        self._migrations.append(report.step_json(step, **more))

    def _redacted(self, value: Any) -> Any:
        """Redact texts one by one: in the finished JSON a mask could swallow a quote."""
        match value:
            case str():
                return redact(value, self._secrets)
            case dict():
                return {key: self._redacted(part) for key, part in value.items()}
            case list() | tuple():
                return [self._redacted(part) for part in value]
        return value

    def _write(self, stream: TextIO | None, lines: Iterable[str]) -> None:
        text = redact("".join(f"{line}\n" for line in lines), self._secrets)
        with self._progress.cleared() if self._progress is not None else nullcontext():
            self._send(stream, text)

    def _draw(self, text: str) -> None:
        self._send(sys.stdout, redact(text, self._secrets))

    @staticmethod
    def _send(stream: TextIO | None, text: str) -> None:
        """Write text; a reader that has gone away is no reason to stop."""
        if stream is None:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            # What is still buffered would raise again at exit, and change the exit code.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _ended_as(step: Step) -> str:
    return "applied" if step.direction.value == "up" else "rolled_back"


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
