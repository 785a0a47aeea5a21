"""The embedded server of a project: started when a command needs it, stopped when none does.

Two locks in `.banister/`. `server.lock` guards starting and stopping; `server.use` is held shared
by each command that uses the server, so the last one out is the one that gets it exclusively.
`server.json` remembers where the cluster is and whether `server start` keeps this very process.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from banister.engines.embedded.account import server_account
from banister.engines.embedded.binaries import find_binaries
from banister.engines.embedded.cluster import Running, find_running, start, stop
from banister.engines.embedded.locks import hold, open_lock, release, try_lock
from banister.engines.embedded.places import cluster_folder, own_folder, serving_folder
from banister.errors import ServerError

__all__ = ["embedded", "server_start", "server_stop", "server_url"]

_GUARD_WAIT_SECONDS = 120


@contextmanager
def embedded(project: Path) -> Iterator[Running]:
    """Give the project's server for the time of the block, started where it is not running.

    Afterwards it is stopped, unless another command uses it or `server_start` keeps it. A server
    that a killed command left is used, and stopped after. Raises ServerError.
    """
    home = _home(project)
    use = open_lock(home / "server.use")
    try:
        with _guard(home):
            running = _running(home)
            # Nobody holds it exclusively but under the guard, which we have.
            try_lock(use, shared=True)
        try:
            yield running
        finally:
            with _guard(home):
                if try_lock(use) and not _is_kept(home, running):
                    stop(running)
                # Before the guard: the next one in must not find it held.
                release(use)
    finally:
        os.close(use)


def server_start(project: Path) -> Running:
    """Start the project's server, or find it running, and keep it until `server_stop`.

    Raises ServerError.
    """
    home = _home(project)
    with _guard(home):
        running = _running(home)
        _write(home, _Record(folder=running.data_dir.parent, kept=_instance(running)))
        return running


def server_stop(project: Path) -> bool:
    """Stop the project's server; False where it was not running.

    Raises ServerError, and leaves it running, while a command uses it.
    """
    if not (project / ".banister").is_dir():
        return False
    home = _home(project)
    with _guard(home):
        folder = _read(home).folder
        running = find_running(folder) if folder else None
        if running is None:
            return False
        use = open_lock(home / "server.use")
        try:
            if not try_lock(use):
                raise ServerError(
                    "the embedded server is in use by another command",
                    state="it is still running",
                    hint="try again when that command has ended",
                )
            stop(running)
        finally:
            os.close(use)
        return True


def server_url(project: Path) -> str | None:
    """Return the URL of the project's server; None where it is not running. Makes nothing."""
    folder = _read(project.resolve() / ".banister").folder
    running = find_running(folder) if folder else None
    return running.url if running else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What `server.json` says."""

    folder: Path | None = None
    #: The process that `server start` keeps; another one, later, is not kept.
    kept: str | None = None


def _home(project: Path) -> Path:
    """Return the project's `.banister`, ignored by git."""
    try:
        project = project.resolve(strict=True)
    except OSError as exc:
        raise ServerError(f"the project folder {project} cannot be used: {exc.strerror}") from exc
    home = own_folder(project / ".banister", server_account())
    with suppress(FileExistsError), (home / ".gitignore").open("x", encoding="ascii") as file:
        file.write("*\n")
    return home


@contextmanager
def _guard(home: Path) -> Iterator[None]:
    busy = "another command is still starting or stopping the embedded server"
    with hold(home / "server.lock", wait_seconds=_GUARD_WAIT_SECONDS, busy=busy):
        yield


def _running(home: Path) -> Running:
    """Return the server, started where needed; its place is on record before anything is there."""
    binaries, account = find_binaries(), server_account()
    record = _read(home)
    if record.folder is not None:
        folder = serving_folder(record.folder, account)
    else:
        folder = cluster_folder(home.parent, account)
        _write(home, _Record(folder=folder))
    return start(binaries, folder)


def _instance(running: Running) -> str:
    return f"{running.pid} {running.mark}"


def _is_kept(home: Path, running: Running) -> bool:
    return _read(home).kept == _instance(running)


def _read(home: Path) -> _Record:
    """Return what is on record; nothing where the place is gone, or is that of another project."""
    try:
        values = json.loads((home / "server.json").read_text("utf-8"))
        project, folder, kept = Path(values["project"]), Path(values["folder"]), values["kept"]
    except (OSError, ValueError, KeyError, TypeError):
        return _Record()
    # A project that was moved keeps its cluster; a copy gets one of its own.
    copied = project != home.parent and project.exists()
    if copied or not folder.is_dir():
        return _Record()
    return _Record(folder=folder, kept=kept)


def _write(home: Path, record: _Record) -> None:
    values = {
        "format": 1,
        "project": str(home.parent),
        "folder": str(record.folder),
        "kept": record.kept,
    }
    new = home / "server.json.new"
    try:
        new.unlink(missing_ok=True)
        with new.open("x", encoding="utf-8") as file:
            file.write(json.dumps(values, indent=1) + "\n")
        new.replace(home / "server.json")
    except OSError as exc:
        raise ServerError(f"{home / 'server.json'} cannot be written: {exc.strerror}") from exc
