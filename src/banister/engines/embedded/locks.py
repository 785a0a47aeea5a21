"""Locks on files by flock: given back by the kernel whatever happens to their holder."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from banister.errors import ServerError

__all__ = ["hold", "open_lock", "release", "try_lock"]

_POLL_SECONDS = 0.02


def open_lock(path: Path) -> int:
    """Open a lock file, made when it is missing; a symlink is not followed. Raises ServerError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ServerError(f"the lock file {path} cannot be opened: {exc.strerror}") from exc


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if it is free now, and say whether it was. Raises ServerError."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:
        raise ServerError(f"this file system knows no locks: {exc.strerror}") from exc
    return True


def release(descriptor: int) -> None:
    """Give the lock back; nothing happens where it is not held."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def hold(path: Path, *, wait_seconds: float, busy: str) -> Iterator[None]:
    """Hold the exclusive lock on a file. Raises ServerError(busy) when it is not free in time."""
    descriptor = open_lock(path)
    deadline = time.monotonic() + wait_seconds
    try:
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise ServerError(busy, hint="try again when it has ended")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
