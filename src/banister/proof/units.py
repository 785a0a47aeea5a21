"""What is proven together, in the order in which it runs: one migration, or a group. No I/O."""

from dataclasses import dataclass
from functools import cache
from itertools import groupby

from banister.errors import Finding, Severity
from banister.model import Dialect, Folder, History, Migration, Step, Version
from banister.planning import PlanOptions, make_step, plan_up
from banister.runner import refuse_errors

__all__ = ["Unit", "units_of"]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Migrations that are proven together: one, or a group."""

    migrations: tuple[Migration, ...]
    ups: tuple[Step, ...]
    #: In the order in which they run: the last one first. Empty: there is no way down.
    downs: tuple[Step, ...]
    #: Errors in the text of the downs, found without running them.
    findings: tuple[Finding, ...] = ()

    @property
    def label(self) -> str:
        """The last migration's, for people."""
        return self.migrations[-1].label

    @property
    def goes_down(self) -> bool:
        """Whether there is a way down that can be tried."""
        return bool(self.downs) and not self.findings


def units_of(folder: Folder, options: PlanOptions, *, as_one: bool) -> tuple[Unit, ...]:
    """Return what `up` would run in a new database, seeds too; `as_one`: all of it as one unit.

    Raises FindingsError where a file cannot run at all.
    """
    steps = cache(make_step)
    plan = plan_up(folder, History(database_is_new=True), options, make_step=steps)
    refuse_errors(plan.findings)
    ups = {step.version: step for step in plan.steps}
    chosen = [migration for migration in folder.migrations if migration.version in ups]

    def key(migration: Migration) -> object:
        return as_one or migration.up.directives.group or migration.version

    return tuple(_unit(tuple(group), ups, options.dialect) for _, group in groupby(chosen, key=key))


def _unit(migrations: tuple[Migration, ...], ups: dict[Version, Step], dialect: Dialect) -> Unit:
    downs: list[Step] = []
    findings: list[Finding] = []
    reversible = not any(m.down is None or m.up.directives.irreversible for m in migrations)
    for migration in reversed(migrations):
        if reversible and migration.down is not None:
            step, said = make_step(migration.version, migration.name, migration.down, dialect)
            downs.append(step)
            findings += [finding for finding in said if finding.severity is Severity.ERROR]
    return Unit(
        migrations=migrations,
        ups=tuple(ups[migration.version] for migration in migrations),
        downs=tuple(downs),
        findings=tuple(findings),
    )
