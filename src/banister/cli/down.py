"""`banister down`."""

import click

from banister.cli.common import Invocation, command_options

__all__ = ["command", "run_down"]


@click.command("down", help="Roll back the last COUNT applied migrations (1), the last first.")
@click.argument("count", type=click.IntRange(min=1), default=1)
@click.option("--to", metavar="VERSION", help="Roll back all above this version; 0: all.")
@command_options()
def command(invocation: Invocation, *, count: int, to: str | None) -> None:
    """Roll back what was applied last."""
    run_down(invocation, count=count, to=to)


def run_down(invocation: Invocation, *, count: int, to: str | None = None) -> None:
    """Roll back and say so."""
    project = invocation.project()
    invocation.introduce(project)
    project.down(count, to=to, on_event=invocation.output.event)
