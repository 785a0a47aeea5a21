"""`banister verify`."""

import click

from banister.cli.common import Invocation, command_options
from banister.report.proof import proof_lines, proven_json

__all__ = ["command"]


@click.command(
    "verify",
    help="Try every way down on a scratch database: up, down, and up again.",
    epilog="Exits with 3 when a down does not restore what its up changed and nobody says so.",
)
@click.option(
    "--scratch-url", metavar="URL", help="A server on which scratch databases may be made."
)
@click.option(
    "--since",
    metavar="COMMIT",
    help="Only migrations whose files are not as in this commit of git, such as origin/main.",
)
@click.option("--no-cache", is_flag=True, help="Prove again what an earlier run has proven.")
@command_options()
def command(
    invocation: Invocation, *, scratch_url: str | None, since: str | None, no_cache: bool
) -> int:
    """Prove every way down."""
    output = invocation.output
    project = invocation.project(offline=True, scratch_url=scratch_url)
    proven = project.verify(since=since, cache=not no_cache, on_event=output.proving)
    output.put(**proven_json(proven))
    output.say(*proof_lines(proven, output.style))
    return 0 if proven.good else 3
