"""`banister new`."""

from datetime import UTC, datetime

import click

from banister.cli.common import Invocation, command_options

__all__ = ["command"]


@click.command("new", help="Create the next pair of files, NAME in their names.")
@click.argument("name", nargs=-1, required=True)
@command_options(database=False)
def command(invocation: Invocation, *, name: tuple[str, ...]) -> None:
    """Create the next pair of files."""
    # Not the whole project: it would have to import what runs migrations.
    from banister.project import new_pair  # noqa: PLC0415 -- not needed for --help

    settings, now = invocation.settings(), datetime.now(UTC)
    paths = new_pair(settings.dir, " ".join(name), shown=settings.shown_dir, now=now)
    shown = [f"{settings.shown_dir}/{path.name}" for path in paths]
    invocation.output.put(files=shown)
    invocation.output.say(*(f"created {path}" for path in shown))
