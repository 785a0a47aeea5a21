"""A disk that holds little, and can be given more."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from banister.engines.embedded.account import server_account

__all__ = ["SmallDisk", "small_disk"]


@dataclass(frozen=True, kw_only=True)
class SmallDisk:
    """A file system in memory, in a folder of its own."""

    path: Path

    def resize(self, megabytes: int) -> None:
        """Let it hold so much."""
        _run("mount", "-o", f"remount,size={megabytes}m", self.path)

    def forbid_writing(self) -> None:
        """Make it read-only, also for root."""
        _run("mount", "-o", "remount,ro", self.path)


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """Mount a small disk that the server's account may use; skip where that is not allowed."""
    account = server_account()
    home = Path(tempfile.mkdtemp(prefix="bnd-"))
    home.chmod(0o711)
    disk = SmallDisk(path=home / "disk")
    disk.path.mkdir()
    options = f"size={megabytes}m,mode=0700,uid={account.uid},gid={account.gid}"
    try:
        _run("mount", "-t", "tmpfs", "-o", options, "banister-test", disk.path)
    except (OSError, subprocess.CalledProcessError):
        disk.path.rmdir()
        home.rmdir()
        pytest.skip("this account may not mount a small disk")
    try:
        yield disk
    finally:
        _run("umount", "-l", disk.path)
        disk.path.rmdir()
        home.rmdir()


def _run(*args: str | Path) -> None:
    subprocess.run(args, check=True, capture_output=True)
