"""Where the process begins: what can be answered at once, and else the whole command line."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from banister._version import __version__

__all__ = ["main"]

#: Command → what it does. The module of that name holds it, imported when it is called.
_COMMANDS = {
    "up": "Apply what is pending.",
    "down": "Roll back what was applied last.",
    "status": "Show what is applied, pending, skipped, or wrong.",
    "plan": "Show what would run, and what it would do to others.",
    "migrate": "Up, dry run, rollback and status behind one command.",
    "new": "Create the next pair of files.",
    "verify": "Try every way down on a scratch database.",
    "drift": "Compare the schema of the database with what its migrations make.",
    "docs": "Write into Markdown what rolling back does.",
    "lint": "Check the files alone; no database.",
    "backup": "Write a backup, or look at those that there are.",
    "restore": "Put a backup into an empty database, or in the place of one.",
    "snapshot": "Print the schema as text for git, or compare it with such a text.",
    "baseline": "Adopt an existing database.",
    "repair": "Decide what no catalog can tell.",
    "init": "Start a project in this folder.",
    "demo": "See it work, with no server.",
    "doctor": "Say what is wrong with this setup.",
    "server": "Keep the embedded PostgreSQL running.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"]:
        return _tell(f"banister {__version__}\n")
    if given[:1] in (["up"], ["status"]):
        try:
            said = _at_once(given)
        except KeyboardInterrupt:
            return _interrupted(given)
        if said is not None:
            return _tell(said)
    # click alone takes longer to import than such an answer may take.
    from banister.cli.program import run  # noqa: PLC0415

    return run(given)


def _at_once(given: list[str]) -> str | None:
    try:
        from banister.quick import answer_at_once  # noqa: PLC0415 -- few commands need it
    except ImportError:
        # A Python without ctypes or OpenSSL.
        return None
    return answer_at_once(given, os.environ)


def _tell(text: str) -> int:
    """Print and end well, also where there is no reader, or none any more."""
    stream: TextIO | None = sys.stdout
    if stream is None:
        return 0
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        # What is still buffered would raise again at exit, and change the exit code.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 0


def _interrupted(given: list[str]) -> int:
    from banister.cli.endings import interrupted  # noqa: PLC0415 -- few are interrupted here
    from banister.cli.group import Call  # noqa: PLC0415 -- as above

    return interrupted(130, Call(), given)
