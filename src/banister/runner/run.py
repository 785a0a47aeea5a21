"""Carries out plans: lock, read the history again, plan again, run and record, tell.

It yields events and raises errors that say what state is left; it never prints.
"""

import random
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from banister.engines.base import HistoryChanged, TryAgain
from banister.errors import (
    BanisterError,
    DatabaseError,
    FileChanged,
    Finding,
    OutcomeUnknown,
    interrupt_behind,
)
from banister.fingerprints import leave_fingerprint
from banister.model import (
    AppliedMigration,
    Direction,
    Event,
    NothingToDo,
    Plan,
    Planned,
    Retrying,
    RunFinished,
    Skipped,
    StatementDone,
    Step,
    Version,
    Warned,
)
from banister.model.backup import WayBack
from banister.model.records import backup_entry, skip_entry
from banister.planning import refuse_errors
from banister.runner.course import Course
from banister.runner.failures import changed
from banister.runner.job import Job
from banister.runner.settling import settle
from banister.runner.together import carry_out_together

__all__ = ["run"]

#: Seconds between two attempts at a step, at the most.
_LONGEST_PAUSE = 60.0


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
        yield from _make_ready(job, plan)
        try:
            yield from _carry_out(job, plan)
            break
        except HistoryChanged:
            before, plan = plan, _plan(job)
            _refuse_another_way_down(job, before, plan)
    else:
        yield NothingToDo(plan=plan)
    return plan


def _make_ready(job: Job, plan: Plan) -> Generator[Event, None, None]:
    """Make the way back once, whatever becomes of the plan, and what the history needs."""
    made: WayBack | None = None
    if job.first is not None:
        with closing(job.first(plan)) as making:
            job.way_back = made = yield from making
        job.first = None
    if job.find_losses is not None:
        job.losses = job.find_losses(plan)
        job.find_losses = None
    job.engine.prepare()
    if made is not None:
        job.engine.record([backup_entry(made)], job.info)


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
    course = Course(job=job, plan=plan, expected=plan.made_from, seed=plan.seed)
    while course.ahead:
        before = course.number
        tried = yield from carry_out_together(course)
        if course.ahead and (course.number == before or tried is not None):
            yield from _carry_out_alone(course, tried)


def _carry_out_alone(course: Course, tried: TryAgain | None) -> Generator[Event, None, None]:
    """Carry out the next step; `tried`: it was tried once with others, who were in its way."""
    job, step = course.job, course.ahead[0]
    yield from course.begun(step)
    started = time.monotonic()
    job.kept = step.done
    try:
        applying = _apply(job, step, course.expected, seed=course.seed, tried=tried)
        row = yield from _counted(job, applying)
    except BanisterError as error:
        if interrupt_behind(error) is not None:
            # The driver was cut short in the middle: nothing more is said over its connection.
            raise
        yield from course.failed(step, error)
    else:
        yield from course.done(step, round((time.monotonic() - started) * 1000), row)


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
    job: Job,
    step: Step,
    expected: frozenset[Version],
    *,
    seed: bool | None,
    tried: TryAgain | None,
) -> Generator[Event, None, AppliedMigration | None]:
    """Apply a step, again and again while others are in its way and the budget lasts."""
    started = time.monotonic()
    attempt = 1
    if tried is not None:
        step = yield from _wait(job, step, attempt, started, tried)
        attempt += 1
    while True:
        losses = None if job.losses is None else job.losses.get(step.version, ())
        losing = replace(step, losses=losses)
        try:
            return (
                yield from job.engine.apply(
                    losing, job.info, expected=expected, seed=seed, attempt=attempt
                )
            )
        except TryAgain as passing:
            step = yield from _wait(job, step, attempt, started, passing)
        except FileChanged as error:
            raise changed(step, error) from error
        except OutcomeUnknown as unknown:
            return (yield from settle(job, [step], expected, unknown))[0]
        attempt += 1


def _wait(
    job: Job, step: Step, attempt: int, started: float, passing: TryAgain
) -> Generator[Event, None, Step]:
    """Pause behind an attempt, as long as the budget lasts, and return the step as it is then."""
    delay = random.uniform(0.5, 1) * min(_LONGEST_PAUSE, 0.5 * 2**attempt)  # noqa: S311
    if time.monotonic() - started + delay > job.lock_retry:
        raise passing.error from passing
    yield Retrying(step=step, attempt=attempt, reason=passing.reason, delay_seconds=delay)
    time.sleep(delay)
    return _planned_again(job, step)


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


def _record_skips(job: Job, plan: Plan) -> Generator[Event, None, None]:
    if not plan.newly_skipped:
        return
    job.engine.record([skip_entry(migration) for migration in plan.newly_skipped], job.info)
    for migration in plan.newly_skipped:
        yield Skipped(migration=migration)
