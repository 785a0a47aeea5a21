"""`banister drift`."""

import click

from banister.api import Project
from banister.cli.common import Invocation, command_options
from banister.project import no_target_error
from banister.report.drift import drift_json, drift_lines, stored_json, stored_lines

__all__ = ["command"]


@click.command(
    "drift",
    help="Say how the schema of the database is not what its applied migrations make. These run on "
    "a scratch database; the database itself is read alone.",
    epilog="Exits with 3 when something differs.",
)
@click.option(
    "--scratch-url", metavar="URL", help="A server on which scratch databases may be made."
)
@click.option(
    "--stored",
    is_flag=True,
    help="Only say whether anything changed since the last run; no scratch database.",
)
@command_options()
def command(invocation: Invocation, *, scratch_url: str | None, stored: bool) -> int:
    """Compare the live schema with what the migrations make."""
    output = invocation.output
    project = invocation.project(scratch_url=scratch_url)
    if project.target is None:
        raise no_target_error()
    if stored:
        return _compare_stored(invocation, project)
    found = project.drift(on_event=output.proving)
    invocation.introduce(project)
    output.findings(found.findings)
    output.put(**drift_json(found))
    output.say(*drift_lines(found, output.style))
    return 0 if found.good else 3


def _compare_stored(invocation: Invocation, project: Project) -> int:
    known = project.stored_drift()
    invocation.introduce(project)
    invocation.output.put(**stored_json(known))
    invocation.output.say(*stored_lines(known, invocation.output.style))
    return 0 if known.good else 3
