"""Sending a step's statements: in pipelined batches, COPY rows streamed, one at a time at will."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import psycopg
from psycopg import generators
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from banister.engines.postgres.faults import failed_in_statement, refused_statement
from banister.engines.postgres.pipeline import Message, exchange
from banister.engines.postgres.session import Connection
from banister.engines.postgres.wire import unhurried
from banister.model import Statement, Step

__all__ = ["Ahead", "Batch", "batches", "send"]

#: Statements with their numbers, from 1.
Batch = list[tuple[int, Statement]]

#: A batch is bounded so that a failure shows early and memory stays small.
_BATCH_STATEMENTS = 256
_BATCH_CHARACTERS = 256 * 1024

#: Characters that any server takes without reading.
_BUFFER = 32 * 1024


def send(connection: Connection, step: Step, batch: Batch) -> None:
    """Run the statements of a batch one by one; raise MigrationFailed.

    Several share a round trip, inside the open transaction; the server still runs them one by one,
    with the extended protocol, which refuses two statements in one. The error names the first that
    fails; those behind it were not run. One alone may be COPY with its rows, or run outside a
    transaction.
    """
    with unhurried(connection) if _fills_buffers(batch) else nullcontext():
        if len(batch) == 1:
            _send_alone(connection, step, *batch[0])
        else:
            _send_batch(connection, step, batch)


def _fills_buffers(batch: Batch) -> bool:
    """Whether the server may have to read some of it before the rest can be sent."""
    rows = any(statement.copy_start is not None for _, statement in batch)
    return rows or sum(len(statement.text) for _, statement in batch) > _BUFFER


def batches(step: Step) -> Iterator[Batch]:
    """Yield all statements in bounded batches; one with COPY rows, or a long one, is alone."""
    batch: Batch = []
    size = 0
    # Small at first, so that a long file shows early how far it is.
    limit = 4
    for number, statement in step.to_run():
        length = len(statement.text)
        alone = statement.copy_start is not None or length > _BATCH_CHARACTERS
        full = len(batch) == limit or size + length > _BATCH_CHARACTERS
        if batch and (full or alone):
            yield batch
            batch, size = [], 0
            limit = min(limit * 2, _BATCH_STATEMENTS)
        batch.append((number, statement))
        size += length
        # A statement may be very long: it is not held on to while the next one is read.
        del statement
        if alone:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Ahead:
    """Reads the next batch of a step while the server works on the one before it."""

    def __init__(self, source: Iterator[Batch]) -> None:
        self._source = source
        self._next: Batch | None = None
        self._read = False
        self._current: Batch = []

    def take(self) -> Batch | None:
        """Return the next batch; None behind the last."""
        found = self._next if self._read else next(self._source, None)
        self._next, self._read, self._current = None, False, found or []
        return found

    def look(self) -> None:
        """Read the one behind it, but where one of the two may be very long."""
        long = any(
            statement.copy_start is not None or len(statement.text) > _BATCH_CHARACTERS
            for _, statement in self._current
        )
        if not self._read and not long:
            self._next, self._read = next(self._source, None), True


def _send_alone(connection: Connection, step: Step, number: int, statement: Statement) -> None:
    try:
        if statement.copy_start is None:
            _execute(connection, statement.text.encode())
        else:
            _copy(connection, step, statement)
        _check_encoding(connection, step, number, statement)
    except psycopg.Error as error:
        raise failed_in_statement(step, number, statement, error) from error


def _execute(connection: Connection, text: bytes) -> None:
    """Run one statement with the extended protocol; results as text, which every type has.

    Not in a pipeline, where the driver loses what a server says as it ends the session.
    """
    connection.pgconn.send_query_params(text, None)
    for result in connection.wait(generators.execute(connection.pgconn)):
        if result.status in {ExecStatus.COPY_IN, ExecStatus.COPY_OUT}:
            connection.close()
            raise psycopg.ProgrammingError("COPY between server and client is no statement here")
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result, encoding=connection.info.encoding)


def _send_batch(connection: Connection, step: Step, batch: Batch) -> None:
    pgconn = connection.pgconn
    messages: list[Message] = [
        partial(pgconn.send_query_params, statement.text.encode(), None) for _, statement in batch
    ]
    answers = _Answers()
    try:
        try:
            exchange(connection, [*messages, pgconn.pipeline_sync], answers.take)
        except psycopg.Error:
            if answers.failure is None:
                raise
        if answers.failure is not None:
            raise error_from_result(answers.failure, encoding=connection.info.encoding)
    except psycopg.Error as error:
        number, statement = batch[min(answers.good, len(batch) - 1)]
        # A server that is gone without a word had its results still to send.
        last = batch[-1][0] if connection.closed and not error.sqlstate else number
        raise failed_in_statement(step, number, statement, error, last=last) from error
    _check_encoding(connection, step, *batch[-1])


@dataclass(kw_only=True)
class _Answers:
    """What the server has said to the statements of a batch."""

    #: How many it has carried out.
    good: int = 0
    #: Why it has not carried out the next one, and skipped those behind it.
    failure: PGresult | None = None

    def take(self, result: PGresult) -> None:
        """Take the next answer."""
        if self.failure is None and result.status == ExecStatus.FATAL_ERROR:
            self.failure = result
        self.good += self.failure is None


def _check_encoding(connection: Connection, step: Step, number: int, statement: Statement) -> None:
    """Refuse to go on when the server would read what we send in another encoding than UTF-8."""
    encoding = connection.info.parameter_status("client_encoding")
    if encoding != "UTF8":
        raise refused_statement(
            step,
            number,
            statement,
            f"client_encoding is {encoding} now, and migration files are UTF-8",
            "take out what sets client_encoding",
        )


def _copy(connection: Connection, step: Step, statement: Statement) -> None:
    start, end = statement.copy_start, statement.copy_end
    if start is None or end is None:
        return
    with connection.cursor().copy(statement.text.encode()) as copy:
        for rows in step.script.source.pieces(start, end):
            copy.write(rows)
