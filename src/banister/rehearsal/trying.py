"""Carrying out one step on a scratch copy, under observation."""

from collections.abc import Sequence
from dataclasses import replace

from banister.engines.base import TryAgain
from banister.errors import Failure, MigrationFailed
from banister.model import Catalog, StatementTrace, Step, Traced
from banister.scratch.place import Place

__all__ = ["Seen", "add_failure", "try_step"]

#: What is to be made is there, what is to be dropped or taken off is not: 42P07 an index or table,
#: 42710 and 42P04 any other object, 42704 and 42P01 none, 55000 a partition that is none any more.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_THERE_ALREADY = frozenset({"42P07", "42710", "42P04", "42704", "42P01", "55000"})

#: Of each statement, the catalogs before each, and why the step failed.
Seen = tuple[list[StatementTrace], list[Catalog], MigrationFailed | None]


def try_step(place: Place, step: Step) -> Seen:
    """Carry out what of a step an earlier run has left; return as `_one` does."""
    traces, catalogs, failed = _one(place, replace(step, in_question=None))
    if failed is not None and _took_effect(step, traces):
        # The refusal of a statement that shares its transaction with no other has left nothing.
        return _one(place, replace(step, in_question=None, done=step.done + 1))
    return traces, catalogs, failed


def _one(place: Place, step: Step) -> Seen:
    """Carry a step out; return what was seen of each statement, and why it failed."""
    traces: list[StatementTrace] = []
    catalogs: list[Catalog] = []
    try:
        for event in place.engine.apply(step, place.info, expected=place.applied):
            if isinstance(event, Traced):
                traces.append(event.trace)
                catalogs.append(event.before)
    except TryAgain as again:
        return traces, catalogs, again.error
    except MigrationFailed as error:
        return traces, catalogs, error
    return traces, catalogs, None


def _took_effect(step: Step, traces: Sequence[StatementTrace]) -> bool:
    """Whether the statement that a run was cut off in is refused as what is there already is."""
    if step.in_question is None or not traces:
        return False
    last = traces[-1]
    refused = last.number == step.done + 1 and last.failure is not None
    return refused and last.failure is not None and last.failure.sqlstate in _THERE_ALREADY


def add_failure(
    traces: list[StatementTrace], catalogs: list[Catalog], step: Step, failure: Failure
) -> None:
    """Tell a failure at COMMIT at the last statement; any other is told where it is."""
    if traces and traces[-1].failure is None:
        traces[-1] = replace(traces[-1], failure=failure)
    elif not traces and step.statements:
        number, statement = next(step.to_run(step.done + 1), (1, step.statements[0]))
        traces.append(StatementTrace(number=number, statement=statement, failure=failure))
        catalogs.append(Catalog())
