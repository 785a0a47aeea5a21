"""Which processes hold SQLite's locks on a file: told by the system, where it tells such things."""

import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["who_holds"]

#: The system's list of file locks. Reading it opens nothing: SQLite's own locks are lost when their
#: process closes any other handle of the file, so that asking with fcntl would be dangerous.
#: https://man7.org/linux/man-pages/man5/proc_locks.5.html
_LOCKS = Path("/proc/locks")

#: Bytes that SQLite locks in a database file: writers, then readers.
#: https://www.sqlite.org/fileformat2.html#the_lock_byte_page
_PENDING = 0x40000000
#: Bytes of the shared-memory file that writers, checkpoints and recoveries lock.
#: https://www.sqlite.org/walformat.html#wal_locks
_IN_SHARED_MEMORY = range(120, 123)


def who_holds(path: Path) -> str | None:
    """Name the other processes that stand in the way of a writer, for people.

    Writers where there are any; else those that read. None where it cannot be told. Never raises.
    """
    with suppress(OSError, ValueError):
        memory = path.with_name(f"{path.name}-shm")
        writers = {pid for pid, writes, _ in _locks(path, _PENDING) if writes}
        writers |= {pid for pid, writes, at in _locks(memory) if writes and at in _IN_SHARED_MEMORY}
        # With a write-ahead log readers stand in nobody's way, and each connection is one.
        readers = set() if memory.exists() else {pid for pid, _, _ in _locks(path, _PENDING)}
        named = [said for pid in sorted(writers or readers) if (said := _describe(pid))]
        return " and ".join(named) or None
    return None


def _locks(path: Path, lowest: int = 0) -> Iterator[tuple[int, bool, int]]:
    """Yield pid, whether it is a lock for writing, and first byte of what others hold."""
    if not path.exists():
        return
    found = path.stat()
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in _LOCKS.read_text().splitlines():
        # "1: POSIX ADVISORY WRITE 1234 fe:00:2146310 120 120"; "->" marks one that waits.
        words = line.split()
        if len(words) == 8 and words[1] == "POSIX" and words[5] == place:
            pid, start = int(words[4]), int(words[6])
            if start >= lowest and pid not in {0, os.getpid()}:
                yield pid, words[3] == "WRITE", start


def _describe(pid: int) -> str | None:
    """Return "process 1234 (python3), user ada"; None where it has ended."""
    # Its arguments may hold a password; its name does not.
    place = Path(f"/proc/{pid}")
    try:
        name = (place / "comm").read_text(errors="replace").strip()
        owner = place.stat().st_uid
    except OSError:
        return None
    printable = "".join(char if char.isprintable() else "?" for char in name)
    try:
        user = pwd.getpwuid(owner).pw_name
    except KeyError:
        user = f"uid {owner}"
    return f"process {pid} ({printable}), user {user}"
