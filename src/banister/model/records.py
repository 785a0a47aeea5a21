"""What is written about a step, the same for every engine. No I/O."""

from dataclasses import replace

from banister.model.backup import WayBack
from banister.model.log import LogEntry, LogEvent
from banister.model.migration import AppliedMigration, Migration
from banister.model.plan import Step
from banister.model.text import Direction

__all__ = [
    "applied_row",
    "backup_entry",
    "baseline_entry",
    "edit_entry",
    "end_entry",
    "failure_entry",
    "seed_entry",
    "skip_entry",
    "statement_entry",
    "step_entry",
]


def applied_row(step: Step, duration_ms: int) -> AppliedMigration:
    """Return the history row of a step that went up; the database adds its time."""
    down_text = step.down.source.whole if step.down else None
    return AppliedMigration(
        version=step.version,
        name=step.name,
        up_checksum=step.script.checksum,
        down_checksum=step.down.checksum if step.down else None,
        down_text=down_text,
        down_kept=down_text is not None,
        duration_ms=duration_ms,
    )


def step_entry(step: Step, event: LogEvent, *, duration_ms: int | None = None) -> LogEntry:
    """Return an event about a step as a whole."""
    return LogEntry(
        event=event,
        version=step.version,
        name=step.name,
        direction=step.direction,
        checksum=step.script.checksum,
        duration_ms=duration_ms,
    )


def end_entry(step: Step, duration_ms: int) -> LogEntry:
    """Return the event that ends a step."""
    up = step.direction is Direction.UP
    event = LogEvent.APPLIED if up else LogEvent.ROLLED_BACK
    return step_entry(step, event, duration_ms=duration_ms)


def failure_entry(step: Step, message: str) -> LogEntry:
    """Return the event about a step that failed."""
    return replace(step_entry(step, LogEvent.FAILED), detail=message)


def backup_entry(way_back: WayBack) -> LogEntry:
    """Return the event about what was made before a run."""
    return LogEntry(event=LogEvent.BACKED_UP, detail=way_back.detail)


def skip_entry(migration: Migration) -> LogEntry:
    """Return the event about a migration that its tags leave out."""
    return LogEntry(
        event=LogEvent.SKIPPED,
        version=migration.version,
        name=migration.name,
        detail="tags: " + ", ".join(sorted(migration.tags)),
    )


def statement_entry(
    step: Step, event: LogEvent, number: int, checksum: str, *, detail: str | None = None
) -> LogEntry:
    """Return an event about statement `number` (from 1) of a step."""
    return LogEntry(
        event=event,
        version=step.version,
        name=step.name,
        direction=step.direction,
        statement=number,
        checksum=checksum,
        detail=detail,
    )


def seed_entry(*, seed: bool) -> LogEntry:
    """Return the event that remembers a decision about seeds."""
    return LogEntry(event=LogEvent.SEEDED, detail="yes" if seed else "no")


def baseline_entry(row: AppliedMigration) -> LogEntry:
    """Return the event for a row that is written without running anything."""
    return LogEntry(
        event=LogEvent.BASELINED, version=row.version, name=row.name, checksum=row.up_checksum
    )


def edit_entry(row: AppliedMigration, replaced: str | None) -> LogEntry:
    """Return the event for an edit that was accepted; `replaced` is the checksum before."""
    return LogEntry(
        event=LogEvent.EDIT_ACCEPTED,
        version=row.version,
        name=row.name,
        checksum=row.up_checksum,
        detail=replaced and f"was {replaced}",
    )
