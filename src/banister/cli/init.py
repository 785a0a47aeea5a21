"""`banister init`."""

from pathlib import Path

import click

from banister.cli.common import Invocation, command_options
from banister.project import start_project

__all__ = ["command"]


@click.command("init", help="Create banister.toml and the migrations folder here.")
@command_options(database=False)
def command(invocation: Invocation) -> None:
    """Start a project in the current folder."""
    here = Path.cwd()
    created = start_project(here, dir=invocation.directory or "migrations")
    shown = [str(path.relative_to(here)) for path in created]
    invocation.output.put(files=shown)
    invocation.output.say(
        *(f"created {path}" for path in shown),
        "",
        "next:",
        "  banister new create_users      write the first migration",
        "  banister plan                  check it; no database is needed",
        "  banister up --url embedded:    run it on a PostgreSQL of the project's own",
    )
