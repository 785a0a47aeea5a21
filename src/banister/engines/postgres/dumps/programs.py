"""PostgreSQL's client programs on this machine: found, and run without a secret in sight."""

import os
import re
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from banister.engines.embedded import find_binaries
from banister.errors import ServerError
from banister.project.programs import system_folders

__all__ = ["Program", "Running", "find_program", "reachable"]

#: The newest, and the oldest, major that is looked for.
_NEWEST = 20
_OLDEST = 13
#: Lines of what a program says that are kept.
_KEPT = 200
#: Seconds for a program to end that was asked to.
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A client program of this machine."""

    path: Path
    #: For example (18, 1).
    version: tuple[int, ...]

    @property
    def major(self) -> int:
        """Its major version."""
        return self.version[0]

    def __str__(self) -> str:
        return f"{self.path.name} {'.'.join(map(str, self.version))}"


def find_program(
    name: str, server_major: int, *, needs_tls: bool = False, older: bool = False
) -> Program:
    """Return the program of the server's major version, or the next newer one.

    What the system has comes before the embedded one of the same version, which cannot speak TLS.
    `older`: where there is none, the newest that is older will do; pg_dump never reads a newer
    server. Raises ServerError, which says what is there, where none fits.
    """
    majors = [*range(server_major, _NEWEST)]
    majors += range(server_major - 1, _OLDEST - 1, -1) if older else ()
    embedded = _embedded(name)
    for major in majors:
        for folder in system_folders(major, name):
            found = _program(folder / name)
            if found is not None and found.major == major:
                return found
        if embedded is not None and embedded.major == major and not needs_tls:
            return embedded
    raise ServerError(
        f"there is no {name} of PostgreSQL {server_major} or newer on PATH or where systems keep "
        f"it{_instead(name, server_major, embedded, needs_tls=needs_tls)}",
        hint=f"install the client programs of PostgreSQL {server_major}, for example "
        f"`apt-get install postgresql-client-{server_major}`",
    )


def _instead(name: str, server_major: int, embedded: Program | None, *, needs_tls: bool) -> str:
    """Say what is there and does not fit."""
    if embedded is not None and embedded.major >= server_major and needs_tls:
        return f"; the embedded {embedded} cannot speak TLS, which this connection uses"
    for major in range(server_major - 1, _OLDEST - 1, -1):
        for folder in system_folders(major, name):
            found = _program(folder / name)
            if found is not None and found.major == major:
                return f"; {found} is too old: it does not read a newer server"
    return ""


def _embedded(name: str) -> Program | None:
    try:
        return _program(find_binaries().bin_dir / name)
    except ServerError:
        return None


def _program(path: Path) -> Program | None:
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", done.stdout)
    if found is None:
        return None
    return Program(path=path, version=tuple(int(part) for part in found.groups() if part))


@contextmanager
def reachable(conninfo: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield a connection string without its password, and an environment that has it.

    The password goes by a file that nobody else can read, gone afterwards. What programs say is in
    English, so that it can be read.
    """
    parts = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value}
    environment = {**os.environ, "LC_ALL": "C", "LANGUAGE": "C"}
    password = parts.pop("password", None)
    if password is None:
        yield make_conninfo("", **parts), environment
        return
    with tempfile.TemporaryDirectory(prefix="banister-") as folder:
        path = Path(folder) / "pgpass"
        path.touch(mode=0o600)
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        path.write_text(f"*:*:*:*:{escaped}\n")
        parts["passfile"] = str(path)
        environment.pop("PGPASSWORD", None)
        yield make_conninfo("", **parts), environment


@dataclass(kw_only=True)
class Running:
    """A program at work; whatever happens, it has ended when the block has."""

    process: "subprocess.Popen[bytes]"
    #: What it said last, on standard error.
    said: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT))
    #: Lines that nobody has looked at yet.
    fresh: deque[str] = field(default_factory=deque)
    _reader: threading.Thread = field(default_factory=threading.Thread)

    @classmethod
    @contextmanager
    def start(
        cls,
        arguments: Sequence[str | Path],
        environment: Mapping[str, str],
        *,
        feed: bool = False,
    ) -> Iterator["Running"]:
        """Start it, with a pipe to its input where it is fed. Raises ServerError."""
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if feed else subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                # A Ctrl-C in the terminal is for us: it is ended in order.
                start_new_session=True,
            )
        except OSError as error:
            raise ServerError(f"{arguments[0]} cannot be started: {error.strerror}") from error
        running = cls(process=process)
        running._reader = reader = threading.Thread(target=running._listen, daemon=True)
        reader.start()
        try:
            yield running
        finally:
            running._end()
            reader.join(_PATIENCE)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()

    @property
    def output(self) -> IO[bytes]:
        """What it writes."""
        assert self.process.stdout is not None  # noqa: S101 -- as it was started
        return self.process.stdout

    @property
    def input(self) -> IO[bytes]:
        """What it reads."""
        assert self.process.stdin is not None  # noqa: S101 -- as it was started
        return self.process.stdin

    def ended(self) -> int:
        """Wait for its end; return its exit code."""
        return self.process.wait()

    def ended_within(self, seconds: float) -> int:
        """Wait so long for its end; return its exit code. Raises TimeoutError."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        # All that it said is to be known then; a child of it may hold the pipe open.
        self._reader.join(_PATIENCE)
        return code

    def lines(self) -> Iterator[str]:
        """Yield what it has said since the last call."""
        while self.fresh:
            yield self.fresh.popleft()

    def complaint(self) -> str:
        """Return what it said that is not about its progress, in one line."""
        errors = [line for line in self.said if re.search(r"error:|ERROR:|FATAL:", line)]
        told = errors or [line for line in self.said if "warning" not in line.lower()][-1:]
        return "; ".join(told[:3]) or f"it ended with {self.process.poll()} and said nothing"

    def _listen(self) -> None:
        assert self.process.stderr is not None  # noqa: S101 -- as it was started
        for raw in self.process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self.said.append(line)
            self.fresh.append(line)

    def _end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_PATIENCE)
