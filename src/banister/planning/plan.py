"""Files + history → Plan. The same functions serve the preview and the run. No I/O."""

from dataclasses import dataclass

from banister.errors import Finding, Location, Severity, UsageError
from banister.model import (
    AppliedMigration,
    Dialect,
    Direction,
    Folder,
    History,
    Migration,
    Plan,
    Script,
    Source,
    Step,
    Version,
)
from banister.planning.checks import check_history, soften
from banister.planning.resume import resume
from banister.planning.step import StepMaker, make_step
from banister.script import make_script

__all__ = ["PlanOptions", "find_version", "left_out", "plan_down", "plan_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What the user asked for beside a direction."""

    dialect: Dialect
    #: Pending migrations with one of these tags are left out.
    skip_tags: frozenset[str] = frozenset()
    #: Migrations with one of these tags are applied to a new database and left out elsewhere.
    seed_tags: frozenset[str] = frozenset()
    #: Allow pending versions below the highest applied one.
    out_of_order: bool = False


def find_version(
    text: str, known: tuple[Version, ...], *, none: str = "there are no migrations yet"
) -> Version:
    """Return the version that `text` names; raise UsageError when no known one has its number.

    `none` is what to say where nothing is known at all.
    """
    if not (text.isascii() and text.isdigit()):
        raise UsageError(
            f'"{text}" is not a version',
            hint="a version is the number at the start of a file's name, for example 002",
        )
    wanted = Version(text)
    for version in known:
        if version == wanted:
            return version
    names = ", ".join(str(version) for version in known[-5:])
    raise UsageError(
        f"there is no version {text}",
        hint=f"the last ones are {names}" if names else none,
    )


def left_out(migration: Migration, history: History, options: PlanOptions) -> bool:
    """Whether a pending migration's tags leave it out of a run."""
    if migration.tags & options.skip_tags:
        return True
    seeding = history.database_is_new if history.seeded is None else history.seeded
    return bool(migration.tags & options.seed_tags) and not seeding


def plan_up(
    folder: Folder,
    history: History,
    options: PlanOptions,
    *,
    to: str | None = None,
    make_step: StepMaker = make_step,
) -> Plan:
    """Return the plan that applies what is pending, up to and including version `to`.

    Every check is part of the plan; with an error among its findings it must not run. Raises
    UsageError when `to` names no migration.
    """
    known = tuple(migration.version for migration in folder.migrations)
    target = None if to is None else find_version(to, known)
    pending = [
        migration
        for migration in folder.migrations
        if migration.version not in history.by_version
        and (target is None or migration.version <= target)
    ]
    unfinished = {item.version: item for item in history.unfinished}
    # What is half done is finished, whatever its tags: it blocks all other work.
    skipped = tuple(
        m for m in pending if m.version not in unfinished and left_out(m, history, options)
    )
    chosen = [m for m in pending if m not in skipped]
    chosen.sort(key=lambda migration: (migration.version not in unfinished, migration.version))
    findings = [*folder.findings, *history.findings, *check_history(folder, history)]
    steps = []
    for migration in chosen:
        step, said = make_step(
            migration.version, migration.name, migration.up, options.dialect, down=migration.down
        )
        findings += said
        findings += _out_of_order(migration, history, options)
        if migration.version in unfinished:
            step, said = resume(step, unfinished[migration.version], options.dialect)
            findings += said
        steps.append(step)
    findings += _blocked_by_unfinished(history, steps)
    # Also of those above `to`: a database is new in its first run alone.
    asks_for_seed = any(
        migration.tags & options.seed_tags
        for migration in folder.migrations
        if migration.version not in history.by_version
    )
    return Plan(
        direction=Direction.UP,
        steps=tuple(steps),
        skipped=skipped,
        newly_skipped=tuple(m for m in skipped if m.version not in history.skipped),
        seed=history.database_is_new if asks_for_seed and history.seeded is None else None,
        findings=tuple(findings),
        made_from=frozenset(history.by_version),
        current=history.highest,
    )


def plan_down(
    folder: Folder,
    history: History,
    options: PlanOptions,
    *,
    count: int = 1,
    to: str | None = None,
    make_step: StepMaker = make_step,
) -> Plan:
    """Return the plan that rolls back the last `count` applied, or all above version `to`.

    In reverse order of application. The down file is used; where it is gone, the text kept in the
    database. Without either the plan has an error. Raises UsageError when `to` is not applied
    (0 stands for: all).
    """
    rows = _to_roll_back(history, count, to)
    findings: list[Finding] = []
    steps: list[Step] = []
    unfinished = {item.version: item for item in history.unfinished}
    for row in rows:
        migration = folder.by_version.get(row.version)
        version = migration.version if migration else row.version
        name = migration.name if migration else row.name
        script, notes = _down_script(
            migration, history, row.version, unreadable=row.version in folder.unreadable
        )
        if script is None:
            findings.append(_irreversible(version, name, migration, folder))
            continue
        step, said = make_step(version, name, script, options.dialect, notes=notes)
        findings += said
        if version in unfinished and unfinished[version].direction is Direction.DOWN:
            step, said = resume(step, unfinished[version], options.dialect)
            findings += said
        steps.append(step)
    findings += _blocked_by_unfinished(history, steps)
    if to is None and 0 < len(rows) < count:
        findings.append(_fewer_applied(len(rows), count))
    concerned = frozenset(step.version for step in steps)
    around = (
        # A file that only its up needs does not stand in the way; whether there is a way down is
        # told from what the database keeps, too.
        *soften(
            tuple(finding for finding in folder.findings if finding.code != "missing_down"),
            keep=concerned - folder.unreadable,
            never=frozenset({"missing_up"}),
        ),
        *soften(check_history(folder, history)),
    )
    return Plan(
        direction=Direction.DOWN,
        steps=tuple(steps),
        findings=(*history.findings, *around, *findings),
        made_from=frozenset(history.by_version),
        current=history.highest,
    )


def _is_zero(text: str) -> bool:
    return bool(text) and not text.strip("0")


def _to_roll_back(history: History, count: int, to: str | None) -> tuple[AppliedMigration, ...]:
    """Return the rows that a rollback concerns, the one applied last first."""
    backwards = history.applied[::-1]
    if to is None:
        return backwards[:count]
    if _is_zero(to):
        return backwards
    floor = find_version(to, tuple(sorted(history.by_version)), none="none is applied")
    return tuple(row for row in backwards if row.version > floor)


def _down_script(
    migration: Migration | None, history: History, version: Version, *, unreadable: bool
) -> tuple[Script | None, tuple[str, ...]]:
    row = history.by_version[version]
    if migration is not None and migration.up.directives.irreversible:
        return None, ()
    if migration is not None and migration.down is not None:
        if row.down_checksum not in {None, migration.down.checksum}:
            return migration.down, ("the down file was edited since: the file is used",)
        return migration.down, ()
    if row.down_text is None:
        return None, ()
    kept = Source(path=f"{row.version}_{row.name}.down.sql (kept in the database)",
                  text=row.down_text)  # fmt: skip
    script, _ = make_script(kept, Direction.DOWN, from_file=False)
    why = "the files cannot be read" if unreadable else "the down file is gone"
    return script, (f"{why}: the text kept in the database is used",)


def _irreversible(
    version: Version, name: str, migration: Migration | None, folder: Folder
) -> Finding:
    declared = migration is not None and migration.up.directives.irreversible
    return Finding(
        severity=Severity.ERROR,
        code="irreversible",
        message=f"{version}_{name} cannot be rolled back: "
        + (
            "it is declared irreversible"
            if declared
            else "it has no down file"
            if migration
            else "its files are gone, and no text of its down is kept in the database"
        ),
        location=Location(path=migration.up.source.path if migration else folder.path),
        hint="write a new migration that undoes it, or restore a backup"
        if declared
        else f"write {version}_{name}.down.sql"
        if migration
        else "bring its files back from version control",
        version=version.text,
    )


def _out_of_order(
    migration: Migration, history: History, options: PlanOptions
) -> tuple[Finding, ...]:
    highest = history.highest
    if highest is None or migration.version > highest or migration.version in history.skipped:
        return ()
    if options.out_of_order:
        return ()
    return (
        Finding(
            severity=Severity.ERROR,
            code="out_of_order",
            message=f"{migration.label} is pending, but {highest} above it is applied already",
            location=Location(path=migration.up.source.path),
            hint=f"give it a number above {highest}, "
            "or apply it late on purpose with --out-of-order",
            version=migration.version.text,
        ),
    )


def _blocked_by_unfinished(history: History, steps: list[Step]) -> list[Finding]:
    """A half-done migration blocks all work but its own completion."""
    planned = {(step.version, step.direction) for step in steps}
    return [
        Finding(
            severity=Severity.ERROR,
            code="unfinished",
            message=f"{item.version}_{item.name} ({item.direction}) is half done and blocks "
            "other work",
            hint=f"finish it first with `banister {item.direction}`",
            version=item.version.text,
        )
        for item in history.unfinished
        if (item.version, item.direction) not in planned
    ]


def _fewer_applied(there: int, asked: int) -> Finding:
    return Finding(
        severity=Severity.NOTICE,
        code="fewer_applied",
        message=f"{asked} were to be rolled back, only {there} "
        + ("is" if there == 1 else "are")
        + " applied",
    )
