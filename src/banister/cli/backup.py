"""`banister backup`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from banister.cli.common import Invocation, command_options
from banister.errors import UsageError
from banister.model.backup import BackupForm
from banister.report.backup import backup_entry_json, backup_json, backup_lines, entry_lines

if TYPE_CHECKING:
    from banister.backup import Backups

__all__ = ["command"]


@click.command(
    "backup",
    help="Write a backup of the database, or look at those that there are.",
    epilog="A plain backup is restored with `psql -X URL < FILE`, or with `banister restore`.",
)
@click.option(
    "--form",
    type=click.Choice(["plain", "custom", "directory"]),
    help="PostgreSQL: SQL for psql, or an archive for pg_restore.",
)
@click.option("--compress", is_flag=True, help="Compress it.")
@click.option("--clean", is_flag=True, help="Plain: the file drops what is there before.")
@click.option("--no-owner", is_flag=True, help="PostgreSQL: without owners and grants.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Directory: tables at once.")
@click.option("--test-restore", is_flag=True, help="Restore it into a scratch database, to see.")
@click.option("--list", "list_", is_flag=True, help="Show the backups that there are.")
@click.option("--check", metavar="FILE", help="Say whether this backup is what was written.")
@click.option("--scratch-url", metavar="URL", help="A server for scratch databases.")
@command_options()
def command(  # noqa: PLR0913 -- each is an option
    invocation: Invocation,
    *,
    form: str | None,
    compress: bool,
    clean: bool,
    no_owner: bool,
    jobs: int | None,
    test_restore: bool,
    list_: bool,
    check: str | None,
    scratch_url: str | None,
) -> int:
    """Take, list or check backups."""
    if check == "":
        raise UsageError("--check takes the file of a backup")
    if list_ and check is not None:
        raise UsageError("--list and --check exclude each other")
    project = invocation.project(scratch_url=scratch_url)
    backups = project.backups()
    if list_:
        return _list(invocation, backups)
    invocation.introduce(project)
    output = invocation.output
    if check is not None:
        manifest = backups.check(Path(check), test=test_restore, on_event=output.event)
        output.put(backup=backup_json(manifest))
        output.say(*backup_lines(check, manifest, output.style))
        return 0
    wanted = backups.wanted()
    if form is not None and wanted.form is not BackupForm.SQLITE:
        wanted = replace(wanted, form=BackupForm(form))
    if clean and wanted.form is not BackupForm.PLAIN:
        raise UsageError("--clean is for plain backups", hint="pg_restore has its own --clean")
    wanted = replace(
        wanted,
        compress=compress or wanted.compress,
        clean=clean,
        owners=not no_owner,
        jobs=jobs or wanted.jobs,
    )
    done = backups.take(wanted, test=test_restore, on_event=output.event)
    output.put(backup=backup_json(done.manifest))
    return 0


def _list(invocation: Invocation, backups: "Backups") -> int:
    entries = backups.entries()
    output = invocation.output
    output.put(backups=[backup_entry_json(entry) for entry in entries])
    output.say(*entry_lines(entries, backups.shown, output.style))
    return 0
