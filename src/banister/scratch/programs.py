"""Which PostgreSQL programs of this machine a scratch server can be started from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from banister.engines.embedded import Binaries, find_binaries
from banister.errors import ServerError
from banister.project.programs import system_folders

__all__ = ["Programs", "usable_programs"]

#: Majors that are looked for where any will do, the newest first.
_MAJORS = range(19, 13, -1)


@dataclass(frozen=True, kw_only=True)
class Programs:
    """One build of PostgreSQL."""

    binaries: Binaries
    version: str
    #: For people: "embedded", or "from /usr/lib/postgresql/16/bin".
    origin: str

    @property
    def major(self) -> int:
        """The major version."""
        found = re.match(r"\d+", self.version)
        return int(found[0]) if found else 0

    @property
    def display(self) -> str:
        """Version and origin."""
        return f"PostgreSQL {self.version}, {self.origin}"


def usable_programs(major: int | None, passed_over: list[str]) -> Iterator[Programs]:
    """Yield builds that a server may be started from, the best first.

    Those of the system with that major version, then the embedded one, then any of the system.
    What is not there, or cannot be run, is added to `passed_over` with the reason.
    """
    if major is not None:
        found = False
        for programs in _of_the_system(major, passed_over):
            found = True
            yield programs
        if not found:
            passed_over.append(f"no PostgreSQL {major} on PATH or where systems keep it")
    try:
        binaries = find_binaries()
        yield Programs(binaries=binaries, version=binaries.version(), origin="embedded")
    except ServerError as error:
        passed_over.append(error.message)
    for other in _MAJORS:
        if other != major:
            yield from _of_the_system(other, passed_over)


def _of_the_system(major: int, passed_over: list[str]) -> Iterator[Programs]:
    for folder in system_folders(major, "postgres"):
        binaries = Binaries(bin_dir=folder)
        if not (binaries.postgres.is_file() and binaries.initdb.is_file()):
            continue
        try:
            programs = Programs(
                binaries=binaries, version=binaries.version(), origin=f"from {folder}"
            )
            if programs.major == major:
                yield programs
        except ServerError as error:
            passed_over.append(error.message)
