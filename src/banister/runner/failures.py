"""What a failure leaves behind, as only the run knows it."""

from pathlib import PurePath

from banister.errors import (
    BanisterError,
    DatabaseError,
    Failure,
    FileChanged,
    MigrationFailed,
    OutcomeUnknown,
)
from banister.model import Direction, Plan, Step, TransactionMode
from banister.runner.job import Job

__all__ = ["changed", "explain"]


def explain(error: BanisterError, job: Job, plan: Plan, step: Step) -> None:
    """Complete an error with what only the run knows: the state that is left, what to do."""
    if job.way_back is not None:
        error.way_back = job.way_back.command or job.way_back.detail
        error.way_back_note = job.way_back.note
    if isinstance(error, DatabaseError) and not isinstance(error, OutcomeUnknown):
        error.state = error.state or _state(job, plan, step)
    if not isinstance(error, MigrationFailed):
        return
    error.applied = tuple(str(done.version) for done in job.done)
    behind = plan.steps[plan.steps.index(step) + 1 :]
    error.pending = tuple(str(later.version) for later in behind)
    command = f"banister {step.direction}"
    again = f"correct the file and run `{command}` again"
    error.hint = f"{error.hint}; then run `{command}` again" if error.hint else again


def changed(step: Step, error: FileChanged) -> MigrationFailed:
    """Return the failure of a step whose file changed under it."""
    return MigrationFailed(
        f"migration {PurePath(step.script.source.path).name} failed: {error.message}",
        version=step.version.text,
        failure=Failure(message=error.message),
        location=error.location,
        hint=error.hint,
    )


def _state(job: Job, plan: Plan, step: Step) -> str:
    parts = [_left_of(job, step)]
    up = step.direction is Direction.UP
    if job.done:
        versions = ", ".join(str(done.version) for done in job.done)
        stays = "stay" if len(job.done) > 1 else "stays"
        parts.append(f"{versions} {stays} " + ("applied" if up else "rolled back"))
    if up:
        reached = [done.version for done in job.done]
        at = max([*reached, plan.current] if plan.current else reached, default=None)
        left = len(plan.steps) - plan.steps.index(step)
        parts.append(f"the database is at {at}" if at else "nothing is applied")
        parts.append(f"{left} pending")
    else:
        parts.append(f"{step.version} is still applied")
    return "; ".join(parts)


def _left_of(job: Job, step: Step) -> str:
    """Say what is left of a step that failed."""
    if step.mode is TransactionMode.WHOLE:
        return f"{step.version} was rolled back whole"
    if job.kept == len(step.statements):
        return f"all statements of {step.version} are kept and will not run again"
    # What an interrupted run had begun may have been found to be done.
    if job.kept or step.in_question is not None:
        return "the statements before it are kept and will not run again"
    return f"no statement of {step.version} was carried out"
