"""Files against history: everything that must stop a run, found at once. No I/O."""

from collections.abc import Iterator
from dataclasses import replace

from banister.errors import Finding, FindingsError, Location, Severity
from banister.model import AppliedMigration, Folder, History, Migration, Unfinished, Version
from banister.settled import settled

__all__ = ["check_history", "refuse_errors", "soften"]


def check_history(folder: Folder, history: History) -> tuple[Finding, ...]:
    """Return what is wrong between the files and what the database remembers.

    Errors: an applied file that was edited, renamed or is gone. A row that another runner wrote
    has no checksum: its name alone is compared, and a difference only warns.
    """
    files = {m.version.number: (m.name, m.up.checksum) for m in folder.migrations}
    rows = ((row.version.number, row.name, row.up_checksum) for row in history.applied)
    if not history.unfinished and settled(files, rows):
        return ()
    return tuple(_check_rows(folder, history))


def refuse_errors(findings: tuple[Finding, ...]) -> None:
    """Raise FindingsError, with all findings, when one of them is an error."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if not errors:
        return
    many = f"{len(errors)} problems stand against this run"
    message = errors[0].message if len(errors) == 1 else many
    raise FindingsError(message, findings=findings, hint=errors[0].hint)


def soften(
    findings: tuple[Finding, ...],
    *,
    keep: frozenset[Version] = frozenset(),
    never: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Turn errors into warnings but those about the versions in `keep`: others do not touch a run.

    Rules named in `never` are turned into warnings in any case.
    """
    return tuple(
        replace(finding, severity=Severity.WARNING)
        if finding.severity is Severity.ERROR
        and (not _is_about(finding, keep) or finding.code in never)
        else finding
        for finding in findings
    )


def _is_about(finding: Finding, versions: frozenset[Version]) -> bool:
    return finding.version is not None and Version(finding.version) in versions


def _check_rows(folder: Folder, history: History) -> Iterator[Finding]:
    for row in history.applied:
        migration = folder.by_version.get(row.version)
        if migration is None and row.version in folder.unreadable:
            continue
        if migration is None:
            yield _file_missing(folder, row)
        elif row.name and row.name != migration.name:
            yield _renamed(migration, row)
        if migration is not None and row.up_checksum not in {None, migration.up.checksum}:
            yield _edited(migration)
    for unfinished in history.unfinished:
        if folder.by_version.get(unfinished.version) is None:
            yield _unfinished_without_file(folder, unfinished)


def _file_missing(folder: Folder, row: AppliedMigration) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="file_missing",
        message=f"{row.version}_{row.name} is applied, but its file is gone",
        location=Location(path=folder.path),
        hint="bring the file back from version control; "
        "or roll it back with `banister down` (the text kept in the database is used)"
        if row.up_checksum
        else "bring the file back from version control",
        version=row.version.text,
    )


def _renamed(migration: Migration, row: AppliedMigration) -> Finding:
    foreign = row.up_checksum is None
    return Finding(
        severity=Severity.WARNING if foreign else Severity.ERROR,
        code="name_differs" if foreign else "renamed",
        message=f'version {migration.version} was applied as "{row.name}", '
        f'its file is called "{migration.name}" now',
        location=Location(path=migration.up.source.path),
        hint="if it is the same migration nothing is to be done; "
        "if not, give the new one a number of its own"
        if foreign
        else "give the file its old name back, or give a new migration a number of its own; "
        f"`banister repair --accept-edit {migration.version}` records a renaming made on purpose",
        version=migration.version.text,
    )


def _edited(migration: Migration) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="edited",
        message=f"{migration.label} was edited after it had been applied",
        location=Location(path=migration.up.source.path),
        hint="undo the edit and put the change into a new migration; if the edit changes nothing "
        f"in the database, record it with `banister repair --accept-edit {migration.version}`",
        version=migration.version.text,
    )


def _unfinished_without_file(folder: Folder, unfinished: Unfinished) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="unfinished_file_missing",
        message=f"{unfinished.version}_{unfinished.name} ({unfinished.direction}) was begun and "
        "not ended, and its file is gone",
        location=Location(path=folder.path),
        hint="bring the file back from version control, then run the same command again",
        version=unfinished.version.text,
    )
