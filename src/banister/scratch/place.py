"""A scratch database on which migrations go up and down, with generated rows where wanted."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from banister.engines import Engine, open_engine
from banister.errors import MigrationFailed
from banister.model import Contents, RunInfo, Step, TableRows, Unfilled, Version
from banister.project import Target
from banister.scratch import Scratch

__all__ = ["Place", "Rows", "opened"]

_LOCK_WAIT = 10.0


@dataclass(kw_only=True)
class Rows:
    """What has been tried to give tables rows."""

    #: Table and columns: the same table is not tried twice in one database.
    tried: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    #: Tables that took none, by name.
    unfilled: dict[str, Unfilled] = field(default_factory=dict)


@dataclass(kw_only=True)
class Place:
    """A scratch database that is open."""

    scratch: Scratch
    engine: Engine
    #: Another session, which nothing resets: what is asked again and again stays planned there.
    looker: Engine
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

    def filled(self, rows: Rows) -> Contents:
        """Give rows to every table that has none, or none with a value in some column.

        Return the rows of all tables then. Raises DatabaseError.
        """
        found = self.looker.contents()
        lacking = {
            table.table: (table.table, table.columns)
            for table in found.tables.values()
            if _lacks_rows(table) and (table.table, table.columns) not in rows.tried
        }
        if not lacking:
            return found
        rows.tried.update(lacking.values())
        for name in lacking:
            rows.unfilled.pop(name, None)
        for each in self.engine.fill(frozenset(lacking)):
            if not found.tables[each.table].rows:
                rows.unfilled[each.table] = each
        return self.looker.contents()


def _lacks_rows(table: TableRows) -> bool:
    if not table.rows:
        return True
    return table.complete and any(
        all(value is None for value in c) for c in zip(*table.rows, strict=True)
    )


@contextmanager
def opened(
    scratch: Scratch,
    database: Target,
    info: RunInfo,
    applied: Iterable[Version],
    *,
    traced: bool = False,
) -> Iterator[Place]:
    """Open a database of `scratch` on which these versions are applied, and hold its lock.

    Who looks there sees also the rows that policies hide from the owner of their table. `traced`:
    its engine tells what each statement does.
    """
    eyes = replace(scratch.settings, role=None)
    with (
        scratch.open(database, traced=traced) as engine,
        open_engine(scratch.privileged(database), eyes) as looker,
    ):
        engine.prepare()
        for _ in engine.lock(wait_seconds=_LOCK_WAIT):
            pass
        yield Place(
            scratch=scratch, engine=engine, looker=looker, info=info, applied=frozenset(applied)
        )
