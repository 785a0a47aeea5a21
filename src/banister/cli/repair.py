"""`banister repair`."""

import click

from banister.cli.common import Invocation, command_options
from banister.errors import UsageError

__all__ = ["command"]


@click.command("repair", help="Decide what no catalog can tell about one migration.")
@click.argument("version", required=False)
@click.option("--accept-edit", metavar="VERSION", help="Take its files as they are now as applied.")
@click.option(
    "--done",
    metavar="K",
    type=click.IntRange(min=1),
    help="Statement K of VERSION, whose end is not recorded, took effect.",
)
@click.option(
    "--retry",
    metavar="K",
    type=click.IntRange(min=1),
    help="Statement K of VERSION did not take effect: run it again.",
)
@command_options()
def command(
    invocation: Invocation,
    *,
    version: str | None,
    accept_edit: str | None,
    done: int | None,
    retry: int | None,
) -> None:
    """Decide what no catalog can tell."""
    from banister.api import Decision  # noqa: PLC0415 -- not needed for --help

    asked = [option for option in (accept_edit, done, retry) if option is not None]
    if len(asked) != 1:
        raise UsageError("give one of --accept-edit, --done and --retry")
    project = invocation.project_with_database()
    if accept_edit is not None:
        if version is not None:
            raise UsageError("--accept-edit names the version itself")
        invocation.introduce(project)
        row = project.accept_edit(accept_edit, on_event=invocation.output.event)
        invocation.output.put(
            migrations=[{"version": row.version.text, "name": row.name, "state": "edit_accepted"}]
        )
        invocation.output.say(f"{row.version}_{row.name}: the files as they are now are recorded")
        return
    if version is None:
        raise UsageError("which version? `banister repair VERSION --done K`")
    if done is not None:
        project.decide(version, done, Decision.DONE, on_event=invocation.output.event)
        invocation.output.say(f"{version}: statement {done} counts as done")
    elif retry is not None:
        project.decide(version, retry, Decision.RETRY, on_event=invocation.output.event)
        invocation.output.say(f"{version}: statement {retry} will run again")
