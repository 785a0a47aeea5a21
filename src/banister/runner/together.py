"""Steps that share their round trips, as far as the engine can carry them out so."""

from collections.abc import Generator
from contextlib import closing

from banister.engines.base import Committed, TryAgain
from banister.errors import BanisterError, OutcomeUnknown, interrupt_behind
from banister.model import Blocked, Event, Progress, ServerNotice, StatementDone
from banister.runner.course import Course
from banister.runner.settling import settle

__all__ = ["carry_out_together"]


def carry_out_together(course: Course) -> Generator[Event, None, TryAgain | None]:
    """Carry out as many of the next steps as go together; what is left goes by itself.

    Returns why the next step is to be tried again where others were in its way.
    """
    job = course.job
    if not job.together or course.seed is not None or job.losses is not None:
        return None
    if len(course.ahead) < 2:
        return None
    yield from course.begun(course.ahead[0])
    running = job.engine.apply_together(course.ahead, job.info)
    try:
        with closing(running):
            yield from _told(course, running)
    except TryAgain as passing:
        yield from course.begun(course.ahead[0])
        return passing
    except KeyboardInterrupt:
        yield from course.begun(course.ahead[0]) if course.ahead else ()
        raise
    except OutcomeUnknown as unknown:
        yield from _settled(course, unknown)
    except BanisterError as error:
        if interrupt_behind(error) is not None:
            raise
        yield from course.begun(course.ahead[0])
        yield from course.failed(course.ahead[0], error)
    return None


def _told(
    course: Course, running: Generator[Event | Committed, None, None]
) -> Generator[Event, None, None]:
    for event in running:
        if isinstance(event, Committed):
            yield from course.begun(event.step)
            yield from course.done(event.step, event.duration_ms, event.row)
            continue
        if isinstance(event, StatementDone | ServerNotice | Blocked | Progress):
            yield from course.begun(event.step)
        yield event


def _settled(course: Course, unknown: OutcomeUnknown) -> Generator[Event, None, None]:
    """Go on behind the steps that the history shows to be done; raise where none of them is."""
    job, steps = course.job, course.ahead[: unknown.steps]
    yield from course.begun(steps[0])
    try:
        rows = yield from settle(job, steps, course.expected, unknown)
    except BanisterError as error:
        yield from course.failed(steps[0], error)
    again, job.plan_again = job.plan_again, False
    for number, (step, row) in enumerate(zip(steps, rows, strict=False), start=1):
        yield from course.begun(step)
        job.plan_again = again and number == len(rows)
        duration = row.duration_ms if row is not None else None
        yield from course.done(step, duration or 0, row)
