"""`banister server`: the project's own PostgreSQL, kept running for an application."""

import click

from banister.cli.common import Invocation, command_options
from banister.cli.group import CommandGroup
from banister.errors import ServerError

__all__ = ["command"]


@click.group("server", cls=CommandGroup, help="Keep the project's own PostgreSQL running.")
def command() -> None:
    """Start, stop or name the embedded server."""


@command.command("start", help="Start it and leave it running.")
@command_options(database=False)
def start(invocation: Invocation) -> None:
    """Start it; an application may use the URL as its DATABASE_URL."""
    from banister.engines.embedded import server_start  # noqa: PLC0415 -- not for --help

    running = server_start(invocation.project(offline=True).settings.root)
    invocation.output.put(server={"url": running.url, "pid": running.pid})
    invocation.output.say(f"running, pid {running.pid}", f"url {running.url}")


@command.command("stop", help="Stop it; its data stay.")
@command_options(database=False)
def stop(invocation: Invocation) -> None:
    """Stop the embedded server."""
    from banister.engines.embedded import server_stop  # noqa: PLC0415 -- not for --help

    stopped = server_stop(invocation.project(offline=True).settings.root)
    invocation.output.put(server={"stopped": stopped})
    invocation.output.say("stopped" if stopped else "it was not running")


@command.command("url", help="Print its URL, for DATABASE_URL.")
@command_options(database=False)
def url(invocation: Invocation) -> None:
    """Print the embedded server's URL."""
    from banister.engines.embedded import server_url  # noqa: PLC0415 -- not for --help

    found = server_url(invocation.project(offline=True).settings.root)
    if found is None:
        raise ServerError(
            "the embedded server is not running", hint="start it with `banister server start`"
        )
    invocation.output.put(server={"url": found})
    invocation.output.say(found)
