"""`banister plan`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from banister.cli.common import Invocation, command_options
from banister.cli.rehearsing import Wanted, rehearse_plan
from banister.errors import UsageError
from banister.report import plan_json, plan_lines, sql_lines
from banister.runner import refuse_errors

__all__ = ["Asked", "command", "run_plan"]


@click.command(
    "plan",
    help="Show what would run, and what it would do to others: each statement is carried out on "
    "a scratch copy. Nothing is run on the database. Without one the files alone "
    "are looked at.",
    epilog="Exits with 1 when something stands against the run; with --check with 3 when a "
    "migration is as bad as `plan_check` in the settings says, or worse, or cannot be rehearsed.",
)
@click.option("--to", metavar="VERSION", help="Plan up to this version; with --rollback, down to.")
@click.option(
    "--rollback",
    metavar="[N]",
    is_flag=False,
    flag_value="1",
    default=None,
    type=click.IntRange(min=1),
    help="Plan a rollback of the last N (1) instead.",
)
@click.option("--out-of-order", is_flag=True, help="Allow versions below the highest applied.")
@click.option("--sql", is_flag=True, help="Show the SQL too.")
@click.option("--check", is_flag=True, help="Exit with 3 when a migration is too dangerous.")
@click.option(
    "--report",
    "reports",
    metavar="FILE",
    multiple=True,
    help="Write what was found to a .html, .md or .sarif file; may be given more than once.",
)
@click.option("--annotations", is_flag=True, help="Print findings as GitHub annotations, too.")
@click.option(
    "--since",
    metavar="COMMIT",
    help="Without a database: only migrations whose files are not as in this commit of git; those "
    "below count as applied.",
)
@click.option("--no-rehearsal", is_flag=True, help="Carry nothing out, also not on a copy.")
@click.option(
    "--scratch-url", metavar="URL", help="A server on which scratch databases may be made."
)
@command_options()
def command(invocation: Invocation, *, scratch_url: str | None, **options: Any) -> int:
    """Show what would run."""
    asked = Asked(**{name: options[name] for name in ("to", "rollback", "out_of_order", "sql")})
    reports = tuple(map(Path, options["reports"]))
    needs = bool(
        options["check"] or reports or options["annotations"] or options["since"] is not None
    )
    if options["no_rehearsal"] and needs:
        raise UsageError("--no-rehearsal leaves nothing to check or to report")
    wanted = Wanted(
        check=options["check"],
        reports=reports,
        annotations=options["annotations"],
        since=options["since"],
        rehearse=False if options["no_rehearsal"] else True if needs else None,
    )
    return run_plan(invocation, asked, wanted, scratch_url=scratch_url)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which plan."""

    to: str | None = None
    rollback: int | None = None
    out_of_order: bool = False
    sql: bool = False


def run_plan(
    invocation: Invocation,
    asked: Asked,
    wanted: Wanted | None = None,
    *,
    scratch_url: str | None = None,
) -> int:
    """Show what would run; raise FindingsError, with all findings, where one stands against it."""
    output = invocation.output
    project = invocation.project(scratch_url=scratch_url)
    wanted = wanted or Wanted()
    if wanted.since is not None and project.target is not None:
        raise UsageError(
            "--since is for plans without a database: with one, what is pending is known",
            hint="leave out --since",
        )
    if asked.rollback is None:
        preview = project.plan(to=asked.to, out_of_order=asked.out_of_order)
    else:
        preview = project.plan_down(asked.rollback, to=asked.to)
    plan = preview.plan
    invocation.introduce(project, preview.database)
    output.put(
        migrations=plan_json(plan, sql=asked.sql), looked_at_database=preview.database is not None
    )
    output.say(*plan_lines(plan, output.style, looked=preview.database is not None))
    if asked.sql:
        output.say(*sql_lines(plan, output.style))
    output.findings(plan.findings, notices_about=[step.version for step in plan.steps])
    refuse_errors(plan.findings)
    exit_code = 0
    rehearse = project.settings.plan_rehearse if wanted.rehearse is None else wanted.rehearse
    if plan.steps and rehearse:
        exit_code = rehearse_plan(invocation, project, plan, wanted, sql=asked.sql)
    output.say("", "dry run: nothing was run")
    return exit_code
