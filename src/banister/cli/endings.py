"""The ends of a command that does not return: wrong usage, an interrupt, a fault of our own."""

import re
import traceback
from difflib import get_close_matches
from itertools import pairwise

import click

from banister.cli.group import Call, NoCommand, UnknownCommand
from banister.cli.guesses import guess_secrets
from banister.cli.output import Output
from banister.errors import BanisterError, UsageError

__all__ = ["internal", "interrupted", "usage"]

#: Commands that write to no database of the user's.
_READING = frozenset({"docs", "drift", "lint", "plan", "snapshot", "status", "verify"})
_SHARED = ("--url", "--dir", "--env", "--format")


def usage(error: click.ClickException, given: list[str]) -> int:
    """Say what is wrong with the arguments, and return the exit code."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "banister"
    output = _output(given, command=path.removeprefix("banister").strip())
    message = error.message if isinstance(error, click.NoSuchOption) else error.format_message()
    message = re.sub(r"is not a valid integer( range)?", "is no whole number", message.rstrip("."))
    told = UsageError(message[:1].lower() + message[1:], hint=_hint(error, context, path))
    if isinstance(error, NoCommand) and context is not None:
        output.complain(*context.get_help().splitlines())
    else:
        output.fail(told)
    output.finish(told.exit_code, told)
    return told.exit_code


def interrupted(exit_code: int, call: Call, given: list[str]) -> int:
    """Say that the command was interrupted and what is left of it, and return the exit code."""
    output = call.output or _output(given)
    error = BanisterError(
        "interrupted" if exit_code == 130 else "terminated",
        code="interrupted",
        state=output.interrupted_state(),
        hint=None if output.command in _READING else "`banister status` shows where things stand",
    )
    output.fail(error)
    output.finish(exit_code, error)
    return exit_code


def internal(error: Exception, call: Call, given: list[str]) -> int:
    """Show a fault of our own without secrets, and return the exit code."""
    output = call.output or _output(given)
    output.hide(guess_secrets(given))
    output.complain_always(*"".join(traceback.format_exception(error)).splitlines())
    told = BanisterError(
        f"a fault in Banister itself: {type(error).__name__}: {error}",
        code="internal",
        hint="run `banister status` to see where things stand, and please report this",
    )
    output.fail(told)
    output.finish(told.exit_code, told)
    return told.exit_code


def _output(given: list[str], *, command: str = "") -> Output:
    as_json = "--format=json" in given or ("--format", "json") in pairwise(given)
    output = Output(command=command, as_json=as_json)
    output.hide(guess_secrets(given))
    return output


def _hint(error: click.ClickException, context: click.Context | None, path: str) -> str:
    more = f"see `{path} --help`"
    match error:
        case UnknownCommand():
            near = get_close_matches(error.name, error.known, n=1)
            return f"did you mean `{path} {near[0]}`? {more}" if near else more
        case click.NoSuchOption():
            return _hint_for_option(error.option_name, context, path) or more
    return more


def _hint_for_option(name: str, context: click.Context | None, path: str) -> str | None:
    """Most misspelt options leave out a dash; some belong to another command."""
    if context is None:
        return None
    if context.parent is None and name in _SHARED:
        return f"options stand behind the command: `{path} up {name} …`"
    if name.replace("-", "") == "dryrun" and context.command.name in ("up", "down"):
        rollback = " --rollback" if context.command.name == "down" else ""
        return f"the dry run is `banister plan{rollback}`"
    options = {
        spelling.strip("-").replace("-", ""): spelling
        for parameter in context.command.get_params(context)
        for spelling in parameter.opts
        if spelling.startswith("--")
    }
    near = get_close_matches(name.strip("-").replace("-", ""), options, n=1, cutoff=0.7)
    return f"did you mean {options[near[0]]}? see `{path} --help`" if near else None
