"""`banister down`."""

import click

from banister.cli.common import (
    Invocation,
    backup_option,
    command_options,
    save_rows_option,
    show_queries_option,
)
from banister.errors import UsageError

__all__ = ["command", "run_down"]


@click.command("down", help="Roll back the last COUNT applied migrations (1), the last first.")
@click.argument("count", type=click.IntRange(min=1), required=False)
@click.option("--to", metavar="VERSION", help="Roll back all above this version; 0: all.")
@backup_option
@save_rows_option
@show_queries_option
@command_options()
def command(
    invocation: Invocation,
    *,
    count: int | None,
    to: str | None,
    backup: bool,
    save_rows: bool,
    show_queries: bool | None,
) -> None:
    """Roll back what was applied last."""
    if count is not None and to is not None:
        raise UsageError("give a count or --to, not both")
    run_down(
        invocation,
        count=count or 1,
        to=to,
        backup=backup,
        save_rows=save_rows,
        show_queries=show_queries,
    )


def run_down(
    invocation: Invocation,
    *,
    count: int,
    to: str | None = None,
    backup: bool = False,
    save_rows: bool = False,
    show_queries: bool | None = None,
) -> None:
    """Roll back and say so."""
    project = invocation.project_with_database(show_queries=show_queries)
    invocation.introduce(project)
    project.down(
        count,
        to=to,
        backup=backup,
        save_rows=save_rows,
        together=True,
        on_event=invocation.output.event,
    )
