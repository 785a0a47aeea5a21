"""Events of a run → lines for people. No I/O."""

from banister.model import (
    Blocked,
    Direction,
    Event,
    NothingToDo,
    Plan,
    Planned,
    Recovered,
    Retrying,
    RunFinished,
    ServerNotice,
    Skipped,
    StepDone,
    StepFailed,
    WaitingForLock,
)
from banister.report.backup import backup_event_lines
from banister.report.style import Style, columns, duration, plural

__all__ = ["event_lines", "nothing_to_do"]


def event_lines(event: Event, plan: Plan | None, style: Style) -> list[str]:
    """Return what an event says; `plan` is the last one that was announced."""
    match event:
        case Planned():
            return [style.dim(f"  {note}") for note in _notes(event.plan)]
        case Skipped():
            tags = ", ".join(sorted(event.migration.tags))
            return [style.dim(f"  {event.migration.label}  skipped  {tags}")]
        case StepDone():
            return _done(event, plan, style)
        case StepFailed():
            return [style.bad(f"  {event.step.label}  failed")]
        case NothingToDo():
            return [nothing_to_do(event.plan)]
        case RunFinished():
            return _finished(event)
    return _on_the_way(event, style)


def _on_the_way(event: Event, style: Style) -> list[str]:
    """What a step meets before it is done."""
    match event:
        case WaitingForLock():
            return [style.dim(f"waiting for the lock, held by {event.holder}")]
        case Blocked():
            return [style.warn(f"  {line}") for line in _blocked(event)]
        case Retrying():
            pause = duration(round(event.delay_seconds * 1000))
            said = f"  {event.step.label}  rolled back, next attempt in {pause}: {event.reason}"
            return [style.warn(said)]
        case Recovered():
            return [f"  {event.step.label}  statement {event.number}: {event.message}"]
        case ServerNotice():
            return [style.dim(f"  {event.severity.lower()}: {event.message}")]
    return backup_event_lines(event, style)


def _blocked(event: Blocked) -> list[str]:
    what = f"a lock on {event.relation}" if event.relation else "a lock"
    behind = f"; {plural(event.queued, 'session')} behind it" if event.queued else ""
    first = f"{event.step.label}  waits for {what}{behind}, held by"
    return [first, *(f"  {blocker}" for blocker in event.blockers)]


def _notes(plan: Plan) -> list[str]:
    return [f"{step.label}: {note}" for step in plan.steps for note in step.notes]


def _done(event: StepDone, plan: Plan | None, style: Style) -> list[str]:
    """Columns are as wide as the whole plan needs, so that the lines of a run stand in line."""
    verb = "applied" if event.step.direction is Direction.UP else "rolled back"

    label, took = event.step.label, duration(event.duration_ms)
    statements = plural(len(event.step.statements) - event.step.done, "statement")
    cells = (
        (label, label),
        (verb, style.good(verb)),
        (statements, style.dim(statements)),
        (took, style.dim(took)),
    )
    if plan is None:
        return columns([cells])
    widest = max((len(plural(count, "statement")) for count in plan.counts), default=0)
    return columns([cells], at_least=(plan.longest_label, 0, widest, 0))


def nothing_to_do(plan: Plan) -> str:
    """Return that a plan has no steps, and where the database is."""
    at = f"; the database is at {plan.current}" if plan.current else ""
    return ("nothing to apply" if plan.direction is Direction.UP else "nothing to roll back") + at


def _finished(event: RunFinished) -> list[str]:
    if not event.steps:
        return []
    verb = "applied" if event.plan.direction is Direction.UP else "rolled back"
    count = plural(len(event.steps), "migration")
    return [f"{verb} {count} in {duration(event.duration_ms)}"]
