"""`banister restore`."""

import sys
from pathlib import Path

import click

from banister.cli.common import Invocation, command_options
from banister.errors import Finding, Severity, UsageError
from banister.model.backup import BackupManifest
from banister.report.backup import rows_back_json, rows_back_lines

__all__ = ["command"]


@click.command(
    "restore",
    help="Put a backup into an empty database, or in the place of one.",
    epilog="With --replace the database that was there stays, under another name.",
)
@click.argument("file", metavar="FILE", required=False)
@click.option("--rows", metavar="RUN", help="Put back the rows that this run has saved.")
@click.option("--replace", "replacing", is_flag=True, help="Put it in the place of what is there.")
@click.option("--yes", is_flag=True, help="Do not ask before that.")
@click.option("--disconnect", is_flag=True, help="PostgreSQL: end the sessions of others there.")
@command_options()
def command(
    invocation: Invocation,
    *,
    file: str | None,
    rows: str | None,
    replacing: bool,
    yes: bool,
    disconnect: bool,
) -> None:
    """Put a backup back."""
    if disconnect and not replacing:
        raise UsageError("--disconnect goes with --replace")
    # What a variable that is not set leaves of an argument is none.
    file, rows = file or None, rows or None
    if (file is None) == (rows is None) or (rows is not None and replacing):
        raise UsageError("give the file of a backup, or --rows and the number of a run")
    project = invocation.project_with_database()
    invocation.introduce(project)
    if rows is not None:
        back = project.backups().restore_rows(rows)
        invocation.output.put(rows=[rows_back_json(each) for each in back])
        invocation.output.say(*rows_back_lines(back, invocation.output.style))
        return
    file, backups = file or "", project.backups()
    if replacing:
        manifest = backups.about(Path(file))
        display = project.target.display if project.target is not None else ""
        if not yes:
            _ask(file, manifest, display)
        elif manifest.database != display:
            invocation.output.findings([_of_another(file, manifest, display)])
    done = backups.restore(
        Path(file), replacing=replacing, disconnect=disconnect, on_event=invocation.output.event
    )
    replaced = done.replaced
    invocation.output.put(
        restored={
            "file": done.path,
            "rows": dict(done.rows),
            "before": None if replaced is None else replaced.before,
            "carried": [] if replaced is None else list(replaced.carried),
        }
    )


def _of_another(file: str, manifest: BackupManifest, display: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="other_database",
        message=f"{file} is a backup of {manifest.database}, and takes the place of {display}",
    )


def _ask(file: str, manifest: BackupManifest, display: str) -> None:
    """Ask a person; UsageError where nobody can answer."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"{file} would take the place of what is in {display}, and nobody can be asked",
            hint="give --yes",
        )
    tested = "tested" if manifest.tested is not None else "not tested"
    version = f"at version {manifest.version}" if manifest.version else "without a history"
    about = f"{manifest.database}, {manifest.taken_at:%Y-%m-%d %H:%M} UTC, {version}, {tested}"
    if not click.confirm(f"put {file} ({about}) in the place of {display}?", err=True):
        raise UsageError("not confirmed; nothing was done")
