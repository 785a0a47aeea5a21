"""Whether a file is there, and whether this user can write it."""

import os
from pathlib import Path

from banister.errors import BanisterError, ConnectionFailed, DatabaseError

__all__ = ["is_missing", "unfit"]


def is_missing(path: Path) -> bool:
    """Whether there is no file yet where one could be made. Raises ConnectionFailed."""
    if path.is_dir():
        raise ConnectionFailed(
            f"{path} is a folder, not a SQLite database", hint="give the path of a file"
        )
    try:
        if path.exists():
            return False
        if path.parent.is_dir():
            return True
    except OSError as error:
        raise ConnectionFailed(f"{path} cannot be reached: {error.strerror}") from error
    raise ConnectionFailed(
        f"{path} cannot be reached: there is no folder {path.parent}",
        hint="check the path, or make that folder first",
    )


def unfit(path: Path) -> BanisterError | None:
    """Return why this user cannot write a file that is there or not; None: there is no reason."""
    needed = [path.parent]
    try:
        if not is_missing(path):
            needed.append(path)
    except ConnectionFailed as error:
        return error
    for place in needed:
        if not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            return DatabaseError(
                f"{place} cannot be written by this user",
                code="read_only",
                state="nothing was run",
                hint="the file and its folder, where SQLite keeps its journal, must both be "
                "writable for this user",
            )
    return None
