"""Finding out on a scratch database what rolling each migration back does."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

from banister.errors import Finding
from banister.model import Dialect, Folder, History, Migration, ProofEvent, RunInfo, Step, Version
from banister.planning import PlanOptions, make_step, not_for_scratch, plan_up
from banister.project import Target
from banister.proof.undoing import Rollback, RollbackTable, RollbackWay, Sight, what_it_does
from banister.runner import refuse_errors
from banister.scratch import Scratch
from banister.scratch.place import Place, opened
from banister.script.mentions import mentions

__all__ = ["find_rollbacks"]

#: Rows of a table that are counted one by one.
_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class _Finder:
    scratch: Scratch
    info: RunInfo
    dialect: Dialect
    ups: Mapping[Version, Step]
    downs: Mapping[Version, Step]

    @contextmanager
    def place(self, database: Target, applied: Sequence[Migration]) -> Iterator[Place]:
        """Open a database on which these migrations are applied."""
        versions = [migration.version for migration in applied]
        with opened(self.scratch, database, self.info, versions) as place:
            yield place

    def look_at(
        self, migrations: Sequence[Migration]
    ) -> Generator[ProofEvent, None, dict[Version, tuple[str, ...]]]:
        """Return what each down does, tried behind all ups that may stand above it."""
        found: dict[Version, tuple[str, ...]] = {}
        total = len(self.downs)
        database = self.scratch.create()
        done = 0
        for upto in self._stops(migrations):
            yield ProofEvent(doing="the way up", number=len(found), total=total)
            with self.place(database, migrations[:done]) as place:
                place.run(self.ups[one.version] for one in migrations[done:upto])
            # What is rolled back here is still to be gone up from.
            tried = database if upto == len(migrations) else self.scratch.clone(database)
            with self.place(tried, migrations[:upto]) as place:
                yield from self._down(place, migrations[:upto], found, total)
            self.scratch.drop(tried)
            done = upto
        return found

    def _down(
        self,
        place: Place,
        applied: Sequence[Migration],
        found: dict[Version, tuple[str, ...]],
        total: int,
    ) -> Generator[ProofEvent, None, None]:
        """Roll back one after the other, as far as there is a way."""
        before = _look(place)
        for migration in reversed(applied):
            step = self.downs.get(migration.version)
            if step is None:
                return
            yield ProofEvent(doing=migration.label, number=len(found), total=total)
            place.run([step])
            after = _look(place)
            said = [each for one in step.statements for each in mentions(one, self.dialect)]
            found[migration.version] = what_it_does(before, after, said, self.dialect)
            before = after

    def _stops(self, migrations: Sequence[Migration]) -> list[int]:
        """Return how many migrations are applied when a way down begins: below each that has none,
        and at the end.
        """
        reversible = [migration.version in self.downs for migration in migrations]
        stops = [
            number
            for number, (this, following) in enumerate(pairwise(reversible), start=1)
            if this and not following
        ]
        return [*stops, len(migrations)] if migrations else []


def _look(place: Place) -> Sight:
    return Sight(schema=place.looker.snapshot(), contents=place.looker.contents(limit=_ROWS))


def find_rollbacks(
    folder: Folder, scratch: Scratch, info: RunInfo, options: PlanOptions
) -> Generator[ProofEvent, None, RollbackTable]:
    """Run all ups, whatever their tags, then each down; return what each of those did.

    Everything runs on databases of `scratch`, with real commits. Where there is no way further
    down, those below it are tried without what stands above. Raises FindingsError before anything
    runs, and MigrationFailed where an up or a down does not run.
    """
    started = time.monotonic()
    everything = replace(options, skip_tags=frozenset(), seed_tags=frozenset())
    plan = plan_up(folder, History(), everything)
    downs: dict[Version, Step] = {}
    findings: list[Finding] = [*plan.findings]
    for migration in folder.migrations:
        if migration.down is not None and not migration.up.directives.irreversible:
            step, said = make_step(
                migration.version, migration.name, migration.down, options.dialect
            )
            downs[migration.version] = step
            findings += said
    refuse_errors(tuple(findings))
    ups = {step.version: step for step in plan.steps}
    tried = (*ups.values(), *downs.values())
    refuse_errors(not_for_scratch(tried, shared=scratch.shared))
    finder = _Finder(scratch=scratch, info=info, dialect=options.dialect, ups=ups, downs=downs)
    does = yield from finder.look_at([m for m in folder.migrations if m.version in ups])
    return RollbackTable(
        rows=tuple(_row(migration, does) for migration in folder.migrations),
        server=scratch.display,
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _row(migration: Migration, does: Mapping[Version, tuple[str, ...]]) -> Rollback:
    way = RollbackWay.DOWN
    if migration.version not in does:
        declared = migration.up.directives.irreversible
        way = RollbackWay.IRREVERSIBLE if declared else RollbackWay.MISSING
    return Rollback(
        version=migration.version,
        name=migration.name,
        way=way,
        does=does.get(migration.version, ()),
    )
