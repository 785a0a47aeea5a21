"""One PostgreSQL cluster in a folder: make it, start it, find it running, stop it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from banister.engines.embedded.account import Account, server_account
from banister.engines.embedded.binaries import Binaries
from banister.engines.embedded.copies import readable_binaries
from banister.engines.embedded.locks import open_lock, try_lock
from banister.engines.embedded.places import account_folder, serving_folder, socket_folder
from banister.engines.embedded.processes import command_line, identify, owner, reap, send
from banister.errors import ServerError

__all__ = ["Running", "find_running", "start", "stop"]

_PORT = 5432
_SUPERUSER = "postgres"
_POLL_SECONDS = 0.01
# https://www.postgresql.org/docs/current/runtime-config.html; small, and durable as shipped.
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "jit": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that accepts connections on a socket, and on nothing else."""

    pid: int
    #: Tells this process from a later one with the same pid.
    mark: str
    data_dir: Path
    socket_dir: Path
    port: int
    #: The account that it runs as.
    account: str
    #: Major version.
    major: int
    #: The role that may do everything, and that its URLs name.
    superuser: str = _SUPERUSER

    def database_url(self, database: str) -> str:
        """Return a libpq URL for one database. It needs no password: the socket's folder guards."""
        host = quote(os.fsencode(self.socket_dir), safe="")
        name = quote(database, safe="")
        return f"postgresql:///{name}?host={host}&port={self.port}&user={self.superuser}"

    @property
    def conninfo(self) -> str:
        """The database `postgres` as libpq's key=value pairs."""
        # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
        host = str(self.socket_dir).replace("\\", "\\\\").replace("'", "\\'")
        return f"host='{host}' port={self.port} user={self.superuser} dbname=postgres"

    @property
    def url(self) -> str:
        """The URL of the database `postgres`."""
        return self.database_url("postgres")


def find_running(folder: Path) -> Running | None:
    """Return the server that runs on the cluster in `folder` and is ready; None where none is.

    What the server itself wrote in postmaster.pid is believed only as far as the process bears it
    out: alive, of the server's account, started on this very folder.
    """
    data = folder / "data"
    # https://www.postgresql.org/docs/current/storage-file-layout.html: pid, data directory, start
    # time, port, socket directory, listen address, shared memory key, status.
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    if len(lines) < 8 or lines[7].strip() != "ready" or not lines[0].isdecimal():
        return None
    pid, account = int(lines[0]), server_account()
    mark = identify(pid)
    if mark is None or owner(pid) != account.uid or f"-D {data}" not in command_line(pid):
        return None
    return Running(
        pid=pid,
        mark=mark,
        data_dir=data,
        socket_dir=Path(lines[4]),
        port=int(lines[3]),
        account=account.name,
        major=_data_major(data) or 0,
    )


