"""The fingerprint of the schema that a run leaves in the log when it ends."""

from collections.abc import Sequence

from banister.engines import Engine
from banister.errors import BanisterError, Finding, Severity, interrupt_behind
from banister.model import Direction, History, LogEntry, LogEvent, RunInfo, Step, Version
from banister.snapshot import fingerprint_without

__all__ = ["leave_fingerprint"]

#: How long others may be waited for, in seconds: the run has done its work.
_WITHIN = 1.0


def leave_fingerprint(
    engine: Engine,
    info: RunInfo,
    before: History,
    done: Sequence[Step],
    *,
    ignore: frozenset[str],
) -> Finding | None:
    """Write down what the schema is now that these steps are done; call it under the lock.

    Does nothing where none is. Returns why it was not possible: the steps are committed, and
    nothing fails because of this. Only an interrupt is raised.
    """
    if not done:
        return None
    try:
        snapshot = engine.snapshot(own=True, within=_WITHIN)
        checksum, basis = fingerprint_without(snapshot, ignore, info.tool_version)
        version = _applied_last(before, done)
        event = LogEvent.SNAPSHOT
        entry = LogEntry(event=event, version=version, checksum=checksum, detail=basis)
        engine.record([entry], info)
    except Exception as error:
        if isinstance(error, BanisterError) and interrupt_behind(error) is not None:
            raise
        return Finding(
            severity=Severity.NOTICE,
            code="fingerprint_not_stored",
            message=f"the fingerprint of the schema could not be stored: {error}",
            hint="nothing else is missing; `banister drift --stored` knows again after the next "
            "run, and `banister drift` does without",
        )
    return None


def _applied_last(before: History, done: Sequence[Step]) -> Version | None:
    # In order of application, as a dictionary keeps it.
    applied = dict.fromkeys(row.version for row in before.applied)
    for step in done:
        if step.direction is Direction.UP:
            applied.setdefault(step.version)
        else:
            applied.pop(step.version, None)
    return next(reversed(applied), None)
