"""Carrying steps out on a copy of a SQLite file, and judging what was seen."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from banister.engines import Engine
from banister.engines.sqlite.health import broken_in
from banister.errors import MigrationFailed
from banister.model import (
    Dialect,
    History,
    ProofEvent,
    RelationFacts,
    RunInfo,
    StatementTrace,
    Step,
    Unfilled,
)
from banister.project import Target
from banister.rehearsal.accepting import with_unused
from banister.rehearsal.rehearse import Copy
from banister.rehearsal.sizes import SmallTables
from banister.rehearsal.sqlite.judging import FileJudge, TriedFile
from banister.rehearsal.sqlite.seen import FileSeen, Look
from banister.rehearsal.trying import add_failure, try_step
from banister.rehearsal.verdicts import Rehearsal
from banister.scratch import Scratch
from banister.scratch.place import Place, opened
from banister.scratch.sqlite import load_schema

__all__ = ["copy_of_file", "rehearse_file"]

_PATIENCE = 10.0
_WAL = "wal"


@dataclass(kw_only=True)
class _Run:
    """What was seen so far."""

    tried: list[TriedFile] = field(default_factory=list)
    #: What was there before the first statement; None: nothing was run yet.
    existing: Mapping[int, RelationFacts] | None = None
    failed: MigrationFailed | None = None


def copy_of_file(scratch: Scratch, engine: Engine, history: History, info: RunInfo) -> Copy:
    """Return a scratch file with the target's schema and history, and without its rows.

    What cannot be made there, as a virtual table whose module is missing, is named in `lost`. Only
    reads are sent to the target. Raises DatabaseError, ConnectionFailed.
    """
    around = engine.surroundings()
    database = scratch.create()
    lost = load_schema(database, engine.dump_schema(for_major=0))
    with opened(scratch, database, info, ()) as place:
        place.engine.stamp(history.applied, info)
    return Copy(
        scratch=scratch,
        database=database,
        applied=frozenset(history.by_version),
        copied="the target's schema",
        sizes=around.sizes,
        settings=around.settings,
        exact=not lost,
        lost=lost,
    )


def rehearse_file(
    copy: Copy, steps: Sequence[Step], info: RunInfo, *, small: SmallTables
) -> Generator[ProofEvent, None, Rehearsal]:
    """Carry steps out on clones of a copy, and return what each statement does to others.

    Tables hold a few generated rows. A step that fails is tried again without, and both is told.
    Behind a step that fails nothing is tried. Raises DatabaseError.
    """
    started = time.monotonic()
    filled = copy.scratch.clone(copy.database)
    unfilled: tuple[Unfilled, ...] = ()
    with opened(copy.scratch, filled, info, copy.applied, traced=True) as place:
        unfilled = place.engine.fill()
        run = yield from _carried_out(place, filled, steps, copy)
    if run.failed is not None:
        run = yield from _without_rows(copy, steps, info, run)
    copy.scratch.drop(filled)
    judge = FileJudge(
        sizes=copy.sizes,
        small=small,
        readers_wait=copy.settings.get("journal_mode", "").lower() != _WAL,
        exact=copy.exact,
    )
    migrations = tuple(with_unused(judge.judge(each), ()) for each in run.tried)
    return Rehearsal(
        migrations=migrations,
        dialect=Dialect.SQLITE,
        server=copy.scratch.display,
        copied=copy.copied,
        lost_probes=copy.lost,
        unfilled=unfilled,
        sizes=copy.sizes,
        not_tried=tuple(steps[len(run.tried) :]),
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _carried_out(
    place: Place, database: Target, steps: Sequence[Step], copy: Copy
) -> Generator[ProofEvent, None, _Run]:
    run = _Run()
    for number, step in enumerate(steps):
        yield ProofEvent(doing=step.label, number=number, total=len(steps))
        started = time.monotonic()
        before = _look(place, database)
        traces, catalogs, run.failed = try_step(place, step)
        took = round((time.monotonic() - started) * 1000)
        there = catalogs[0].relations if catalogs else {}
        if run.existing is None and catalogs:
            run.existing = there
        last = next((each.seen for each in reversed(run.tried) if each.seen.traces), None)
        if run.existing is not None and last is not None and catalogs:
            run.existing = {**run.existing, **_made_anew(last, there)}
        if run.failed is not None:
            add_failure(traces, catalogs, step, run.failed.failure)
        seen = FileSeen(
            step=step,
            traces=tuple(traces),
            before=before,
            after=None if run.failed is not None else _look(place, database),
            existing=run.existing or {},
            there=there,
            sizes=copy.sizes,
        )
        run.tried.append(TriedFile(seen=seen, failed=run.failed, duration_ms=took))
        if run.failed is not None:
            return run
        place.applied ^= {step.version}
    return run


def _made_anew(seen: FileSeen, there: Mapping[int, RelationFacts]) -> Mapping[int, RelationFacts]:
    """Return the tables that a step has made anew, by their new numbers: they are the target's."""
    numbers = {facts.name: number for number, facts in there.items()}
    return {
        numbers[name]: seen.existing[oid]
        for name, (_, oid) in seen.rebuilt.items()
        if name in numbers
    }


def _look(place: Place, database: Target) -> Look:
    return Look(
        snapshot=place.looker.snapshot(),
        contents=place.looker.contents(),
        broken=broken_in(database.path or Path(), patience=_PATIENCE),
    )


def _without_rows(
    copy: Copy, steps: Sequence[Step], info: RunInfo, filled: _Run
) -> Generator[ProofEvent, None, _Run]:
    """Try again on empty tables; what went through with rows keeps what was seen then."""
    place_of = len(filled.tried) - 1
    empty = copy.scratch.clone(copy.database)
    with opened(copy.scratch, empty, info, copy.applied, traced=True) as place:
        run = yield from _carried_out(place, empty, steps, copy)
    copy.scratch.drop(empty)
    if len(run.tried) <= place_of or (run.failed is not None and len(run.tried) == place_of + 1):
        return filled
    first, again = filled.tried[place_of], run.tried[place_of]
    failed = next((t.number for t in first.seen.traces if t.failure is not None), 0)
    merged = replace(
        again,
        seen=replace(again.seen, traces=tuple(_merged(first.seen, again.seen, failed))),
        failed_on_rows=first.failed,
    )
    return replace(run, tried=[*filled.tried[:place_of], merged, *run.tried[place_of + 1 :]])


def _merged(first: FileSeen, again: FileSeen, failed: int) -> list[StatementTrace]:
    failure = next((t.failure for t in first.traces if t.failure is not None), None)
    return [
        replace(trace, failure_on_rows=failure) if trace.number == failed else trace
        for trace in again.traces
    ]
