"""`banister lint`."""

import click

from banister.cli.common import Invocation, command_options
from banister.errors import FindingsError, Severity
from banister.model import Dialect
from banister.report import plural

__all__ = ["command"]


@click.command(
    "lint",
    help="Check names, numbers, pairs, directives, encodings and statements.",
    epilog="Exits with 1 when something would stop a run.",
)
@click.option("--squawk", is_flag=True, help="Add what squawk says, where it is installed.")
@command_options()
def command(invocation: Invocation, *, squawk: bool) -> None:
    """Check the files alone."""
    project, output = invocation.project(offline=True), invocation.output
    from banister.project import count_migrations  # noqa: PLC0415 -- not for --help
    from banister.project.programs import server_is_near  # noqa: PLC0415 -- as above

    findings = project.lint(squawk=squawk)
    output.findings(findings)
    count = plural(count_migrations(project.settings.dir, project.dialect), "migration")
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    said = [plural(errors, "problem")] if errors else []
    said += [plural(len(findings) - errors, "remark")] if len(findings) > errors else []
    output.say(f"{count} in {project.settings.shown_dir}: {', '.join(said) or 'no problems'}")
    if errors:
        many = f"{plural(errors, 'problem')} in {project.settings.shown_dir}"
        raise FindingsError(many, findings=findings)
    # With errors it would stop at the same.
    if project.dialect is not Dialect.SQLITE and (project.scratch or server_is_near()):
        output.say(output.style.dim("`banister plan` knows more: it tries them on a scratch copy"))
