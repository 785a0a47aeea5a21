"""Several small steps in one pipeline: each in a transaction of its own, with its record.

No Sync stands between a COMMIT and the next BEGIN, so that after an error the server skips all that
follows. https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING

Only the last COMMIT waits for the disk. A crash of the server may take back the others with their
records, which is why no step is told to be done before something behind it is on the disk.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from banister.engines.base import Committed
from banister.engines.postgres.faults import failed_in_statement, first_line
from banister.engines.postgres.messages import Part, Sent, messages_of
from banister.engines.postgres.pipeline import exchange
from banister.engines.postgres.stage import Stage
from banister.engines.postgres.watched import Damage, watched
from banister.engines.queries import load_queries
from banister.errors import Location, OutcomeUnknown, interrupt_behind
from banister.failpoints import FailPoint, asks_elsewhere, fail_point
from banister.model import Event, LargeSource, Step, TransactionMode
from banister.model.records import applied_row

__all__ = ["Together", "fitting"]

#: What shares a pipeline is no more than any server takes without reading, in characters, and so
#: many for what we send with each step: a wire that dies is then noticed as soon as ever.
_CHARACTERS = 32 * 1024
_FOR_A_STEP = 1200
#: Files with these words go by themselves: what listens must not hear of what a crash may take
#: back, the driver takes no COPY in a pipeline, and the others change how it would go on.
_APART = re.compile(
    r"\b(?:notify|pg_notify|copy|synchronous_commit|client_encoding|deallocate|discard)\b",
    re.IGNORECASE,
)
#: Places at which a run that goes this way may be cut off.
_POINTS = frozenset({
    FailPoint.BEFORE_TOGETHER, FailPoint.IN_TOGETHER, FailPoint.TOGETHER_ANSWERED,
    FailPoint.BEFORE_TOLD,
})  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Types of the columns as we make them.
_OUR_TYPES = {
    "version": "text", "name": "text", "applied_at": "timestamp with time zone",
    "up_checksum": "text", "down_checksum": "text", "down_text": "text", "duration_ms": "bigint",
    "run_id": "text",
}  # fmt: skip


def fitting(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Return the first stages that can share a pipeline; none where the first one cannot."""
    fit: list[Stage] = []
    characters = 0
    if asks_elsewhere(_POINTS):
        return ()
    for stage in stages:
        characters += _size(stage.step)
        if characters > _CHARACTERS or not _fits(stage):
            break
        fit.append(stage)
    return tuple(fit) if len(fit) > 1 else ()


def _size(step: Step) -> int:
    kept = step.down.source.size if step.down is not None else 0
    return step.script.source.size + kept + _FOR_A_STEP


def _fits(stage: Stage) -> bool:
    step = stage.step
    source = step.script.source
    return (
        step.mode is TransactionMode.WHOLE
        and not step.begin_options
        and step.script.directives.lock_timeout is None
        and stage.saver is None
        and not isinstance(source, LargeSource)
        and not _APART.search(source.text)
        and stage.identity.types == _OUR_TYPES
    )


@dataclass(kw_only=True)
class _Answers:
    """What has come back so far: filled by the thread that reads, looked at by another."""

    stages: Sequence[Stage]
    messages: Sequence[Sent]
    read: int = 0
    #: How many steps are committed.
    committed: int = 0
    #: The first message that failed.
    failed: tuple[Sent, psycopg.Error] | None = None
    #: What there is to tell, with the number of its step; and how much of it is told.
    events: list[tuple[int, Event | Committed]] = field(default_factory=list)
    told: int = 0
    #: Committed, not told: it may not be on the disk.
    held: list[tuple[int, Event | Committed]] = field(default_factory=list)
    #: When the last step was applied, and how many milliseconds it took.
    _recorded: tuple[datetime | None, int] = (None, 0)

    def take(self, result: PGresult) -> None:
        """Take the answer to the next message."""
        sent = self.messages[self.read]
        self.read += 1
        stage = self.stages[sent.at]
        if result.status == ExecStatus.FATAL_ERROR and self.failed is None:
            encoding = stage.session.connection.info.encoding
            self.failed = sent, error_from_result(result, encoding=encoding)
        if sent.part in {Part.AROUND, Part.OURS}:
            stage.session.drop_notices()
            return
        self.events += [(sent.at, said) for said in stage.said()]
        if self.failed is not None:
            return
        match sent.part:
            case Part.STATEMENT:
                self.events.append((sent.at, stage.done(sent.number)))
            case Part.RECORD:
                at, duration = self._time(result.get_value(0, 1)), result.get_value(0, 2)
                self._recorded = at, int(duration or 0)
            case Part.COMMIT:
                self.committed += 1
                self.events.append((sent.at, self._done(stage)))

    def _done(self, stage: Stage) -> Committed:
        at, duration = self._recorded
        row = None
        if at is not None:
            row = replace(applied_row(stage.step, duration), applied_at=at, down_text=None)
        return Committed(step=stage.step, duration_ms=duration, row=row)

    def _time(self, microseconds: bytes | None) -> datetime | None:
        """Return a moment in the zone that holds while a record is written."""
        if microseconds is None:
            return None
        at = _EPOCH + timedelta(microseconds=int(microseconds))
        return at.astimezone(self.stages[0].session.connection.info.timezone)

    def place(self) -> tuple[Step, int]:
        """Return the step and the statement of the first message without an answer."""
        sent = self.messages[min(self.read, len(self.messages) - 1)]
        return self.stages[sent.at].step, sent.number

    def news(self) -> Iterator[Event]:
        """Yield what is done since the last call, but for steps that may not be on the disk."""
        while self.told < len(self.events):
            at, event = self.events[self.told]
            self.told += 1
            if isinstance(event, Committed):
                self.held.append((at, event))
            else:
                yield event

    def rest(self, steps: int) -> list[Event | Committed]:
        """Return all that is not told of the first steps."""
        untold = [*self.held, *self.events[self.told :]]
        self.held, self.told = [], len(self.events)
        return [event for at, event in untold if at < steps]


