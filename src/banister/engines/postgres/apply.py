"""Carrying out one step on PostgreSQL: its statements, its row and its event, together."""

import time
from collections.abc import Generator

from banister.engines.postgres.journaled import Journaled
from banister.engines.postgres.stage import Stage
from banister.engines.postgres.statements import Ahead
from banister.errors import BanisterError
from banister.failpoints import FailPoint, fail_point
from banister.model import AppliedMigration, Event, TransactionMode

__all__ = ["carry_out"]


def carry_out(stage: Stage) -> Generator[Event, None, AppliedMigration | None]:
    """Carry out the step of a stage; see `Engine.apply`."""
    whole = stage.step.mode is TransactionMode.WHOLE
    try:
        return (yield from _in_one_transaction(stage) if whole else Journaled(stage=stage).run())
    except BanisterError:
        # What the server said before a failure often explains it.
        yield from stage.said()
        raise


def _in_one_transaction(stage: Stage) -> Generator[Event, None, AppliedMigration | None]:
    started = time.monotonic()
    step = stage.step
    stage.reset()
    fail_point(FailPoint.BEFORE_BEGIN, stage.session.connection.fileno)
    begun = yield from stage.take_turn(step.begin_options)
    with stage.transaction(options=step.begin_options, begun=begun) as connection:
        ahead = Ahead(stage.batches())
        while (batch := ahead.take()) is not None:
            yield from stage.send(batch, meanwhile=ahead.look)
            fail_point(FailPoint.IN_TRANSACTION, connection.fileno)
            yield from stage.said()
            for number in [number for number, _ in batch]:
                yield stage.done(number)
            # What it holds may be very long: it goes before the next batch is read.
            batch.clear()
        fail_point(FailPoint.BEFORE_RECORD, connection.fileno)
        row = stage.record(connection, started)
    yield from stage.said()
    return row
