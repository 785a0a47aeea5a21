"""`banister up`."""

import click

from banister.cli.common import (
    Invocation,
    backup_option,
    command_options,
    save_rows_option,
    show_queries_option,
)

__all__ = ["command", "run_up"]


@click.command("up", help="Apply what is pending, each migration in a transaction of its own.")
@click.option("--to", metavar="VERSION", help="Stop after this version.")
@click.option("--out-of-order", is_flag=True, help="Apply versions below the highest applied too.")
@backup_option
@save_rows_option
@show_queries_option
@command_options()
def command(
    invocation: Invocation,
    *,
    to: str | None,
    out_of_order: bool,
    backup: bool,
    save_rows: bool,
    show_queries: bool | None,
) -> None:
    """Apply what is pending."""
    run_up(
        invocation,
        to=to,
        out_of_order=out_of_order,
        backup=backup,
        save_rows=save_rows,
        show_queries=show_queries,
    )


def run_up(
    invocation: Invocation,
    *,
    to: str | None = None,
    out_of_order: bool = False,
    backup: bool = False,
    save_rows: bool = False,
    show_queries: bool | None = None,
) -> None:
    """Apply what is pending and say so."""
    project = invocation.project_with_database(show_queries=show_queries)
    invocation.introduce(project)
    project.up(
        to=to,
        out_of_order=out_of_order,
        backup=backup,
        save_rows=save_rows,
        together=True,
        on_event=invocation.output.event,
    )