@dataclass(frozen=True, kw_only=True)
class Together:
    """Two or more steps over one session that holds the runner lock; see `fitting`."""

    stages: Sequence[Stage]

    def carry_out(self) -> Generator[Event | Committed, None, None]:
        """Carry them out; see `Engine.apply_together`."""
        first = self.stages[0]
        connection = first.session.connection
        if not first.session.prepared:
            first.reset()
        messages = list(messages_of(self.stages))
        answers = _Answers(stages=self.stages, messages=messages)
        damage = Damage()
        sends = [message.send for message in messages]
        fail_point(FailPoint.BEFORE_TOGETHER, connection.fileno)
        try:
            call = partial(exchange, connection, sends, answers.take)
            yield from watched(connection, first.observer, answers, damage, call)
        except GeneratorExit:
            first.end()
            raise
        except BaseException as error:
            yield from self._cut_short(error, answers)
            raise
        fail_point(FailPoint.TOGETHER_ANSWERED, connection.fileno)
        if answers.failed is None:
            yield from answers.rest(len(self.stages))
            return
        # What was prepared may be gone: the next reset forgets all of it.
        first.session.prepared.clear()
        first.end()
        sent, why = answers.failed
        yield from self._told(answers, failing=sent.part in {Part.STATEMENT, Part.COMMIT})
        self._fail(sent, why, damage)

    def _cut_short(
        self, error: BaseException, answers: _Answers
    ) -> Generator[Event | Committed, None, None]:
        """Tell what is done before an interrupt goes on; raise OutcomeUnknown for a lost wire."""
        if isinstance(error, psycopg.Error) and interrupt_behind(error) is None:
            raise self._unknown(answers, error) from error
        self.stages[0].end()
        if not self.stages[0].session.connection.closed:
            yield from self._told(answers)

    def _told(self, answers: _Answers, *, failing: bool = False) -> Iterator[Event | Committed]:
        """Tell the steps that are committed once they are on the disk, and of the failing one."""
        if answers.committed:
            connection = self.stages[0].session.connection
            try:
                connection.execute(self._written_down)
            except psycopg.Error as error:
                raise self._unknown(answers, error) from error
        yield from answers.rest(answers.committed + failing)

    @property
    def _written_down(self) -> bytes:
        return load_queries(__package__, "together.sql")["written_down"].encode()

    def _fail(self, sent: Sent, error: psycopg.Error, damage: Damage) -> None:
        """Raise what the first step that is not committed failed with, where its file is at fault.

        Otherwise it is to be applied by itself, which finds out why.
        """
        stage = self.stages[sent.at]
        match sent.part:
            case Part.STATEMENT:
                statement = stage.step.statements[sent.number - 1]
                failed = failed_in_statement(stage.step, sent.number, statement, error)
                raise stage.passing(failed, damage) from error
            case Part.COMMIT:
                raise stage.ended(error, "COMMIT") from error

    def _unknown(self, answers: _Answers, error: psycopg.Error) -> OutcomeUnknown:
        """Return the error about the first of them: the history tells how far they came."""
        if answers.failed is not None:
            error = answers.failed[1]
        step = self.stages[0].step
        count = len(self.stages)
        unknown = OutcomeUnknown(
            f"the connection was lost while {step.label} ({step.direction}) and {count - 1} more "
            f"were being carried out: {first_line(error)}",
            location=Location(path=step.script.source.path),
            state="each is either applied whole, with its record, or not at all",
            hint="run `banister status`: the history table tells which",
        )
        unknown.steps = count
        return unknown
