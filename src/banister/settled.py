"""Whether files and history are the same, told in the same way whoever asks. No I/O."""

from collections.abc import Iterable, Mapping

__all__ = ["settled"]


def settled(
    files: Mapping[int, tuple[str, str]], rows: Iterable[tuple[int, str, str | None]]
) -> bool:
    """Whether every file is applied as it is, and nothing else is.

    `files`: number → name and checksum of the up file. `rows`: number, name and checksum of each
    applied migration; one that another runner wrote has no checksum, and then this cannot be told.
    """
    count = 0
    for number, name, checksum in rows:
        if checksum is None or files.get(number) != (name, checksum):
            return False
        count += 1
    return count == len(files)
