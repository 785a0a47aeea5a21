"""Processes by pid, told apart from a later process that got the same pid."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["command_line", "identify", "owner", "reap", "send"]


def identify(pid: int) -> str | None:
    """Return a mark of the process that has this pid now; None where none is alive.

    Two processes that had the same pid at different times have different marks. A zombie counts as
    gone.
    """
    if sys.platform != "linux":
        return _identify_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None
    # man 5 proc: the name in brackets may hold anything; state is field 3, starttime field 22.
    fields = stat[stat.rindex(b")") + 1 :].split()
    return None if fields[0] in {b"Z", b"X"} else f"{boot}/{fields[19].decode()}"


def owner(pid: int) -> int | None:
    """Return the user id that a process runs under; None where there is no such process."""
    if sys.platform != "linux":
        said = _ps(pid, "uid=")
        return int(said) if said else None
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None


def command_line(pid: int) -> str:
    """Return program and arguments of a process, with spaces between; empty where unknown."""
    if sys.platform != "linux":
        return _ps(pid, "command=")
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").strip())
    except OSError:
        return ""


def send(pid: int, mark: str, number: signal.Signals) -> bool:
    """Send a signal to the process with that pid and mark; False where it is gone.

    Raises PermissionError when it belongs to somebody else.
    """
    try:
        if sys.platform != "linux":
            same = identify(pid) == mark
            if same:
                os.kill(pid, number)
            return same
        # The descriptor stays with one process: no other can get the pid between check and signal.
        descriptor = os.pidfd_open(pid)
        try:
            same = identify(pid) == mark
            if same:
                signal.pidfd_send_signal(descriptor, number)
            return same
        finally:
            os.close(descriptor)
    except ProcessLookupError:
        return False


def reap(pid: int) -> None:
    """Clear away a process that has ended, where it was a child of ours."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _identify_by_ps(pid: int) -> str | None:
    said = _ps(pid, "stat=,lstart=")
    state, _, started = said.partition(" ")
    return None if not said or state.startswith("Z") else started.strip()


def _ps(pid: int, columns: str) -> str:
    done = subprocess.run(
        ["/bin/ps", "-ww", "-o", columns, "-p", str(pid)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={"LC_ALL": "C"},
    )
    return done.stdout.strip()
