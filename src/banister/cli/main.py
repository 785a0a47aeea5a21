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
