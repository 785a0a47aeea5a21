"""`banister migrate`: the four daily tasks behind one command, for scripts that call it so."""

import click

from banister.cli.common import Invocation, command_options, show_queries_option
from banister.cli.down import run_down
from banister.cli.plan import Asked, run_plan
from banister.cli.status import run_status
from banister.cli.up import run_up
from banister.errors import UsageError

__all__ = ["command"]


@click.command("migrate", help="Apply what is pending; or roll back, preview, show the status.")
@click.option("--dry-run", is_flag=True, help="Show what would run; nothing is run.")
@click.option(
    "--rollback",
    metavar="[N]",
    is_flag=False,
    flag_value="1",
    default=None,
    type=click.IntRange(min=1),
    help="Roll back the last N (1) migrations.",
)
@click.option("--status", is_flag=True, help="Show where every migration stands.")
@show_queries_option
@command_options()
def command(
    invocation: Invocation,
    *,
    dry_run: bool,
    rollback: int | None,
    status: bool,
    show_queries: bool | None,
) -> int | None:
    """Apply, roll back, preview, or show the status."""
    if status and (dry_run or rollback is not None):
        raise UsageError("--status cannot be combined with --dry-run or --rollback")
    if status:
        return run_status(invocation)
    if dry_run:
        return run_plan(invocation, Asked(rollback=rollback))
    if rollback is not None:
        run_down(invocation, count=rollback, show_queries=show_queries)
    else:
        run_up(invocation, show_queries=show_queries)
    return None
