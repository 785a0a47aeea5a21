"""What the files alone tell. No I/O."""

from banister.errors import Finding
from banister.model import Dialect, Direction, Folder, Migration, Script
from banister.planning.certain import certain_findings
from banister.planning.step import make_step

__all__ = ["lint"]


def lint(folder: Folder, dialect: Dialect, *, only_ending: str = "") -> tuple[Finding, ...]:
    """Return all findings about a folder's names, bytes, directives and statements.

    `only_ending` limits the statements looked at to files whose names end so.
    """
    findings = list(folder.findings)
    for migration in folder.migrations:
        for script in _scripts(migration):
            if not script.source.path.endswith(only_ending):
                continue
            step, found = make_step(migration.version, migration.name, script, dialect)
            findings += found
            if dialect is Dialect.POSTGRESQL and script.direction is Direction.UP:
                findings += certain_findings(script, (each for _, each in step.to_run()))
    return tuple(findings)


def _scripts(migration: Migration) -> list[Script]:
    return [migration.up] if migration.down is None else [migration.up, migration.down]
