"""`banister lint`."""

import click

from banister.cli.common import Invocation, command_options
from banister.errors import FindingsError, Severity
from banister.report import plural

__all__ = ["command"]


@click.command(
    "lint",
    help="Check names, numbers, pairs, directives, encodings and statements.",
    epilog="Exits with 1 when something would stop a run.",
)
@command_options()
def command(invocation: Invocation) -> None:
    """Check the files alone."""
    project, output = invocation.project(offline=True), invocation.output
    findings = project.lint()
    output.findings(findings)
    count = plural(len(project.folder().migrations), "migration")
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    said = [plural(errors, "problem")] if errors else []
    said += [plural(len(findings) - errors, "remark")] if len(findings) > errors else []
    output.say(f"{count} in {project.settings.shown_dir}: {', '.join(said) or 'no problems'}")
    if errors:
        many = f"{plural(errors, 'problem')} in {project.settings.shown_dir}"
        raise FindingsError(many, findings=findings)
