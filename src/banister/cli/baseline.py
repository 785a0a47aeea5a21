"""`banister baseline`."""

import click

from banister.cli.common import Invocation, command_options
from banister.report import plural

__all__ = ["command"]


@click.command("baseline", help="Record all migrations up to VERSION as applied, running none.")
@click.argument("version")
@command_options()
def command(invocation: Invocation, *, version: str) -> None:
    """Adopt an existing database."""
    project = invocation.project_with_database()
    invocation.introduce(project)
    rows = project.baseline(version, on_event=invocation.output.event)
    invocation.output.put(
        migrations=[
            {"version": row.version.text, "name": row.name, "state": "baselined"} for row in rows
        ]
    )
    for row in rows:
        invocation.output.say(f"  {row.version}_{row.name}  recorded as applied, not run")
    invocation.output.say(f"recorded {plural(len(rows), 'migration')}")
