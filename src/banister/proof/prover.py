"""Trying every way down on scratch databases: up, down, up again, each with real commits."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby

from banister.engines import Engine
from banister.errors import BanisterError, Finding, FindingsError, MigrationFailed, Severity
from banister.model import (
    Dialect,
    Folder,
    History,
    Migration,
    RunInfo,
    Step,
    Version,
)
from banister.planning import PlanOptions, beyond_the_database, make_step, plan_up
from banister.project import Target
from banister.proof.verdicts import (
    AgainVerdict,
    ChainProof,
    DownVerdict,
    Proof,
    ProofEvent,
    Proven,
    judge,
)
from banister.runner import refuse_errors
from banister.scratch import Scratch
from banister.snapshot import Difference, Snapshot, Weight, compare

__all__ = ["prove"]

_LOCK_WAIT = 10.0
_Found = tuple[Difference, ...]


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """Migrations that are proven together: one, or a group."""

    migrations: tuple[Migration, ...]
    ups: tuple[Step, ...]
    #: In the order in which they run: the last one first. Empty: there is no way down.
    downs: tuple[Step, ...]
    #: Errors in the text of the downs, found without running them.
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """What was seen of one unit, before it is judged."""

    unit: _Unit
    #: Differences behind the down, and behind the second up; None: it did not come to that.
    down: _Found | None = None
    again: _Found | None = None
    error: BanisterError | None = None

    @property
    def is_exact(self) -> bool:
        return self.error is None and not self.down and not self.again


@dataclass(kw_only=True)
class _Place:
    """A scratch database on which units go up and down, and what is applied there."""

    scratch: Scratch
    engine: Engine
    info: RunInfo
    applied: frozenset[Version] = frozenset()

    def run(self, steps: Iterable[Step]) -> None:
        """Carry steps out as production does; raise MigrationFailed."""
        for step in steps:
            try:
                for _ in self.engine.apply(step, self.info, expected=self.applied):
                    pass
            except MigrationFailed as error:
                self.scratch.explain(error)
                raise
            self.applied ^= {step.version}


@dataclass(kw_only=True)
class _Prover:
    scratch: Scratch
    info: RunInfo
    units: tuple[_Unit, ...]
    #: The schema before each unit and behind the last one; a second one from a run of its own
    #: where two right runs may differ.
    seen: list[Snapshot] = field(default_factory=list)
    #: A database, the number of units applied there: where a polluted one is made anew from.
    kept: tuple[Target, int] | None = None

    @contextmanager
    def place(self, database: Target, applied: int) -> Iterator[_Place]:
        """Open a database on which that many units are applied."""
        with self.scratch.open(database) as engine:
            engine.prepare()
            for _ in engine.lock(wait_seconds=_LOCK_WAIT):
                pass
            versions = {m.version for unit in self.units[:applied] for m in unit.migrations}
            applied_now = frozenset(versions)
            yield _Place(scratch=self.scratch, engine=engine, info=self.info, applied=applied_now)

    def trials(self) -> Generator[ProofEvent, None, tuple[list[_Trial], Target]]:
        """Try every unit on its way up; return what was seen, and the database with all ups."""
        trials: list[_Trial] = []
        database = self.scratch.create()
        while len(trials) < len(self.units):
            with self.place(database, len(trials)) as place:
                if not self.seen:
                    self.seen.append(place.engine.snapshot())
                yield from self._go_on(place, trials)
            if trials and not trials[-1].is_exact:
                database = self._made_anew(database, len(trials))
        return trials, database

    def _go_on(self, place: _Place, trials: list[_Trial]) -> Generator[ProofEvent, None, None]:
        """Try units until one leaves the database other than it should be."""
        for unit in self.units[len(trials) :]:
            yield _event(unit.migrations[-1].label, len(trials), len(self.units))
            place.run(unit.ups)
            self.seen.append(place.engine.snapshot())
            trial = self._try(place, unit)
            trials.append(trial)
            if not trial.is_exact:
                return

    def _try(self, place: _Place, unit: _Unit) -> _Trial:
        if unit.findings:
            error = FindingsError(unit.findings[0].message, findings=unit.findings)
            return _Trial(unit=unit, error=error)
        if not unit.downs:
            return _Trial(unit=unit)
        before, behind = self.seen[-2:]
        try:
            place.run(unit.downs)
        except MigrationFailed as error:
            return _Trial(unit=unit, error=error)
        down = compare(before, place.engine.snapshot())
        try:
            place.run(unit.ups)
        except MigrationFailed as error:
            return _Trial(unit=unit, down=down, error=error)
        return _Trial(unit=unit, down=down, again=compare(behind, place.engine.snapshot()))

    def _made_anew(self, polluted: Target, count: int) -> Target:
        """Return a database on which the first `count` units have gone up once and not down."""
        self.scratch.drop(polluted)
        start, done = self.kept or (None, 0)
        database = self.scratch.create() if start is None else self.scratch.clone(start)
        with self.place(database, done) as place:
            place.run(step for unit in self.units[done:count] for step in unit.ups)
        if start is not None:
            self.scratch.drop(start)
        self.kept = (self.scratch.clone(database), count)
        return database

    def unstable(self) -> list[frozenset[tuple[object, str | None]]]:
        """Return for each stage what two right runs do not agree on, such as a folded now()."""
        database = self.scratch.create()
        found = []
        with self.place(database, 0) as place:
            found.append(_keys(compare(self.seen[0], place.engine.snapshot())))
            for unit, seen in zip(self.units, self.seen[1:], strict=True):
                place.run(unit.ups)
                found.append(_keys(compare(seen, place.engine.snapshot())))
        self.scratch.drop(database)
        return found

    def chain(self, database: Target) -> ChainProof:
        """Go all the way down and all the way up again."""
        going: list[_Unit] = []
        stopped: _Unit | None = None
        for unit in reversed(self.units):
            if not unit.downs or unit.findings:
                stopped = unit
                break
            going.append(unit)
        floor = len(self.units) - len(going)
        at = None if stopped is None else stopped.migrations[-1].version
        result = ChainProof(
            stopped_at=at,
            length=sum(len(unit.migrations) for unit in going),
            again=AgainVerdict.OK if going else AgainVerdict.NOT_TRIED,
        )
        if not going:
            return result
        with self.place(database, len(self.units)) as place:
            try:
                place.run(step for unit in going for step in unit.downs)
            except MigrationFailed as error:
                return replace(
                    result, down=DownVerdict.FAILS, again=AgainVerdict.NOT_TRIED, error=error
                )
            found = compare(self.seen[floor], place.engine.snapshot())
            verdict, found, _ = judge(found, [m for unit in going for m in unit.migrations])
            result = replace(result, down=verdict, differences=found)
            try:
                place.run(step for unit in reversed(going) for step in unit.ups)
            except MigrationFailed as error:
                return replace(result, again=AgainVerdict.FAILS, error=error)
            again = compare(self.seen[-1], place.engine.snapshot())
        real = any(difference.weight is Weight.REAL for difference in again)
        return replace(
            result, again=AgainVerdict.DIFFERS if real else AgainVerdict.OK, differences_again=again
        )


def prove(
    folder: Folder,
    scratch: Scratch,
    info: RunInfo,
    options: PlanOptions,
    *,
    as_one: bool = False,
) -> Generator[ProofEvent, None, Proven]:
    """Try the way down of every migration, and the whole way down and up; return what came of it.

    Everything runs on databases of `scratch`, with real commits, as in production. `as_one` takes
    all migrations as one group. Raises FindingsError before anything runs, and MigrationFailed
    where an up does not run at all.
    """
    started = time.monotonic()
    units = _units(folder, options, as_one=as_one)
    if scratch.shared:
        steps = (step for unit in units for step in (*unit.ups, *unit.downs))
        refuse_errors(beyond_the_database(steps))
    prover = _Prover(scratch=scratch, info=info, units=units)
    trials, database = yield from prover.trials()
    yield _event("all the way down and up", len(units), len(units))
    chain = prover.chain(database) if units else None
    scratch.drop(database)
    doubtful = any(trial.down or trial.again for trial in trials) or (
        chain is not None and (chain.differences or chain.differences_again)
    )
    shaky: list[frozenset[tuple[object, str | None]]] = [frozenset()] * (len(units) + 1)
    if doubtful:
        yield _event("a second run, to know the clock", len(units), len(units))
        shaky = prover.unstable()
    return Proven(
        proofs=tuple(
            proof
            for number, trial in enumerate(trials)
            for proof in _judged(trial, shaky[number], shaky[number + 1])
        ),
        chain=None if chain is None else _steady(chain, units, shaky),
        server=scratch.display,
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _units(folder: Folder, options: PlanOptions, *, as_one: bool) -> tuple[_Unit, ...]:
    steps = cache(make_step)
    plan = plan_up(folder, History(), options, make_step=steps)
    refuse_errors(plan.findings)
    ups = {step.version: step for step in plan.steps}
    chosen = [migration for migration in folder.migrations if migration.version in ups]

    def key(migration: Migration) -> object:
        return as_one or migration.up.directives.group or migration.version

    return tuple(_unit(tuple(group), ups, options.dialect) for _, group in groupby(chosen, key=key))


def _unit(migrations: tuple[Migration, ...], ups: dict[Version, Step], dialect: Dialect) -> _Unit:
    downs: list[Step] = []
    findings: list[Finding] = []
    reversible = not any(m.down is None or m.up.directives.irreversible for m in migrations)
    for migration in reversed(migrations):
        if reversible and migration.down is not None:
            step, said = make_step(migration.version, migration.name, migration.down, dialect)
            downs.append(step)
            findings += [finding for finding in said if finding.severity is Severity.ERROR]
    return _Unit(
        migrations=migrations,
        ups=tuple(ups[migration.version] for migration in migrations),
        downs=tuple(downs),
        findings=tuple(findings),
    )


def _judged(
    trial: _Trial,
    before: frozenset[tuple[object, str | None]],
    behind: frozenset[tuple[object, str | None]],
) -> Iterator[Proof]:
    """Yield the proof of each migration of a unit."""
    migrations = trial.unit.migrations
    down, differences, kept = _way_down(trial, before)
    again, differences_again = _way_up(trial, before | behind)
    for migration in migrations:
        mine = down
        if not trial.unit.downs and migration.up.directives.irreversible:
            mine = DownVerdict.IRREVERSIBLE
        yield Proof(
            version=migration.version,
            name=migration.name,
            down=mine,
            again=again,
            differences=differences,
            differences_again=differences_again,
            kept=kept,
            error=trial.error,
            together=tuple(m.version for m in migrations) if len(migrations) > 1 else (),
        )


def _way_down(
    trial: _Trial, shaky: frozenset[tuple[object, str | None]]
) -> tuple[DownVerdict, _Found, tuple[str, ...]]:
    if trial.down is not None:
        return judge(_without(trial.down, shaky), trial.unit.migrations)
    if trial.error is not None:
        return DownVerdict.FAILS, (), ()
    return DownVerdict.MISSING, (), ()


def _way_up(
    trial: _Trial, shaky: frozenset[tuple[object, str | None]]
) -> tuple[AgainVerdict, _Found]:
    if trial.down is None:
        return AgainVerdict.NOT_TRIED, ()
    if trial.again is None:
        return AgainVerdict.FAILS, ()
    left = _without(trial.again, shaky)
    real = any(difference.weight is Weight.REAL for difference in left)
    return (AgainVerdict.DIFFERS if real else AgainVerdict.OK), left


def _steady(
    chain: ChainProof,
    units: Sequence[_Unit],
    shaky: Sequence[frozenset[tuple[object, str | None]]],
) -> ChainProof:
    everything = frozenset[tuple[object, str | None]]().union(*shaky)
    migrations = [migration for unit in units for migration in unit.migrations]
    left = _without(chain.differences, everything)
    again = _without(chain.differences_again, everything)
    real = any(difference.weight is Weight.REAL for difference in again)
    return replace(
        chain,
        down=chain.down if chain.down is DownVerdict.FAILS else judge(left, migrations)[0],
        differences=left,
        again=(AgainVerdict.DIFFERS if real else AgainVerdict.OK)
        if chain.again in {AgainVerdict.OK, AgainVerdict.DIFFERS}
        else chain.again,
        differences_again=again,
    )


def _keys(differences: _Found) -> frozenset[tuple[object, str | None]]:
    return frozenset((difference.identity, difference.property) for difference in differences)


def _without(differences: _Found, shaky: frozenset[tuple[object, str | None]]) -> _Found:
    return tuple(d for d in differences if (d.identity, d.property) not in shaky)


def _event(doing: str, number: int, total: int) -> ProofEvent:
    return ProofEvent(doing=doing, number=number, total=total)
