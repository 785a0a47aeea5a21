"""`banister status`."""

import click

from banister.cli.common import Invocation, command_options
from banister.errors import Severity
from banister.model import State
from banister.report import status_json, status_lines, summary

__all__ = ["command", "run_status"]


@click.command(
    "status",
    help="Show where every migration stands, by reads alone.",
    epilog="With --check it exits with 3 when something is pending or wrong.",
)
@click.option("--check", is_flag=True, help="Fail when something is pending or wrong.")
@command_options()
def command(invocation: Invocation, *, check: bool) -> int:
    """Show where every migration stands."""
    return run_status(invocation, check=check)


def run_status(invocation: Invocation, *, check: bool = False) -> int:
    """Show where every migration stands; return the exit code."""
    output = invocation.output
    project = invocation.project_with_database()
    found = project.status()
    invocation.introduce(project, found.database)
    output.put(migrations=[status_json(row) for row in found.rows])
    output.say(*status_lines(found.rows, output.style))
    output.say(*([""] if found.rows else []), summary(found.rows))
    # The table says of every migration what a notice would.
    output.findings(found.findings, notices_about=())
    settled = {State.APPLIED, State.SKIPPED}
    wrong = any(finding.severity is Severity.ERROR for finding in found.findings)
    open_ones = any(row.state not in settled for row in found.rows)
    return 3 if check and (wrong or open_ones) else 0
