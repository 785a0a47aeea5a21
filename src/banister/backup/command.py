"""The platform's own way to make a backup: a program of the user's, run and waited for."""

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress

from banister.errors import BackupCommandFailed
from banister.model import Event, RunInfo
from banister.model.backup import CommandSaid, WayBack
from banister.project import redact

__all__ = ["run_command"]

#: The last lines are kept, for the log and for an error.
_LINES = 20
_LINE_LENGTH = 500
#: Bytes of a line that are read.
_LONGEST = 64 * 1024
#: Seconds for which what it has started may still speak when it has ended, and between two looks.
_GRACE, _LOOK_EVERY = 1.0, 0.1
#: Seconds for a program to end that was asked to.
_PATIENCE = 10.0


def run_command(
    arguments: tuple[str, ...], info: RunInfo, secrets: frozenset[str]
) -> Generator[Event, None, WayBack]:
    """Run the program, yield each line that it says, and return what the log is to keep of it.

    It is started as it is, without a shell, with this process's environment and BANISTER_RUN_ID,
    and nothing to read. It, and what it has started, is stopped when the generator is closed;
    what it leaves running when it ends is not waited for. No secret is told. Raises
    BackupCommandFailed for any exit code but 0.
    """
    said: deque[str] = deque(maxlen=_LINES)
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(os.environ, info),
            start_new_session=True,
        )
    except OSError as error:
        raise _failed(arguments, f"cannot be started: {error.strerror}", ()) from error
    with process:
        try:
            for raw in _lines(process):
                line = redact(raw.decode(errors="replace").rstrip(), secrets)
                said.append(line[:_LINE_LENGTH])
                yield CommandSaid(line=said[-1])
            code = process.wait()
        except BaseException:
            _stop(process)
            raise
    if code != 0:
        ended = f"ended with {code}" if code > 0 else f"was ended by signal {-code}"
        raise _failed(arguments, ended, said)
    last = f": {said[-1]}" if said else ""
    return WayBack(detail=f"{arguments[0]} ended with 0{last}", command=None)


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """Yield what it says, line by line, until it has ended; of a very long line the beginning."""
    pending, ended = b"", None
    if process.stdout is None:
        return
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while ended is None or time.monotonic() - ended < _GRACE:
            if ended is None and process.poll() is not None:
                ended = time.monotonic()
            if not selector.select(_LOOK_EVERY):
                continue
            data = os.read(process.stdout.fileno(), _LONGEST)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            pending = pending[:_LONGEST]
            yield from (line[:_LONGEST] for line in lines)
    if pending:
        yield pending


def _environment(environ: Mapping[str, str], info: RunInfo) -> dict[str, str]:
    return {**environ, "BANISTER_RUN_ID": info.run_id}


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End what still runs of it; its children too, which are in a session of its own."""
    if process.poll() is not None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
            return


def _failed(
    arguments: tuple[str, ...], how: str, said: "deque[str] | tuple[()]"
) -> BackupCommandFailed:
    lines = "".join(f"\n  {line}" for line in said)
    return BackupCommandFailed(
        f"the backup command {arguments[0]} {how}{lines}",
        state="nothing was run",
        hint='mend it, or set backup = "never" for a run without a backup',
    )
