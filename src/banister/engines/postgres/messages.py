"""What is sent for several steps in one pipeline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from psycopg import sql
from psycopg.pq.abc import PGconn

from banister.engines.postgres.pipeline import Message
from banister.engines.postgres.session import LOCAL_TIMES
from banister.engines.postgres.set_configs import set_configs
from banister.engines.postgres.stage import Stage
from banister.engines.queries import load_queries
from banister.failpoints import FailPoint, fail_point
from banister.model import Direction, Step
from banister.model.records import applied_row

__all__ = ["Part", "Sent", "messages_of"]

#: Names of prepared statements that no file would choose.
_BEGIN, _COMMIT = b"banister begin", b"banister commit"
_OURSELVES, _OURSELVES_LAST = b"banister ourselves", b"banister ourselves, last"
_CHECK, _APPLIED, _ROLLED_BACK = b"banister check", b"banister applied", b"banister rolled back"


class Part(Enum):
    """What a message is to a step."""

    #: Of no step.
    AROUND = auto()
    #: Of ours: whatever goes wrong in it is looked at when the step is applied by itself.
    OURS = auto()
    STATEMENT = auto()
    RECORD = auto()
    COMMIT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message: how it is sent, and which step it belongs to."""

    send: Message
    part: Part
    #: Number of the step here, from 0.
    at: int = 0
    #: The statement that runs, from 1; 0: none of the step's own.
    number: int = 0


def messages_of(stages: Sequence[Stage]) -> Iterator[Sent]:
    """Yield all that is sent for these steps, with a Sync at the end.

    Every COMMIT but the last returns before it is on the disk.
    """
    pgconn = stages[0].session.connection.pgconn
    resets = _resets(stages[0])
    yield from _preparing(stages[0], resets)
    before: Step | None = None
    for at, stage in enumerate(stages):
        # By themselves, so that a file finds its transaction as it is when nothing was asked yet.
        for name in (_BEGIN, *resets, _COMMIT, _BEGIN):
            send = partial(pgconn.send_query_prepared, name, None)
            yield Sent(send=send, part=Part.OURS, at=at, number=1)
        for number, statement in stage.step.to_run():
            send = partial(_send_statement, pgconn, statement.text.encode())
            yield Sent(send=send, part=Part.STATEMENT, at=at, number=number)
        last = stage is stages[-1]
        for name in (_OURSELVES_LAST if last else _OURSELVES, _CHECK):
            send = partial(pgconn.send_query_prepared, name, None)
            yield Sent(send=send, part=Part.OURS, at=at)
        up = stage.step.direction is Direction.UP
        values = _applied(stage, before) if up else _rolled_back(stage)
        record = partial(pgconn.send_query_prepared, _APPLIED if up else _ROLLED_BACK, values)
        yield Sent(send=record, part=Part.RECORD, at=at)
        yield Sent(send=partial(_send_commit, stage), part=Part.COMMIT, at=at)
        before = stage.step
    yield Sent(send=pgconn.pipeline_sync, part=Part.AROUND)


def _preparing(stage: Stage, resets: Mapping[bytes, bytes]) -> Iterator[Sent]:
    """Yield what prepares the statements that are sent again and again, where they are not."""
    session = stage.session
    if session.prepared:
        return
    for name, text in {**resets, **_repeated(stage)}.items():
        send = partial(session.connection.pgconn.send_prepare, name, text)
        yield Sent(send=send, part=Part.AROUND)
        session.prepared.add(name)
    # What the server locks to plan these must be free again before the first transaction.
    yield Sent(send=session.connection.pgconn.pipeline_sync, part=Part.AROUND)


def _send_statement(pgconn: PGconn, text: bytes) -> None:
    """Send a statement of a file; the answer comes as soon as there is one."""
    pgconn.send_query_params(text, None)
    pgconn.send_flush_request()


def _send_commit(stage: Stage) -> None:
    pgconn = stage.session.connection.pgconn
    fail_point(FailPoint.IN_TOGETHER, stage.session.connection.fileno)
    pgconn.send_query_prepared(_COMMIT, None)
    pgconn.send_flush_request()


def _resets(stage: Stage) -> Mapping[bytes, bytes]:
    """Return what brings the session to the state every file starts from, by names.

    Not what forgets prepared statements: these here are some.
    """
    texts = stage.session.resets(prepared=False)
    return {f"banister reset {n}".encode(): text.encode() for n, text in enumerate(texts)}


def _repeated(stage: Stage) -> Mapping[bytes, bytes]:
    """Return everything else that is sent again and again, by names."""
    store, identity = stage.store, stage.identity
    queries = load_queries(__package__, "together.sql")
    high, low = stage.key
    parts = {
        "history": sql.Identifier(store.table.schema, store.table.name),
        "log": sql.Identifier(store.table.schema, store.table.log_name),
        "duration_ms": sql.SQL(queries["duration_ms"]),
        "high": sql.Literal(high),
        "low": sql.Literal(low),
        "history_name": sql.Literal(store.qualified),
        "history_oid": sql.Literal(identity.history_oid),
        "log_name": sql.Literal(store.qualified_log),
        "log_oid": sql.Literal(identity.log_oid),
    }
    connection = stage.session.connection

    def filled(name: str) -> bytes:
        return sql.SQL(queries[name]).format(**parts).as_bytes(connection)

    ourselves = stage.session.ourselves(LOCAL_TIMES)
    return {
        _BEGIN: b"BEGIN",
        _COMMIT: b"COMMIT",
        _OURSELVES: set_configs({**ourselves, "synchronous_commit": "off"}, local=True).encode(),
        _OURSELVES_LAST: set_configs(ourselves, local=True).encode(),
        _CHECK: filled("still_ours"),
        _APPLIED: filled("applied"),
        _ROLLED_BACK: filled("rolled_back"),
    }


def _applied(stage: Stage, before: Step | None) -> list[bytes | None]:
    row, run = applied_row(stage.step, 0), stage.run
    earliest = None if before or stage.not_before is None else stage.not_before.isoformat()
    return _encoded(
        row.version.text, row.name, earliest, before.version.text if before else None,
        row.up_checksum, row.down_checksum, row.down_text,
        run.run_id, run.who, run.host, run.tool_version,
    )  # fmt: skip


def _rolled_back(stage: Stage) -> list[bytes | None]:
    step, run = stage.step, stage.run
    return _encoded(
        step.version.text, step.name, step.script.checksum,
        run.run_id, run.who, run.host, run.tool_version,
    )  # fmt: skip


def _encoded(*values: str | None) -> list[bytes | None]:
    return [None if value is None else value.encode() for value in values]
