"""Sending a step's statements: in pipelined batches, COPY rows streamed, one at a time at will."""

from collections.abc import Iterator, Sequence

import psycopg

from banister.engines.postgres.faults import failed_in_statement
from banister.engines.postgres.session import Connection
from banister.model import Statement, Step

__all__ = ["send_alone", "send_batched"]

#: A batch is bounded so that a failure shows early and memory stays small.
_BATCH_STATEMENTS = 64
_BATCH_CHARACTERS = 256 * 1024
_COPY_CHARACTERS = 256 * 1024


def send_batched(connection: Connection, step: Step, numbers: Sequence[int]) -> Iterator[int]:
    """Run statements (numbers from 1) inside the open transaction; yield each when it is done.

    Statements of a batch share a round trip; the server still runs them one by one, with the
    extended protocol, which refuses two statements in one. Raises MigrationFailed for the first
    that fails; those behind it were not run.
    """
    for batch in _batches(step, numbers):
        if step.statements[batch[0] - 1].copy_start is not None:
            send_alone(connection, step, batch[0])
        else:
            _send_batch(connection, step, batch)
        yield from batch


def send_alone(connection: Connection, step: Step, number: int) -> None:
    """Run one statement (from 1) by itself, with its COPY rows; raise MigrationFailed."""
    statement = step.statements[number - 1]
    try:
        if statement.copy_start is None:
            # A binary result asks for the extended protocol without a pipeline around it.
            connection.cursor(binary=True).execute(statement.text.encode())
        else:
            _copy(connection, step, statement)
    except psycopg.Error as error:
        raise failed_in_statement(step, number, error) from error


def _batches(step: Step, numbers: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for number in numbers:
        statement = step.statements[number - 1]
        copies = statement.copy_start is not None
        full = len(batch) == _BATCH_STATEMENTS or size > _BATCH_CHARACTERS
        if batch and (full or copies):
            yield batch
            batch, size = [], 0
        batch.append(number)
        size += len(statement.text)
        if copies:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _send_batch(connection: Connection, step: Step, batch: list[int]) -> None:
    cursors = [connection.cursor() for _ in batch]
    try:
        with connection.pipeline():
            for number, cursor in zip(batch, cursors, strict=True):
                cursor.execute(step.statements[number - 1].text.encode())
    except psycopg.Error as error:
        # The first cursor without a result is the one that failed: the server skips the rest.
        failed = next(
            (number for number, cursor in zip(batch, cursors, strict=True) if not cursor.pgresult),
            batch[-1],
        )
        raise failed_in_statement(step, failed, error) from error


def _copy(connection: Connection, step: Step, statement: Statement) -> None:
    start, end = statement.copy_start, statement.copy_end
    if start is None or end is None:
        return
    text = step.script.source.text
    with connection.cursor().copy(statement.text.encode()) as copy:
        for position in range(start, end, _COPY_CHARACTERS):
            copy.write(text[position : min(position + _COPY_CHARACTERS, end)])
