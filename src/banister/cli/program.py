"""The group of commands, and how each of them ends."""

import importlib
import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

import click

from banister._version import __version__
from banister.cli.group import Call, CommandGroup
from banister.cli.main import _COMMANDS

__all__ = ["run"]


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends a run the way Ctrl-C does."""


class _Commands(CommandGroup):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"banister.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check found something, "
    "4 outcome unknown, 130 and 143 interrupted.",
)
@click.version_option(__version__, prog_name="banister", message="%(prog)s %(version)s")
def _banister() -> None:
    """Versioned SQL migrations for PostgreSQL and SQLite.

    Start with `banister init`, or see it work with `banister demo`.
    """


def run(given: list[str]) -> int:
    """Run the command line with these arguments and return the exit code."""
    call = Call()
    _print_everything()
    _Signals().install()
    try:
        return _run(given, call)
    except Exception as error:  # noqa: BLE001 -- a fault of our own: nothing of it may show a secret
        from banister.cli.endings import internal  # noqa: PLC0415 -- the way of --help stays short

        return internal(error, call, given)


def _run(given: list[str], call: Call) -> int:
    try:
        result = _banister.main(args=given, prog_name="banister", standalone_mode=False, obj=call)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort as stop:
        # click puts Abort in the place of every KeyboardInterrupt.
        return _interrupted(stop.__cause__, call, given)
    except KeyboardInterrupt as stop:
        return _interrupted(stop, call, given)
    except click.ClickException as error:
        from banister.cli.endings import usage  # noqa: PLC0415 -- the way of --help stays short

        return usage(error, given)
    except BrokenPipeError:
        # The reader of --help or --version has gone away.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def _interrupted(stop: BaseException | None, call: Call, given: list[str]) -> int:
    from banister.cli.endings import interrupted  # noqa: PLC0415 -- the way of --help stays short

    return interrupted(143 if isinstance(stop, Terminated) else 130, call, given)


class _Signals:
    """The first Ctrl-C or SIGTERM ends the run in order; the second ends the process at once."""

    def __init__(self) -> None:
        self._seen = False

    def install(self) -> None:
        """Take both signals; one that is ignored, as in a background job, stays so."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._seen:
            # The server notices that its client is gone, and rolls back.
            os._exit(128 + number)
        self._seen = True
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _print_everything() -> None:
    """Let a terminal that cannot show a character show its number, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
