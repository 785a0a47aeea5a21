"""Results and errors → the JSON envelope. Later versions only add keys. No I/O."""

from collections.abc import Mapping
from typing import Any

from banister.errors import BanisterError, Finding, Location, MigrationFailed
from banister.model import Blocked, Blocker, Migration, Plan, Recovered, Retrying, StatusRow, Step
from banister.model.passwords import hide_passwords

__all__ = [
    "envelope",
    "event_json",
    "finding_json",
    "location_json",
    "plan_json",
    "skipped_json",
    "status_json",
    "step_json",
]


def envelope(
    command: str, exit_code: int, error: BanisterError | None, parts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the one object that every command prints with `--format json`."""
    return {
        "format": 1,
        "command": command,
        "exit": exit_code,
        "error": None if error is None else _error(error),
        "migrations": [],
        "findings": [],
        "target": None,
        "database": None,
        **parts,
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding."""
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "message": finding.message,
        "location": location_json(finding.location),
        "hint": finding.hint,
        "version": finding.version,
    }


def status_json(row: StatusRow) -> dict[str, Any]:
    """Return a line of `status`."""
    return {
        "version": row.version.text,
        "name": row.name,
        "state": row.state.value,
        "tags": sorted(row.tags),
        "applied_at": row.applied_at.isoformat() if row.applied_at else None,
        "duration_ms": row.duration_ms,
        "reversible": row.reversible,
        "down_kept": row.down_kept,
    }


def step_json(step: Step, **more: object) -> dict[str, Any]:
    """Return a step of a plan or a run."""
    return {
        "version": step.version.text,
        "name": step.name,
        "direction": step.direction.value,
        "mode": step.mode.value,
        "statements": len(step.statements),
        "statement_count": len(step.statements),
        "done_before": step.done,
        "file": step.script.source.path,
        "checksum": step.script.checksum,
        "notes": list(step.notes),
        **more,
    }


def event_json(event: Blocked | Retrying | Recovered) -> dict[str, Any]:
    """Return what a run met on its way."""
    told: dict[str, Any] = {"version": event.step.version.text, "name": event.step.name}
    match event:
        case Blocked():
            return told | {
                "statement": event.number,
                "relation": event.relation,
                "queued": event.queued,
                "blockers": [_blocker(blocker) for blocker in event.blockers],
            }
        case Retrying():
            delay = round(event.delay_seconds * 1000)
            return told | {"attempt": event.attempt, "reason": event.reason, "delay_ms": delay}
        case Recovered():
            return told | {"statement": event.number, "message": event.message}


def _blocker(blocker: Blocker) -> dict[str, Any]:
    age = blocker.transaction_seconds
    return {
        "pid": blocker.pid,
        "user": blocker.user,
        "application": blocker.application,
        "kind": blocker.kind,
        "state": blocker.state,
        "transaction_ms": None if age is None else round(age * 1000),
        "lock_modes": blocker.lock_modes,
        "prepared": blocker.prepared,
        "query": blocker.query,
    }


def skipped_json(migration: Migration) -> dict[str, Any]:
    """Return a migration that its tags leave out."""
    return {
        "version": migration.version.text,
        "name": migration.name,
        "state": "skipped",
        "tags": sorted(migration.tags),
    }


def plan_json(plan: Plan, *, sql: bool) -> list[dict[str, Any]]:
    """Return what would run, and what would be skipped.

    `statements` is a list: of what was looked at, and nothing is yet.
    """
    steps = [
        step_json(
            step,
            state="pending",
            statements=[],
            **({"sql": [hide_passwords(each.text) for each in step.statements]} if sql else {}),
        )
        for step in plan.steps
    ]
    return [*steps, *(skipped_json(migration) for migration in plan.skipped)]


def _error(error: BanisterError) -> dict[str, Any]:
    told: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "location": location_json(error.location),
        "state": error.state,
        "hint": error.hint,
        "way_back": error.way_back,
        "way_back_note": error.way_back_note,
    }
    if isinstance(error, MigrationFailed):
        told |= {
            "version": error.version,
            "sqlstate": error.failure.sqlstate,
            "sqlite_error": error.failure.sqlite_error,
            "detail": error.failure.detail,
            "context": error.failure.context,
            "server_hint": error.failure.server_hint,
            "applied": list(error.applied),
            "pending": list(error.pending),
        }
    return told


def location_json(location: Location | None) -> dict[str, Any] | None:
    """Return a place in a file."""
    if location is None:
        return None
    return {
        "path": location.path,
        "line": location.line,
        "column": location.column,
        "note": location.note,
    }
