"""Carries out plans: lock, read the history again, plan again, run and record, tell.

The only module that acts. It yields events and raises errors that say what state is left; it
never prints.
"""

import random
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import PurePath

from banister.engines.base import Engine, HistoryChanged, TryAgain
from banister.errors import (
    BanisterError,
    DatabaseError,
    Failure,
    FileChanged,
    Finding,
    MigrationFailed,
    OutcomeUnknown,
    interrupt_behind,
)
from banister.failpoints import FailPoint, fail_point
from banister.fingerprints import leave_fingerprint
from banister.model import (
    AppliedMigration,
    Direction,
    Event,
    History,
    NothingToDo,
    Plan,
    Planned,
    Recovered,
    Retrying,
    RunFinished,
    RunInfo,
    Skipped,
    StatementDone,
    Step,
    StepDone,
    StepFailed,
    StepStarted,
    TransactionMode,
    Version,
    Warned,
)
from banister.model.records import failure_entry, skip_entry
from banister.planning import refuse_errors

__all__ = ["Job", "refuse_errors", "run"]

#: Seconds between two attempts at a step, at the most.
_LONGEST_PAUSE = 60.0

#: Seconds in which a lost connection must come back for its outcome to be looked up.
_RECONNECT_WITHIN = 60.0
#: Pauses between two attempts, in seconds: the first, and the longest.
_RECONNECT_PAUSES = (0.2, 5.0)


@dataclass(kw_only=True)
class Job:
    """What one run is made of, and how far it came."""

    engine: Engine
    info: RunInfo
    #: The plan for a history: pure, so that it can be made again whenever the history changed.
    make_plan: Callable[[History], Plan]
    #: Seconds to wait for another run.
    lock_wait: float
    #: Seconds in which a step is tried again while others are in its way; 0: never.
    lock_retry: float = 0.0
    #: Whether the plan needs the down texts that the database keeps.
    stored_downs: bool = False
    #: What the fingerprint of the schema leaves out.
    ignore: frozenset[str] = frozenset()
    #: What the plan was made from last.
    history: History = field(default_factory=History)
    #: The steps that are committed.
    done: list[Step] = field(default_factory=list)
    #: How many statements of the running step have told that they are done.
    kept: int = 0
    #: Another run has changed the history while a lost connection left it without the lock.
    plan_again: bool = False


def run(job: Job) -> Generator[Event, None, RunFinished]:
    """Carry out the plan; yield what happens; return how it ended.

    Without pending work no lock is taken and nothing is written. Otherwise the history is read
    again under the lock and the plan is made again from it, so that of several runs at the same
    time each migration runs in one. Steps that are committed stay; the first failure ends the
    run, is logged in a transaction of its own, and is raised with the state that is left. Raises
    FindingsError before anything is written when a check fails.
    """
    started = time.monotonic()
    plan = _plan(job)
    if not plan.has_work:
        yield NothingToDo(plan=plan)
        finished = _finished(job, plan, started)
        yield finished
        return finished
    unfit = job.engine.unfit(plan.steps)
    if unfit is not None:
        raise unfit
    try:
        plan = yield from _under_lock(job, plan)
        finding = _leave_fingerprint(job)
        if finding is not None:
            yield Warned(finding=finding)
    except BanisterError as error:
        if interrupt_behind(error) is None and not isinstance(error, OutcomeUnknown):
            _leave_fingerprint(job)
        raise
    finally:
        job.engine.unlock()
    finished = _finished(job, plan, started)
    yield finished
    return finished


def _under_lock(job: Job, before: Plan) -> Generator[Event, None, Plan]:
    """Plan again under the lock, as often as the history changes, and carry the plan out."""
    yield from job.engine.lock(wait_seconds=job.lock_wait)
    plan = _plan(job)
    _refuse_another_way_down(job, before, plan)
    while plan.has_work:
        yield Planned(plan=plan)
        job.engine.prepare()
        try:
            yield from _carry_out(job, plan)
            break
        except HistoryChanged:
            before, plan = plan, _plan(job)
            _refuse_another_way_down(job, before, plan)
    else:
        yield NothingToDo(plan=plan)
    return plan


def _leave_fingerprint(job: Job) -> Finding | None:
    return leave_fingerprint(job.engine, job.info, job.history, job.done, ignore=job.ignore)


