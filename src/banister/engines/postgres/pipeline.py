"""Many messages to the server at once, over libpq's pipeline mode, and their answers in order.

https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from banister.engines.postgres.session import Connection

__all__ = ["Message", "exchange"]

#: Puts one message into libpq's buffer; it has one answer.
Message = Callable[[], None]

#: Messages that are handed to libpq before what it holds is sent on.
_AT_A_TIME = 16
_COPY = frozenset({ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH})


def exchange(
    connection: Connection, messages: Iterable[Message], take: Callable[[PGresult], None]
) -> None:
    """Send the messages, the last of which is a Sync, and pass every answer to `take`, in order.

    Sends and reads at the same time, so that neither side waits for the other to read. Returns when
    all are answered: after one that fails, the server skips the rest up to the next Sync, and says
    so of each. Raises psycopg.Error, with the connection closed, when the server is gone or is
    answered with rows that nobody reads.
    """
    waiting = deque(messages)
    with _pipeline_mode(connection.pgconn):
        connection.wait(_talk(connection.pgconn, waiting, len(waiting), take))


@contextmanager
def _pipeline_mode(pgconn: PGconn) -> Iterator[None]:
    pgconn.enter_pipeline_mode()
    try:
        yield
        pgconn.exit_pipeline_mode()
    except BaseException:
        # What is still on its way would be taken for the answer to something else.
        pgconn.finish()
        raise


def _talk(
    pgconn: PGconn, messages: deque[Message], left: int, take: Callable[[PGresult], None]
) -> PQGen[None]:
    while left:
        ready = yield Wait.RW if messages else Wait.R
        if ready & Ready.R:
            pgconn.consume_input()
            for result in _answers(pgconn):
                take(result)
                left -= 1
        if ready & Ready.W:
            for _ in range(min(_AT_A_TIME, len(messages))):
                messages.popleft()()
        # Also while it only reads: the last of what was sent may not have fitted in.
        pgconn.flush()


def _answers(pgconn: PGconn) -> Iterator[PGresult]:
    """Yield the answers that are there, one a message."""
    ended = True
    while not pgconn.is_busy():
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")
            if ended:
                # Not the end of an answer: nothing is asked any more.
                return
            ended = True
            continue
        if result.status in _COPY:
            raise psycopg.ProgrammingError("COPY between server and client is no statement here")
        yield result
        # Nothing stands behind the answer to a Sync.
        ended = result.status == ExecStatus.PIPELINE_SYNC
