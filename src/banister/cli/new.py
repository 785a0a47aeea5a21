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
    project = invocation.project(offline=True)
    paths = project.new(" ".join(name), now=datetime.now(UTC))
    shown = [f"{project.settings.shown_dir}/{path.name}" for path in paths]
    invocation.output.put(files=shown)
    invocation.output.say(*(f"created {path}" for path in shown))