def start(
    binaries: Binaries,
    folder: Path,
    *,
    settings: Mapping[str, str] | None = None,
    wait_seconds: float = 60,
    superuser: str = _SUPERUSER,
    initdb_options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Return a server on the cluster in `folder`: the one that runs already, or a new one.

    The cluster is made when it is missing, with that `superuser` and with what `initdb_options`
    add; one that is there must have been made with the same. A new server has `environment` beside
    a clean one. `folder` is absolute, and its parent
    exists. As root the server runs as another account, which must be able to pass through the
    folders above. Raises ServerError, and then nothing that was started here is left running; also
    when the data are of another major version, which leaves them untouched.
    """
    account = server_account()
    _refuse_other_major(binaries, folder / "data")
    serving_folder(folder, account)
    # The server inherits this descriptor, and with it the lock, for as long as one of its processes
    # lives: no second server gets at the data, not even from a container that shares the folder.
    alive = open_lock(folder / "alive.lock")
    try:
        deadline = time.monotonic() + wait_seconds
        while not try_lock(alive):
            running = find_running(folder)
            if running is not None:
                return replace(running, superuser=superuser)
            if time.monotonic() > deadline:
                raise _in_use(folder)
            time.sleep(_POLL_SECONDS)
        readable = readable_binaries(binaries, account)
        if not (folder / "data").exists():
            options = ["-U", superuser, *initdb_options]
            _make_cluster(readable, folder, account, alive, options)
        both = {**_SETTINGS, **(settings or {})}
        made = _launch(readable, folder, account, both, environment, alive, deadline)
        return replace(made, superuser=superuser)
    finally:
        os.close(alive)


def stop(running: Running, *, wait_seconds: float = 30, at_once: bool = False) -> None:
    """Stop a server, disconnecting its sessions, and return when it is gone.

    Open transactions are rolled back and the data are written out. When that takes longer than
    `wait_seconds`, or with `at_once`, the server is made to quit at once and recovers at its next
    start. Raises ServerError when it is still there after that.
    """
    # https://www.postgresql.org/docs/current/server-shutdown.html
    ways = ((signal.SIGINT, wait_seconds), (signal.SIGQUIT, 10))
    for number, bound in ways[1:] if at_once else ways:
        try:
            if not send(running.pid, running.mark, number) or _is_gone(running, bound):
                break
        except PermissionError as exc:
            raise ServerError(f"the server with pid {running.pid} belongs to another user") from exc
    else:
        raise ServerError(f"the server with pid {running.pid} does not stop")
    if running.socket_dir != running.data_dir.parent / "socket":
        with suppress(OSError):
            running.socket_dir.rmdir()


def _is_gone(running: Running, wait_seconds: float) -> bool:
    deadline = time.monotonic() + wait_seconds
    while identify(running.pid) == running.mark:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    reap(running.pid)
    return True


def _in_use(folder: Path) -> ServerError:
    try:
        first = (folder / "data" / "postmaster.pid").read_text("utf-8", "replace").split("\n")[0]
    except OSError:
        first = "unknown"
    return ServerError(
        f"the data in {folder} are in use by a server that cannot be reached from here "
        f"(its pid is {first})",
        hint="stop it where it was started, for example in another container",
    )


def _data_major(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text("ascii").strip())
    except (OSError, ValueError):
        return None


def _refuse_other_major(binaries: Binaries, data: Path) -> None:
    found = _data_major(data)
    if found is None:
        return
    installed = binaries.major()
    if found != installed:
        raise ServerError(
            f"the data in {data} are of PostgreSQL {found}, and the server is PostgreSQL "
            f"{installed}",
            state="nothing was touched",
            hint=f"dump the data with PostgreSQL {found} and load them into a new folder, or "
            f"remove {data} if nothing in it is needed",
        )


def _make_cluster(
    binaries: Binaries, folder: Path, account: Account, alive: int, options: Sequence[str]
) -> None:
    """Make the cluster under another name first: a half-made one never passes for a whole one.

    initdb holds the lock too, since it goes on when we are killed.
    """
    building = folder / "data.new"
    if building.exists():
        shutil.rmtree(building)
    account_folder(building, account)
    args: list[str | Path] = [binaries.initdb, "-D", building]
    args += ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    if binaries.major() >= 17:
        # Knows the letters of all scripts, sorts by code point, and needs no locale of the system.
        args += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    args += options
    try:
        done = account.run(args, keep_open=(alive,))
    except (OSError, subprocess.SubprocessError) as exc:
        raise ServerError(f"initdb cannot be run: {exc}") from exc
    if done.returncode != 0:
        raise ServerError(f"initdb failed: {_ending(done.stderr or done.stdout)}")
    building.rename(folder / "data")


def _launch(
    binaries: Binaries,
    folder: Path,
    account: Account,
    settings: Mapping[str, str],
    environment: Mapping[str, str] | None,
    alive: int,
    deadline: float,
) -> Running:
    data, sockets = folder / "data", socket_folder(folder, account)
    _sweep(data, sockets)
    args: list[str | Path] = [binaries.postgres, "-D", data, "-k", sockets]
    for name, value in settings.items():
        args += ["-c", f"{name}={value}"]
    log_path = folder / "server.log"
    with suppress(FileNotFoundError):
        log_path.replace(folder / "server.log.old")
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        process = account.spawn(args, log=log, keep_open=alive, environment=environment)
    except (OSError, subprocess.SubprocessError) as exc:
        raise ServerError(f"{binaries.postgres} cannot be run: {exc}") from exc
    finally:
        os.close(log)
    try:
        running = _wait_until_ready(process, folder, deadline)
    except BaseException:
        process.send_signal(signal.SIGQUIT)
        process.wait()
        raise
    # Popen complains about a child that it has not seen end; this one is meant to outlive us.
    process.returncode = 0
    return running


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path, deadline: float) -> Running:
    while True:
        if process.poll() is not None:
            reason = f"exit status {process.returncode}"
            break
        running = find_running(folder)
        if running is not None:
            return running
        if time.monotonic() > deadline:
            reason = "not ready in time"
            break
        time.sleep(_POLL_SECONDS)
    log = folder / "server.log"
    raise ServerError(
        f"PostgreSQL did not start ({reason}): {_ending(log.read_text('utf-8', 'replace'))}",
        hint=f"see {log}",
    )


def _sweep(data: Path, sockets: Path) -> None:
    """Remove what a killed server left: the lock that we hold says that none is running.

    PostgreSQL would refuse to start when the pid in these files has been given to a new process of
    the same account.
    """
    try:
        first = (data / "postmaster.pid").read_text("utf-8", "replace").split("\n")[0]
    except OSError:
        first = ""
    if first.isdecimal() and f"-D {data}" in command_line(int(first)):
        # Started by hand, with pg_ctl for example, and so without our lock.
        raise ServerError(
            f"the data in {data} are in use by the process {first}", hint=f"kill -INT {first}"
        )
    (data / "postmaster.pid").unlink(missing_ok=True)
    for left in sockets.glob(".s.PGSQL.*"):
        left.unlink(missing_ok=True)


def _ending(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()[-8:]]
    return "\n  ".join(lines) or "it said nothing"
