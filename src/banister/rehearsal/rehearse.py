"""Carrying steps out on copies of the target, statement by statement, and judging what was seen."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from banister.errors import Failure, MigrationFailed
from banister.model import (
    ProofEvent,
    RelationFacts,
    RunInfo,
    Step,
    TableSize,
    Unfilled,
    Version,
)
from banister.project import Target
from banister.rehearsal.accepting import with_unused
from banister.rehearsal.across import across, with_splits
from banister.rehearsal.inherited import with_inherited
from banister.rehearsal.judging import Judge, Tried
from banister.rehearsal.sizes import SmallTables
from banister.rehearsal.trying import add_failure, try_step
from banister.rehearsal.verdicts import MigrationRehearsal, Rehearsal, Verdict
from banister.scratch import Scratch
from banister.scratch.place import Place, opened

__all__ = ["Copy", "rehearse"]

#: Classes of errors that the rows of a table can be the reason for: integrity, data, several rows
#: instead of one, exceptions of PL/pgSQL.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BECAUSE_OF_ROWS = frozenset({"21", "22", "23", "P0"})

#: Names stand in the first so many characters of a statement, and where there are more statements
#: than that, all tables are given rows.
_NAMES_WITHIN = 10_000
_MANY_STATEMENTS = 2_000

#: What is not seen where a setting cannot be made.
_LOST = {
    "lc_messages": "what the server says as it works (lc_messages cannot be set): rewrites and "
    "scans are told from the catalogs and counters alone",
    "track_counts": "counters of rows and scans (track_counts cannot be set)",
}


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A scratch database with the target's schema, and without its rows."""

    scratch: Scratch
    database: Target
    #: The versions that are recorded as applied there.
    applied: frozenset[Version] = frozenset()
    #: How it was made, for people.
    copied: str = ""
    #: The target's major version; None: not known.
    major: int | None = None
    #: All of its version; None: not known.
    version: tuple[int, ...] | None = None
    #: Of the target's tables, by name.
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    #: The target's settings that change what statements do.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: It has the target's schema, as far as is known.
    exact: bool = True
    #: What could not be had for it, and why, for people.
    lost: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Run:
    """What was seen so far."""

    tried: list[Tried] = field(default_factory=list)
    #: Relations that were there before the first statement; None: nothing was run yet.
    existing: Mapping[int, RelationFacts] | None = None
    #: Why the step behind those could not be carried out.
    failed: MigrationFailed | None = None


