"""What was applied, as steps that make it again. No I/O."""

from collections.abc import Iterator

from banister.errors import Finding, Severity
from banister.model import Dialect, Folder, History, Step, Version
from banister.planning.checks import check_history
from banister.planning.step import make_step

__all__ = ["applied_steps"]


def applied_steps(
    folder: Folder, history: History, dialect: Dialect
) -> tuple[tuple[Step, ...], tuple[Finding, ...]]:
    """Return what was applied, in its order, and what stands against making it again.

    Where a finding is an error, the files are not what was applied.
    """
    known = frozenset(history.by_version)
    findings = [
        *(f for f in folder.findings if f.version is None or Version(f.version) in known),
        *history.findings,
        *check_history(folder, history),
        *_half_done(history),
    ]
    steps = []
    for row in history.applied:
        migration = folder.by_version.get(row.version)
        if migration is not None:
            step, said = make_step(migration.version, migration.name, migration.up, dialect)
            findings += said
            steps.append(step)
    return tuple(steps), tuple(findings)


def _half_done(history: History) -> Iterator[Finding]:
    for item in history.unfinished:
        yield Finding(
            severity=Severity.ERROR,
            code="unfinished",
            message=f"{item.version}_{item.name} ({item.direction}) is half done: what it should "
            "have made by now cannot be told",
            hint=f"finish it first with `banister {item.direction}`",
            version=item.version.text,
        )
