"""`banister plan`."""

import click

from banister.cli.common import Invocation, command_options
from banister.report import plan_json, plan_lines, sql_lines
from banister.runner import refuse_errors

__all__ = ["command", "run_plan"]


@click.command(
    "plan",
    help="Show what would run, and check the files. Nothing is run. Without a database the files "
    "alone are checked.",
    epilog="Exits with 1 when something stands against the run.",
)
@click.option("--to", metavar="VERSION", help="Plan up to this version; with --rollback, down to.")
@click.option(
    "--rollback",
    metavar="[N]",
    is_flag=False,
    flag_value="1",
    default=None,
    type=click.IntRange(min=1),
    help="Plan a rollback of the last N (1) instead.",
)
@click.option("--out-of-order", is_flag=True, help="Allow versions below the highest applied.")
@click.option("--sql", is_flag=True, help="Show the SQL too.")
@command_options()
def command(
    invocation: Invocation, *, to: str | None, rollback: int | None, out_of_order: bool, sql: bool
) -> None:
    """Show what would run."""
    run_plan(invocation, to=to, rollback=rollback, out_of_order=out_of_order, sql=sql)


def run_plan(
    invocation: Invocation,
    *,
    to: str | None = None,
    rollback: int | None = None,
    out_of_order: bool = False,
    sql: bool = False,
) -> None:
    """Show what would run; raise FindingsError, with all findings, where one stands against it."""
    output = invocation.output
    project = invocation.project()
    if rollback is None:
        preview = project.plan(to=to, out_of_order=out_of_order)
    else:
        preview = project.plan_down(rollback, to=to)
    plan = preview.plan
    invocation.introduce(project, preview.database)
    output.put(migrations=plan_json(plan, sql=sql), looked_at_database=preview.database is not None)
    output.say(*plan_lines(plan, output.style, looked=preview.database is not None))
    if sql:
        output.say(*sql_lines(plan, output.style))
    output.findings(plan.findings, notices_about=[step.version for step in plan.steps])
    refuse_errors(plan.findings)
    output.say("", "dry run: nothing was run")
