"""A PostgreSQL for the time of one command: in a temporary folder, fast, and gone afterwards."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from banister.engines.embedded import Binaries, Running, find_running, start, stop
from banister.engines.embedded.account import server_account
from banister.engines.embedded.locks import open_lock, try_lock
from banister.engines.embedded.places import own_folder, temp_folders
from banister.errors import ServerError

__all__ = ["temporary_server"]

_PREFIX = "scratch-"
_OWNER = "owner.lock"
#: Nothing in it has to survive anything:
#: https://www.postgresql.org/docs/current/non-durability.html
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_wal_size": "1GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "20",
}


@contextmanager
def temporary_server(binaries: Binaries) -> Iterator[Running]:
    """Yield a new server; it and its data are gone afterwards, and those of runs that crashed.

    Raises ServerError.
    """
    home = _home()
    _sweep(home)
    folder = own_folder(home / f"{_PREFIX}{uuid.uuid4().hex[:12]}", server_account())
    owner = open_lock(folder / _OWNER)
    try:
        try_lock(owner)
        running = start(binaries, folder, settings=_SETTINGS)
        try:
            yield running
        finally:
            # Nothing is worth a checkpoint.
            stop(running, wait_seconds=5)
    finally:
        os.close(owner)
        shutil.rmtree(folder, ignore_errors=True)


def _home() -> Path:
    for folder in temp_folders(server_account()):
        return folder
    raise ServerError(
        "there is no temporary folder that the server's account reaches",
        hint="set TMPDIR to a folder that it can pass through",
    )


def _sweep(home: Path) -> None:
    """Remove what a run left that was killed: its lock is free, whatever its server does."""
    for folder in home.glob(f"{_PREFIX}*"):
        with suppress(ServerError, OSError):
            owner = open_lock(folder / _OWNER)
            try:
                if not try_lock(owner):
                    continue
                left = find_running(folder)
                if left is not None:
                    stop(left, wait_seconds=5)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(owner)
