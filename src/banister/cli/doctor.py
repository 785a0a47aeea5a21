"""`banister doctor`."""

import click

from banister.cli.common import Invocation, command_options
from banister.errors import BanisterError

__all__ = ["command"]


@click.command(
    "doctor",
    help="Say what is wrong with this setup, and what to do about it.",
    epilog="Exits with 1 when something is wrong; a warning is not.",
)
@command_options()
def command(invocation: Invocation) -> None:
    """Look at everything a run needs, by reads alone."""
    from banister.doctor import Verdict, examine  # noqa: PLC0415 -- not needed for --help

    output, style = invocation.output, invocation.output.style
    marks = {Verdict.GOOD: style.good, Verdict.WARNING: style.warn, Verdict.BAD: style.bad}
    checks: list[dict[str, str | None]] = []
    wrong = []
    for check in examine(invocation.project):
        checks.append(
            {"name": check.name, "verdict": check.verdict, "said": check.said, "hint": check.hint}
        )
        output.say(f"{marks[check.verdict](f'{check.verdict.value:<8}')}{check.name}: {check.said}")
        if check.verdict is Verdict.BAD:
            wrong.append(check.name)
        if check.hint:
            output.say(*(" " * 8 + line for line in f"hint: {check.hint}".splitlines()))
    output.put(checks=checks)
    if wrong:
        raise BanisterError(f"wrong with this setup: {', '.join(wrong)}", code="setup")