def rehearse(
    copy: Copy, steps: Sequence[Step], info: RunInfo, *, small: SmallTables, with_rows: bool = True
) -> Generator[ProofEvent, None, Rehearsal]:
    """Carry steps out on clones of a copy, and return what each statement does to others.

    Tables hold a few generated rows. What fails because of them alone is tried again without, and
    both is told. Behind a step that fails nothing is tried. Raises DatabaseError, ServerError.
    """
    started = time.monotonic()
    unfilled: tuple[Unfilled, ...] = ()
    filled = copy.scratch.clone(copy.database) if with_rows else copy.database
    lost = (*copy.lost, *_surround(copy, filled))
    with opened(copy.scratch, filled, info, copy.applied, traced=True) as place:
        if with_rows:
            unfilled = place.engine.fill(_near(copy, filled, steps))
        run = yield from _carried_out(place, steps)
    if run.failed is not None and with_rows and _may_be_rows(run.failed.failure):
        run = yield from _without_rows(copy, steps, info, run)
    if with_rows:
        copy.scratch.drop(filled)
    judge = Judge(
        major=copy.major or copy.scratch.major or 0,
        version=copy.version,
        existing=run.existing or {},
        sizes=copy.sizes,
        small=small,
        exact=copy.exact,
    )
    migrations = tuple(with_splits(each) for each in _judged(judge, run.tried))
    together = across(migrations)
    migrations = tuple(with_unused(each, together) for each in migrations)
    if copy.scratch.not_certified is not None:
        migrations = tuple(_not_certified(each) for each in migrations)
    return Rehearsal(
        migrations=migrations,
        across=together,
        server=copy.scratch.display,
        copied=copy.copied,
        not_certified=copy.scratch.not_certified,
        lost_probes=lost,
        unfilled=unfilled,
        sizes=copy.sizes,
        not_tried=tuple(steps[len(run.tried) :]),
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _judged(judge: Judge, tried: Sequence[Tried]) -> Iterator[MigrationRehearsal]:
    for each in tried:
        yield replace(judge, lack=each.lack).judge(each)
        judge = replace(judge, existing=with_inherited(judge.existing, each))


def _near(copy: Copy, database: Target, steps: Sequence[Step]) -> frozenset[str] | None:
    """Return the tables that the steps may have to do with; None: all."""
    from banister.scratch.loading import tables_near  # noqa: PLC0415 -- it brings the driver

    texts: list[str] = []
    for step in steps:
        for _, statement in step.to_run():
            texts.append(statement.text[:_NAMES_WITHIN])
            if len(texts) > _MANY_STATEMENTS:
                return None
    return tables_near(copy.scratch, database, "\n".join(texts))


def _not_certified(migration: MigrationRehearsal) -> MigrationRehearsal:
    return replace(migration, verdict=max(migration.verdict, Verdict.NOT_CERTIFIED))


def _surround(copy: Copy, database: Target) -> list[str]:
    """Give a copy the target's settings; return what it does not take, for people."""
    # It brings the driver with it, which costs more to import than an offline command may take.
    from banister.scratch.loading import surround  # noqa: PLC0415

    # So few rows are read whole, whatever indexes there are: with this only where none serves.
    probes = {"enable_seqscan": "off", "lc_messages": "C", "track_counts": "on"}
    refused = surround(copy.scratch, database, {**copy.settings, **probes})
    return [
        _LOST.get(name) or f"the target's {name}: {copy.scratch.display} does not take it"
        for name in refused
    ]


def _carried_out(place: Place, steps: Sequence[Step]) -> Generator[ProofEvent, None, _Run]:
    run = _Run()
    for number, step in enumerate(steps):
        yield ProofEvent(doing=step.label, number=number, total=len(steps))
        started = time.monotonic()
        traces, catalogs, run.failed = try_step(place, step)
        if run.existing is None and catalogs:
            run.existing = catalogs[0].relations
        took = round((time.monotonic() - started) * 1000)
        if run.failed is not None:
            place.scratch.explain(run.failed)
            add_failure(traces, catalogs, step, run.failed.failure)
        run.tried.append(
            Tried(
                step=step,
                traces=tuple(traces),
                before=tuple(catalogs),
                lack=place.scratch.advice(run.failed.failure) if run.failed else None,
                duration_ms=took,
            )
        )
        if run.failed is not None:
            return run
        place.applied ^= {step.version}
    return run


def _may_be_rows(failure: Failure) -> bool:
    return (failure.sqlstate or "")[:2] in _BECAUSE_OF_ROWS


def _without_rows(
    copy: Copy, steps: Sequence[Step], info: RunInfo, filled: _Run
) -> Generator[ProofEvent, None, _Run]:
    """Try again on empty tables; what went through with rows keeps what was seen then."""
    good = len(filled.tried) - 1
    _surround(copy, copy.database)
    with opened(copy.scratch, copy.database, info, copy.applied, traced=True) as place:
        run = yield from _carried_out(place, steps)
    if len(run.tried) <= good or (run.failed is not None and len(run.tried) == good + 1):
        return filled
    first, again = filled.tried[good], run.tried[good]
    failed = first.traces[-1]
    # What went through with rows was seen better then. The OIDs of both are the same: the one is a
    # clone of the other.
    kept = [
        (trace, before)
        for trace, before in zip(first.traces, first.before, strict=False)
        if trace.number < failed.number
    ]
    kept += [
        (replace(t, failure_on_rows=failed.failure) if t.number == failed.number else t, before)
        for t, before in zip(again.traces, again.before, strict=False)
        if t.number >= failed.number
    ]
    merged = replace(
        again,
        traces=tuple(trace for trace, _ in kept),
        before=tuple(before for _, before in kept),
    )
    return replace(run, tried=[*filled.tried[:good], merged, *run.tried[good + 1 :]])
