"""Trying every way down on scratch databases: up, down, up again, each with real commits."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count

from banister.errors import BanisterError, MigrationFailed
from banister.model import Folder, ProofEvent, RunInfo, Unfilled, Version
from banister.planning import PlanOptions, not_for_scratch
from banister.project import Target
from banister.proof.judging import judge_chain, judge_trial
from banister.proof.lanes import parts_of, side_by_side
from banister.proof.remembered import Book, Remembered
from banister.proof.shaky import Shaky
from banister.proof.trial import Trial, try_unit, with_data_of
from banister.proof.units import Unit, units_of
from banister.proof.verdicts import (
    AgainVerdict,
    ChainProof,
    DownVerdict,
    Proof,
    Proven,
)
from banister.runner import refuse_errors
from banister.scratch import Scratch
from banister.scratch.place import Place, Rows, opened
from banister.snapshot import Snapshot, compare

__all__ = ["ProofOptions", "prove"]


@dataclass(frozen=True, kw_only=True)
class ProofOptions:
    """What is proven, and how."""

    #: All migrations as one group.
    as_one: bool = False
    #: Whether tables are given rows, to see what becomes of them.
    with_rows: bool = True
    #: Only these are tried; None: all.
    only: frozenset[Version] | None = None
    #: What earlier runs have proven; None: nothing is taken from there.
    remembered: Remembered | None = None


@dataclass(kw_only=True)
class _Prover:
    scratch: Scratch
    info: RunInfo
    units: tuple[Unit, ...]
    #: Numbers of the units that are tried; of the others the ups run.
    chosen: frozenset[int]
    #: None: tables stay as the migrations leave them.
    rows: Rows | None
    #: How many units have been begun, by all provers of a proof.
    begun: Iterator[int]
    #: The schema before the unit of that number.
    seen: dict[int, Snapshot] = field(default_factory=dict)
    #: The database that is worked on.
    current: Target | None = None
    #: What was seen, by the unit's number.
    done: dict[int, Trial] = field(default_factory=dict)
    #: A database, the number of units applied there: where a polluted one is made anew from.
    kept: tuple[Target, int] | None = None

    @contextmanager
    def place(self, database: Target, applied: int) -> Iterator[Place]:
        """Open a database on which that many units are applied."""
        self.current = database
        versions = {m.version for unit in self.units[:applied] for m in unit.migrations}
        with opened(self.scratch, database, self.info, versions) as place:
            yield place

    def cut_off(self) -> None:
        """End whatever statement runs, from another thread: its database is dropped under it."""
        if self.current is not None:
            with suppress(BanisterError):
                self.scratch.drop(self.current)

    def trials(self) -> Generator[ProofEvent, None, dict[int, Trial]]:
        """Try the chosen units on the way up; return what was seen, by their numbers."""
        number, end = 0, max(self.chosen, default=-1) + 1
        #: A trial with generated rows that was not clean: it is made again without them.
        suspect: Trial | None = None
        database = self.scratch.create() if end else None
        while database is not None and number < end:
            with self.place(database, number) as place:
                while number < end:
                    unit = self.units[number]
                    yield _event(unit.label, next(self.begun), len(self.units))
                    if number not in self.chosen:
                        place.run(unit.ups)
                        number += 1
                        continue
                    trial = self._try(place, number, filled=suspect is None)
                    if self.rows is not None and suspect is None and not trial.is_exact:
                        suspect = trial
                        break
                    if trial.behind is None and trial.error is not None:
                        raise trial.error
                    self.done[number] = with_data_of(trial, self._with_rows(trial, suspect))
                    suspect = None
                    number += 1
                    if not trial.is_exact:
                        break
            if number < end:
                database = self._made_anew(database, number)
        if database is not None:
            self.scratch.drop(database)
        return self.done

    def _with_rows(self, trial: Trial, suspect: Trial | None) -> Trial | None:
        return None if self.rows is None else suspect or trial

    def _try(self, place: Place, number: int, *, filled: bool) -> Trial:
        rows = place.filled(self.rows) if filled and self.rows is not None else None
        before = self.seen.get(number) or place.looker.snapshot()
        self.seen[number] = before
        trial = try_unit(place, self.units[number], before, rows)
        if trial.behind is not None:
            self.seen[number + 1] = trial.behind
        return trial

    def _made_anew(self, polluted: Target, count: int) -> Target:
        """Return a database on which the first `count` units have gone up once and not down."""
        self.scratch.drop(polluted)
        if self.rows is not None:
            # The tables of the new one are empty.
            self.rows.tried.clear()
        start, done = self.kept or (None, 0)
        database = self.scratch.create() if start is None else self.scratch.clone(start)
        if done == count:
            return database
        with self.place(database, done) as place:
            place.run(step for unit in self.units[done:count] for step in unit.ups)
        if start is not None:
            self.scratch.drop(start)
        self.kept = (self.scratch.clone(database), count)
        return database

    def whole_way(self, floor: int, *, doubtful: bool) -> tuple[ChainProof, dict[int, Shaky]]:
        """Go up once more, all the way down to `floor` units, and up again.

        `doubtful`: return also, by the number of units, what two right runs do not agree on, such
        as a folded now().
        """
        going = self.units[floor:]
        shaky: dict[int, Shaky] = {}
        chain = ChainProof(
            stopped_at=self.units[floor - 1].migrations[-1].version if floor else None,
            length=sum(len(unit.migrations) for unit in going),
            again=AgainVerdict.OK if going else AgainVerdict.NOT_TRIED,
        )
        if not going and not doubtful:
            return chain, shaky
        database = self.scratch.create()
        with self.place(database, 0) as place:
            last = end = place.looker.snapshot()
            for number, unit in enumerate((*self.units, None)):
                if (doubtful and number in self.seen) or number in {floor, len(self.units)}:
                    last = place.looker.snapshot()
                if number == floor:
                    end = last
                if doubtful and number in self.seen:
                    shaky[number] = Shaky.between(compare(self.seen[number], last))
                if unit is not None:
                    place.run(unit.ups)
            if going:
                chain = _down_and_up(place, going, chain, end, last)
        self.scratch.drop(database)
        return chain, shaky


def _down_and_up(
    place: Place, going: tuple[Unit, ...], chain: ChainProof, floor: Snapshot, top: Snapshot
) -> ChainProof:
    try:
        place.run(step for unit in reversed(going) for step in unit.downs)
    except MigrationFailed as error:
        return replace(chain, down=DownVerdict.FAILS, again=AgainVerdict.NOT_TRIED, error=error)
    chain = replace(chain, differences=compare(floor, place.looker.snapshot()))
    try:
        place.run(step for unit in going for step in unit.ups)
    except MigrationFailed as error:
        return replace(chain, again=AgainVerdict.FAILS, error=error)
    return replace(chain, differences_again=compare(top, place.looker.snapshot()))


def prove(
    folder: Folder, scratch: Scratch, info: RunInfo, plan: PlanOptions, options: ProofOptions
) -> Generator[ProofEvent, None, Proven]:
    """Try the way down of every migration, and the whole way down and up; return what came of it.

    Everything runs on databases of `scratch`, with real commits, as in production. Raises
    FindingsError before anything runs, and MigrationFailed where an up does not run at all.
    """
    started = time.monotonic()
    units = units_of(folder, plan, as_one=options.as_one)
    steps = (step for unit in units for step in (*unit.ups, *unit.downs))
    refuse_errors(not_for_scratch(steps, shared=scratch.shared))
    wanted = _wanted(units, options.only)
    book = (options.remembered or Remembered()).opened(
        units, scratch, plan, with_rows=options.with_rows
    )
    known = {number: found for number in wanted if (found := book.proofs(number)) is not None}
    chosen = wanted - known.keys()
    provers = _provers(scratch, info, units, chosen, with_rows=options.with_rows)
    none = Shaky()
    try:
        trials = yield from _all_trials(provers)
    except MigrationFailed:
        # What was found before an up that does not run is not tried again.
        _keep_exact(provers, book)
        raise
    prover = provers[0]
    for other in provers[1:]:
        prover.seen.update(other.seen)
    floor = _floor(units, lowest=min(wanted, default=len(units)))
    chain = book.chain(floor)
    doubtful = any(trial.down or trial.again for trial in trials.values())
    shaky: dict[int, Shaky] = {}
    if wanted and (chain is None or doubtful):
        yield _event("all the way down and up", len(units), len(units))
        raw, shaky = prover.whole_way(floor, doubtful=doubtful)
        if raw.differences or raw.differences_again:
            raw, shaky = prover.whole_way(floor, doubtful=True)
        chain = judge_chain(raw, units, shaky)
        book.keep_chain(floor, chain)
    proofs: dict[int, tuple[Proof, ...]] = dict(known)
    for number, trial in trials.items():
        before, behind = shaky.get(number, none), shaky.get(number + 1, none)
        proofs[number] = tuple(judge_trial(trial, before, behind))
        book.keep(number, proofs[number])
    book.save()
    return Proven(
        proofs=tuple(proof for number in sorted(proofs) for proof in proofs[number]),
        chain=chain,
        server=scratch.display,
        duration_ms=round((time.monotonic() - started) * 1000),
        unfilled=tuple(_unfilled(provers).values()),
        passed_over=sum(len(unit.migrations) for unit in units) - sum(map(len, proofs.values())),
    )


def _provers(
    scratch: Scratch,
    info: RunInfo,
    units: tuple[Unit, ...],
    chosen: frozenset[int],
    *,
    with_rows: bool,
) -> list[_Prover]:
    begun = count()
    return [
        _Prover(
            scratch=scratch,
            info=info,
            units=units,
            chosen=part,
            rows=Rows() if with_rows else None,
            begun=begun,
        )
        for part in parts_of(chosen, together=not scratch.side_by_side)
    ]


def _keep_exact(provers: Sequence[_Prover], book: Book) -> None:
    none = Shaky()
    for prover in provers:
        for number, trial in prover.done.items():
            if trial.is_exact:
                book.keep(number, tuple(judge_trial(trial, none, none)))
    book.save()


def _all_trials(
    provers: Sequence[_Prover],
) -> Generator[ProofEvent, None, dict[int, Trial]]:
    first = provers[0].trials()
    if len(provers) == 1:
        return (yield from first)
    lower, upper = yield from side_by_side(first, provers[1].trials, provers[1].cut_off)
    return {**lower, **upper}


def _unfilled(provers: Sequence[_Prover]) -> dict[str, Unfilled]:
    """Return the tables that took no rows, as the last one who tried found them."""
    found: dict[str, Unfilled] = {}
    for prover in provers:
        if prover.rows is not None:
            found |= prover.rows.unfilled
    return found


def _wanted(units: tuple[Unit, ...], only: frozenset[Version] | None) -> frozenset[int]:
    """Return the numbers of the units that are asked for."""
    return frozenset(
        number
        for number, unit in enumerate(units)
        if only is None or any(migration.version in only for migration in unit.migrations)
    )


def _floor(units: tuple[Unit, ...], *, lowest: int) -> int:
    """Return how many units the way down from the top leaves, at least `lowest`."""
    floor = len(units)
    while floor > lowest and units[floor - 1].goes_down:
        floor -= 1
    return floor


def _event(doing: str, number: int, total: int) -> ProofEvent:
    return ProofEvent(doing=doing, number=number, total=total)
