"""`banister lint`."""

import click

from banister.cli.common import Invocation, command_options
from banister.errors import Severity
from banister.report import plural

__all__ = ["command"]


@click.command("lint", help="Check names, numbers, pairs, directives, encodings and statements.")
@command_options(database=False)
def command(invocation: Invocation) -> int:
    """Check the files alone."""
    project = invocation.project()
    findings = project.lint()
    invocation.output.findings(findings)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    others = len(findings) - errors
    count = plural(len(project.folder().migrations), "migration")
    said = f"{plural(errors, 'problem')}, {plural(others, 'remark')}" if findings else "no problems"
    invocation.output.say(f"{count} in {project.settings.shown_dir}: {said}")
    return 1 if errors else 0