def _finished(job: Job, plan: Plan, started: float) -> RunFinished:
    return RunFinished(
        run_id=job.info.run_id,
        plan=plan,
        steps=tuple(job.done),
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _plan(job: Job) -> Plan:
    job.history = job.engine.read_history(stored_downs=job.stored_downs)
    plan = job.make_plan(job.history)
    refuse_errors(plan.findings)
    return plan


def _refuse_another_way_down(job: Job, before: Plan, now: Plan) -> None:
    """Stop when "the last two" are other ones now: nobody asked for those to be rolled back.

    Fewer of the same are what is left of the wish: another run has rolled back the others.
    """
    asked = {step.version for step in before.steps} - {step.version for step in job.done}
    if before.direction is Direction.UP or all(step.version in asked for step in now.steps):
        return
    done = ", ".join(str(step.version) for step in job.done)
    raise DatabaseError(
        "another run changed the history meanwhile: what this one would roll back now is not what "
        "it was asked to",
        code="history_changed",
        state=f"{done} rolled back, nothing else" if done else "nothing was rolled back",
        hint="look at `banister status`, then run the command again",
    )


def _carry_out(job: Job, plan: Plan) -> Generator[Event, None, None]:
    yield from _record_skips(job, plan)
    expected = plan.made_from
    seed = plan.seed
    for number, step in enumerate(plan.steps, start=1):
        yield StepStarted(step=step, number=number, total=len(plan.steps))
        started = time.monotonic()
        job.kept = step.done
        try:
            row = yield from _counted(job, _apply(job, step, expected, seed=seed))
        except BanisterError as error:
            if interrupt_behind(error) is not None:
                # The driver was cut short in the middle: nothing more is said over its connection.
                raise
            _explain(error, job, plan, step)
            _log_failure(job, step, error)
            yield StepFailed(step=step, error=error)
            raise
        fail_point(FailPoint.BEFORE_TOLD)
        seed = None
        job.done.append(step)
        expected = expected ^ {step.version}
        duration = round((time.monotonic() - started) * 1000)
        yield StepDone(step=step, duration_ms=duration, row=row)
        if job.plan_again and number < len(plan.steps):
            job.plan_again = False
            raise HistoryChanged


def _counted(
    job: Job, running: Generator[Event, None, AppliedMigration | None]
) -> Generator[Event, None, AppliedMigration | None]:
    """Pass a step's events on, and note how far it came."""
    with closing(running):
        while True:
            try:
                event = next(running)
            except StopIteration as end:
                row: AppliedMigration | None = end.value
                return row
            if isinstance(event, StatementDone):
                job.kept = event.number
            yield event


def _apply(
    job: Job, step: Step, expected: frozenset[Version], *, seed: bool | None
) -> Generator[Event, None, AppliedMigration | None]:
    """Apply a step, again and again while others are in its way and the budget lasts."""
    started = time.monotonic()
    attempt = 1
    while True:
        try:
            return (
                yield from job.engine.apply(
                    step, job.info, expected=expected, seed=seed, attempt=attempt
                )
            )
        except TryAgain as passing:
            delay = random.uniform(0.5, 1) * min(_LONGEST_PAUSE, 0.5 * 2**attempt)  # noqa: S311
            if time.monotonic() - started + delay > job.lock_retry:
                raise passing.error from passing
            yield Retrying(step=step, attempt=attempt, reason=passing.reason, delay_seconds=delay)
        except FileChanged as changed:
            raise _changed(step, changed) from changed
        except OutcomeUnknown as unknown:
            return (yield from _settle(job, step, expected, unknown))
        time.sleep(delay)
        attempt += 1
        step = _planned_again(job, step)


def _planned_again(job: Job, step: Step) -> Step:
    """Return the step as the history has it now: outside a transaction it may have come further.

    Only what is said about this step counts: "the last two" are others by now.
    """
    plan = job.make_plan(job.engine.read_history(stored_downs=job.stored_downs))
    for again in plan.steps:
        if again.version == step.version:
            about = tuple(f for f in plan.findings if f.version == step.version.text)
            refuse_errors(about)
            return again
    raise HistoryChanged


def _settle(
    job: Job, step: Step, expected: frozenset[Version], unknown: OutcomeUnknown
) -> Generator[Event, None, AppliedMigration | None]:
    """Find out what became of a COMMIT whose answer was lost: the history decides, under the lock.

    Returns as if the answer had come where it took place; raises the truth where it did not, and
    `unknown` itself where the database cannot be asked.
    """
    history = yield from _ask_again(job, unknown)
    row = history.by_version.get(step.version)
    if (row is not None) is (step.direction is Direction.UP):
        yield Recovered(
            step=step,
            number=len(step.statements),
            message="the connection was lost at COMMIT; the history shows that it took place",
        )
        # Without the lock for a while: another run may have gone on from here.
        job.plan_again = frozenset(history.by_version) != expected ^ {step.version}
        return row
    raise DatabaseError(
        unknown.message,
        code="connection_lost",
        location=unknown.location,
        state=f"the history shows that it did not take place: nothing of {step.version} is left"
        if step.mode is TransactionMode.WHOLE
        else "what was finished before is kept and will not run again",
        hint=f"run `banister {step.direction}` again",
    ) from unknown


def _ask_again(job: Job, unknown: OutcomeUnknown) -> Generator[Event, None, History]:
    """Connect anew, take the lock and read the history; raise `unknown` where that fails for long.

    Under the lock alone: until the server has seen that the lost session is gone, its COMMIT may
    still be on its way.
    """
    give_up = time.monotonic() + _RECONNECT_WITHIN
    pause, longest = _RECONNECT_PAUSES
    while True:
        try:
            job.engine.reconnect()
            yield from job.engine.lock(wait_seconds=job.lock_wait)
            return job.engine.read_history()
        except DatabaseError as error:
            if time.monotonic() + pause > give_up:
                raise unknown from error
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- jitter, not a secret
        pause = min(2 * pause, longest)


def _record_skips(job: Job, plan: Plan) -> Generator[Event, None, None]:
    if not plan.newly_skipped:
        return
    job.engine.record([skip_entry(migration) for migration in plan.newly_skipped], job.info)
    for migration in plan.newly_skipped:
        yield Skipped(migration=migration)


def _explain(error: BanisterError, job: Job, plan: Plan, step: Step) -> None:
    """Complete an error with what only the run knows: the state that is left, what to do."""
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


def _changed(step: Step, error: FileChanged) -> MigrationFailed:
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


def _log_failure(job: Job, step: Step, error: BanisterError) -> None:
    """Write the failure down; where even that fails, the failure itself is what matters."""
    try:
        job.engine.record([failure_entry(step, error.message)], job.info)
    except BanisterError as second:
        error.add_note(f"the failure could not be logged: {second.message}")
