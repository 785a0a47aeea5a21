"""Finding out what became of a COMMIT whose answer was lost."""

import random
import time
from collections.abc import Generator, Sequence

from banister.errors import DatabaseError, OutcomeUnknown
from banister.model import (
    AppliedMigration,
    Direction,
    Event,
    History,
    Recovered,
    Step,
    TransactionMode,
    Version,
)
from banister.runner.job import Job

__all__ = ["settle"]

#: Seconds in which a lost connection must come back for its outcome to be looked up.
_RECONNECT_WITHIN = 60.0
#: Pauses between two attempts, in seconds: the first, and the longest.
_RECONNECT_PAUSES = (0.2, 5.0)


def settle(
    job: Job, steps: Sequence[Step], expected: frozenset[Version], unknown: OutcomeUnknown
) -> Generator[Event, None, list[AppliedMigration | None]]:
    """Find out what became of COMMITs whose answers were lost: the history decides, under the lock.

    `steps` were sent, in this order. Returns the rows of the first of them, those that took place,
    as if the answers had come; raises the truth where none did, and `unknown` itself where the
    database cannot be asked.
    """
    history = yield from _ask_again(job, unknown)
    rows: list[AppliedMigration | None] = []
    for step in steps:
        row = history.by_version.get(step.version)
        if (row is not None) is not (step.direction is Direction.UP):
            break
        rows.append(row)
        yield Recovered(
            step=step,
            number=len(step.statements),
            message="the connection was lost at COMMIT; the history shows that it took place",
        )
    if rows:
        # Without the lock for a while: another run may have gone on from here.
        ours = {step.version for step in steps[: len(rows)]}
        job.plan_again = frozenset(history.by_version) != expected ^ ours
        return rows
    step = steps[0]
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
