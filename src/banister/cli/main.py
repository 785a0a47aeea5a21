"""Where the process begins: what can be answered at once, and else the whole command line."""

import os
import sys
from collections.abc import Sequence

from banister._version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"]:
        return _tell(f"banister {__version__}\n")
    if given == ["up"]:
        from banister.quick import nothing_to_do  # noqa: PLC0415 -- no other command needs it

        try:
            said = nothing_to_do(given, os.environ)
        except KeyboardInterrupt:
            return _interrupted(given)
        if said is not None:
            return _tell(said)
    # click alone takes longer to import than such an answer may take.
    from banister.cli.program import run  # noqa: PLC0415

    return run(given)


def _tell(text: str) -> int:
    """Print and end well, also where the reader has gone away."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _interrupted(given: list[str]) -> int:
    from banister.cli.endings import interrupted  # noqa: PLC0415 -- few are interrupted here
    from banister.cli.group import Call  # noqa: PLC0415 -- as above

    return interrupted(130, Call(), given)
