"""What an interrupt leaves of a connection, and how it stays an interrupt."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus

from banister.errors import interrupt_behind

__all__ = ["interrupts_kept", "usable"]


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Let an interrupt out as one, whatever the driver says of the call that it cut short."""
    try:
        yield
    except psycopg.Error as error:
        interrupt = interrupt_behind(error)
        if interrupt is None:
            raise
        raise interrupt from error


def usable(connection: psycopg.Connection[Any]) -> bool:
    """Whether something can be sent and answered; otherwise the connection is closed here.

    A pipeline that an interrupt has left open never answers: what is sent then waits for its end.
    Nor does a statement whose answer was not read to its end.
    """
    if connection.closed:
        return False
    at_rest = connection.pgconn.transaction_status != TransactionStatus.ACTIVE
    if at_rest and connection.pgconn.pipeline_status == PipelineStatus.OFF:
        return True
    connection.close()
    return False
