"""Results and errors → text for people. No I/O."""

from collections.abc import Sequence

from banister.errors import BanisterError, Finding, Location, MigrationFailed, Severity
from banister.model import Direction, Plan, State, StatusRow, Step, TransactionMode
from banister.model.passwords import hide_passwords
from banister.report.cells import remarks, status_cells
from banister.report.events import nothing_to_do
from banister.report.style import Style, columns, display_width, plural

__all__ = [
    "error_lines",
    "finding_lines",
    "interrupted_state",
    "plan_lines",
    "sql_lines",
    "status_lines",
    "summary",
]


def status_lines(rows: tuple[StatusRow, ...], style: Style) -> list[str]:
    """Return the table of `status`, a line a migration."""
    marks = {
        State.APPLIED: style.good,
        State.PENDING: style.bold,
        State.SKIPPED: style.dim,
        State.MISSING: style.bad,
        State.EDITED: style.bad,
        State.RENAMED: style.bad,
        State.UNREADABLE: style.bad,
        State.UNFINISHED: style.bad,
    }
    return columns(
        [
            status_cells(
                style,
                version=row.version.text,
                name=row.name,
                state=row.state.value,
                mark=marks[row.state],
                applied_at=row.applied_at,
                duration_ms=row.duration_ms,
                said=remarks(row.tags, reversible=row.reversible, down_kept=row.down_kept),
            )
            for row in rows
        ]
    )


def summary(rows: tuple[StatusRow, ...]) -> str:
    """Return how many migrations are in which state."""
    counts = {state: sum(row.state is state for row in rows) for state in State}
    said = [f"{count} {state.value}" for state, count in counts.items() if count]
    return ", ".join(said) or "no migrations yet; `banister new NAME` makes the first"


def interrupted_state(done: Sequence[Step], running: Step | None) -> str | None:
    """Return what an interrupted run leaves; None where it had not begun to run anything."""
    parts = []
    if done:
        versions = ", ".join(step.version.text for step in done)
        stays = "stay" if len(done) > 1 else "stays"
        up = done[0].direction is Direction.UP
        parts.append(f"{versions} {stays} {'applied' if up else 'rolled back'}")
    if running is not None and running.mode is TransactionMode.WHOLE:
        parts.append(
            f"nothing of {running.label} is left, unless it was being committed at that moment"
        )
    elif running is not None:
        parts.append(f"{running.label} is half done: the next run goes on where it stopped")
    return "; ".join(parts) or None


def plan_lines(plan: Plan, style: Style, *, looked: bool) -> list[str]:
    """Return the plan as a list; `looked`: whether a database was looked at."""
    up = plan.direction is Direction.UP
    verb = "apply" if up else "roll back"
    if plan.steps and plan.errors:
        count = plural(len(plan.errors), "problem")
        lines = [style.bad(f"{count} would stop a run; to {verb}, as far as can be told:"), ""]
    elif plan.steps:
        lines = [f"would {verb} {plural(len(plan.steps), 'migration')}:", ""]
    else:
        lines = [] if plan.errors else [nothing_to_do(plan)]
    lines += columns([_step_cells(step, style) for step in plan.steps])
    if plan.skipped:
        lines += ["", "skipped by their tags:", ""]
        lines += columns(
            [
                [
                    (item.version.text, item.version.text),
                    (item.name, item.name),
                    (", ".join(sorted(item.tags)), style.dim(", ".join(sorted(item.tags)))),
                ]
                for item in plan.skipped
            ]
        )
    if not looked:
        lines += [
            "",
            style.warn("no database was looked at: everything in the folder counts as pending"),
        ]
    return lines


def sql_lines(plan: Plan, style: Style) -> list[str]:
    """Return the SQL of every step as it would be sent, but for passwords in it."""
    lines = []
    for step in plan.steps:
        lines += ["", style.bold(f"-- {step.label} ({step.direction})")]
        whole = step.mode is TransactionMode.WHOLE
        lines += [f"BEGIN {step.begin_options}".strip() + ";"] if whole else []
        for statement in step.statements[step.done :]:
            text = hide_passwords(statement.text)
            lines += (text if text.endswith(";") else text + ";").splitlines()
            if statement.copy_start is not None:
                lines.append(style.dim("-- (rows follow in the file)"))
        lines += ["COMMIT;"] if whole else []
    return lines


def finding_lines(finding: Finding, style: Style) -> list[str]:
    """Return a finding with its place and what to do about it."""
    mark = {
        Severity.ERROR: style.bad,
        Severity.WARNING: style.warn,
        Severity.NOTICE: style.dim,
    }[finding.severity]
    head = f"{mark(finding.severity.value + ':')} {finding.message}"
    lines = [head, *_place_lines(finding.location, style)]
    if finding.hint:
        lines += _labelled("hint:", finding.hint, style)
    return lines


def error_lines(error: BanisterError, style: Style) -> list[str]:
    """Return an error: what happened, where, what state is left, what to do."""
    head, *rest = error.message.splitlines() or [type(error).__name__]
    lines = [f"{style.bad('error:')} {head}", *(f"       {line}" for line in rest)]
    lines += _place_lines(error.location, style)
    if isinstance(error, MigrationFailed):
        for label, said in (
            ("detail:", error.failure.detail),
            ("context:", error.failure.context),
            ("server:", error.failure.server_hint),
        ):
            if said:
                lines += _labelled(label, said, style)
    for note in getattr(error, "__notes__", ()):
        lines += _labelled("note:", note, style)
    if error.state:
        lines += _labelled("state:", error.state, style)
    if error.hint:
        lines += _labelled("hint:", error.hint, style)
    if error.way_back:
        note = f"\n{error.way_back_note}" if error.way_back_note else ""
        lines += _labelled("back:", error.way_back + note, style)
    return lines


def _step_cells(step: Step, style: Style) -> list[tuple[str, str]]:
    count = plural(len(step.statements) - step.done, "statement")
    how = "in one transaction" if step.mode is TransactionMode.WHOLE else "one by one"
    note = "; ".join(step.notes)
    return [
        (step.version.text, style.bold(step.version.text)),
        (step.name, step.name),
        (count, count),
        (how, style.dim(how)),
        (note, style.warn(note)),
    ]


def _labelled(label: str, text: str, style: Style) -> list[str]:
    first, *rest = text.splitlines()
    width = max(len(label) + 1, 7)
    return [style.bold(label) + " " * (width - len(label)) + first, *(" " * 7 + x for x in rest)]


def _place_lines(location: Location | None, style: Style) -> list[str]:
    if location is None:
        return []
    note = f" ({location.note})" if location.note else ""
    lines = [f"  {style.dim('-->')} {location}{note}"]
    if location.line is None or location.source_line is None:
        return lines
    number = f"{location.line:>5}"
    source, column = _window(location.source_line, location.column)
    lines.append(f"{number} {style.dim('|')} {source}")
    if column is not None:
        indent = " " * display_width(source[: column - 1])
        lines.append(f"{' ' * len(number)} {style.dim('|')} {indent}{style.bad('^')}")
    return lines


def _window(line: str, column: int | None) -> tuple[str, int | None]:
    """Cut a long line around its column; tabs and control characters become one space each."""
    line = "".join(char if char.isprintable() else " " for char in line)
    if len(line) <= 120:
        return line, column
    start = max(0, (column or 1) - 60)
    end = start + 119
    lead = "…" if start else ""
    tail = "…" if end < len(line) else ""
    column = None if column is None else column - start + len(lead)
    return lead + line[start:end] + tail, column
