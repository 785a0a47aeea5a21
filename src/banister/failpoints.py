"""Named places at which a test may end a run. Off, unless BANISTER_TEST_FAIL_POINT names one.

Its value is NAME:NTH:ACTION. The process, or its connection, ends when it comes to that place for
the NTH time (from 1). Nothing is kept between calls but the variable itself, which counts down.
"""

import os
import signal
import socket
from collections.abc import Callable, Collection
from enum import StrEnum

__all__ = ["FailPoint", "asks_elsewhere", "fail_point"]

_VARIABLE = "BANISTER_TEST_FAIL_POINT"


class FailPoint(StrEnum):
    """Where a run may be cut off; tests/faults/ says what holds afterwards."""

    #: Nothing is sent yet.
    BEFORE_BEGIN = "before_begin"
    #: Of several steps that share their round trips, nothing is sent.
    BEFORE_TOGETHER = "before_together"
    #: Some of them are sent, and one COMMIT more is about to be.
    IN_TOGETHER = "in_together"
    #: All of it is answered; nobody was told.
    TOGETHER_ANSWERED = "together_answered"
    #: Inside the transaction of a step, behind some of its statements.
    IN_TRANSACTION = "in_transaction"
    #: All statements have run; no record is written.
    BEFORE_RECORD = "before_record"
    #: The record is written, and COMMIT is not sent.
    BEFORE_COMMIT = "before_commit"
    #: COMMIT took place; nobody was told.
    AFTER_COMMIT = "after_commit"
    #: The step is done; its event is not handed on.
    BEFORE_TOLD = "before_told"
    #: Outside a transaction: the log does not know of the statement.
    BEFORE_STARTED = "before_started"
    #: The log says that it begins; it is not sent.
    BEFORE_STATEMENT = "before_statement"
    #: It took effect; the log does not say so.
    AFTER_STATEMENT = "after_statement"
    #: The log says so; the next statement has not begun.
    AFTER_DONE = "after_done"
    #: All statements are done; the record of the step is not written.
    BEFORE_END = "before_end"
    #: The catalog is about to be asked about a statement, and half-made things removed.
    BEFORE_RECOVERY = "before_recovery"
    #: They are; the log does not say so.
    AFTER_RECOVERY = "after_recovery"


class _Action(StrEnum):
    #: As kill -9 does.
    KILL = "kill"
    #: The wire to the server is cut, without a word.
    DROP = "drop"


def asks_elsewhere(points: Collection[FailPoint]) -> bool:
    """Whether a test asks for a place that is none of these."""
    asked = os.environ.get(_VARIABLE)
    return asked is not None and FailPoint(asked.partition(":")[0]) not in points


def fail_point(point: FailPoint, fileno: Callable[[], int] | None = None) -> None:
    """End the process or the connection here where a test asks for it; else do nothing.

    `fileno` returns the socket of the connection. Raises ValueError for a variable that names no
    point or no action.
    """
    asked = os.environ.get(_VARIABLE)
    if asked is None:
        return
    name, nth, action = asked.split(":")
    wanted, what, left = FailPoint(name), _Action(action), int(nth)
    if wanted is not point:
        return
    os.environ[_VARIABLE] = f"{name}:{left - 1}:{action}"
    if left != 1:
        return
    if what is _Action.KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    elif fileno is not None:
        with socket.socket(fileno=os.dup(fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
