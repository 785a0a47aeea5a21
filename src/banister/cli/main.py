"""The group of commands, and the one place where the process ends."""

import importlib
import signal
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise
from types import FrameType

import click

from banister._version import __version__

__all__ = ["main"]

#: Command → the module that holds it, imported when it is called.
_COMMANDS = {
    "up": "Apply what is pending.",
    "down": "Roll back what was applied last.",
    "status": "Show what is applied, pending, skipped, or wrong.",
    "plan": "Show what would run, and check the files; nothing is run.",
    "migrate": "Up, dry run, rollback and status behind one command.",
    "new": "Create the next pair of files.",
    "lint": "Check the files alone; no database.",
    "baseline": "Adopt an existing database.",
    "repair": "Decide what no catalog can tell.",
    "init": "Start a project in this folder.",
    "demo": "See it work, with no server.",
    "doctor": "Say what is wrong with this setup.",
    "server": "Keep the embedded PostgreSQL running.",
}


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run the way Ctrl-C does."""


class _Group(click.Group):
    """Lists commands without importing them, and answers a misspelt one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            near = get_close_matches(cmd_name, _COMMANDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            ctx.fail(f"no such command: {cmd_name}{hint}")
        module = importlib.import_module(f"banister.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(__version__, prog_name="banister", message="%(prog)s %(version)s")
def _banister() -> None:
    """Versioned SQL migrations for PostgreSQL and SQLite.

    Start with `banister init`, or see it work with `banister demo`.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = _banister.main(
            args=None if arguments is None else list(arguments),
            prog_name="banister",
            standalone_mode=False,
        )
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return _interrupted(130)
    except click.ClickException as error:
        return _usage_error(error, sys.argv[1:] if arguments is None else list(arguments))
    except Terminated:
        return _interrupted(143)
    except KeyboardInterrupt:
        return _interrupted(130)
    except Exception:  # noqa: BLE001 -- a fault of our own: nothing of it may show a secret
        return _internal_error()
    return result if isinstance(result, int) else 0


def _terminate(_signum: int, _frame: FrameType | None) -> None:
    raise Terminated


def _interrupted(exit_code: int) -> int:
    click.echo("interrupted: what was running was rolled back, what was finished stays", err=True)
    return exit_code


def _usage_error(error: click.ClickException, arguments: list[str]) -> int:
    from banister.cli.output import Output  # noqa: PLC0415 -- the way of --help stays short
    from banister.errors import UsageError  # noqa: PLC0415

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "banister"
    output = Output(
        command=path.removeprefix("banister").strip(),
        as_json=_asks_for_json(arguments),
        no_colour=False,
    )
    told = UsageError(error.format_message().rstrip("."), hint=f"see `{path} --help`")
    output.fail(told)
    output.finish(told.exit_code, told)
    return told.exit_code


def _asks_for_json(arguments: list[str]) -> bool:
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


def _internal_error() -> int:
    from banister.project import redact  # noqa: PLC0415 -- only when something went wrong

    context = click.get_current_context(silent=True)
    invocation = context.obj if context is not None else None
    secrets = invocation.output.secrets if invocation is not None else frozenset()
    click.echo(redact(traceback.format_exc(), secrets), err=True)
    click.echo(
        "error: this is a fault in Banister itself; run `banister status` to see where things "
        "stand, and please report it",
        err=True,
    )
    return 1
