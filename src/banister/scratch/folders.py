"""Folders for the time of one run: in memory where there is room, gone afterwards.

A run holds a lock on a file in its folder for as long as it lives. A folder whose lock is free is
what a killed run left: the next run, of the same user, stops the servers in it and removes it.
"""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from banister.engines.embedded import find_running, stop
from banister.engines.embedded.account import Account, server_account
from banister.engines.embedded.locks import hold, open_lock, try_lock
from banister.engines.embedded.places import memory_folder, own_folder, temp_folders
from banister.errors import ServerError

__all__ = ["remove_cluster", "run_folder"]

_PREFIX = "scratch-"
_OWNER = "owner.lock"
_GUARD = "scratch.lock"
#: What a scratch cluster with a few databases, or a few copies of one, may come to.
_ROOM_BYTES = 2 * 1024**3
#: How long a server that was being started by a killed run is waited for.
_STARTING_SECONDS = 10.0
_POLL_SECONDS = 0.02


@contextmanager
def run_folder() -> Iterator[Path]:
    """Yield a folder that others cannot write to; it is gone afterwards, with servers in it.

    The server's account may pass through it. What killed runs left is removed first. Raises
    ServerError.
    """
    account = server_account()
    homes = list(_homes(account))
    if not homes:
        raise ServerError(
            "there is no temporary folder that the server's account reaches",
            hint="set TMPDIR to a folder that it can pass through",
        )
    for home in homes:
        _sweep(home)
    folder = homes[0] / f"{_PREFIX}{uuid.uuid4().hex[:12]}"
    # Under the guard: a folder without a holder is taken for one that was left.
    with hold(homes[0] / _GUARD, wait_seconds=60, busy="another command is removing folders"):
        owner = open_lock(own_folder(folder, account) / _OWNER)
        try_lock(owner)
    try:
        yield folder
    finally:
        with suppress(ServerError, OSError):
            _remove(folder)
        os.close(owner)


def remove_cluster(folder: Path) -> bool:
    """Stop the server in the cluster folder, and remove it; nothing in it is worth a thought.

    Returns False where a server there can be neither stopped nor found.
    """
    alive = open_lock(folder / "alive.lock")
    try:
        give_up = time.monotonic() + _STARTING_SECONDS
        # The server, and initdb, hold it for as long as one of their processes lives.
        while not try_lock(alive):
            running = find_running(folder)
            if running is not None:
                stop(running, at_once=True)
            elif time.monotonic() > give_up:
                return False
            else:
                time.sleep(_POLL_SECONDS)
    finally:
        os.close(alive)
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _homes(account: Account) -> Iterator[Path]:
    """Yield where such folders may be, the best place first."""
    in_memory = memory_folder(account, room_bytes=_ROOM_BYTES)
    if in_memory is not None:
        yield in_memory
    yield from temp_folders(account)


def _sweep(home: Path) -> None:
    """Remove what killed runs left in a home."""
    with ExitStack() as stack:
        left = []
        with hold(home / _GUARD, wait_seconds=60, busy="another command is removing folders"):
            for folder in home.glob(f"{_PREFIX}*"):
                with suppress(ServerError):
                    owner = open_lock(folder / _OWNER)
                    stack.callback(os.close, owner)
                    if try_lock(owner):
                        left.append(folder)
        for folder in left:
            with suppress(ServerError, OSError):
                _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the folder of a run with its clusters, unless a server there cannot be stopped."""
    clusters = [path.parent for path in folder.glob("*/alive.lock")]
    running = [cluster for cluster in clusters if not remove_cluster(cluster)]
    if not running:
        shutil.rmtree(folder, ignore_errors=True)
