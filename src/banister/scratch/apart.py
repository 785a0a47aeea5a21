"""Scratch databases in clusters of their own: what reaches the whole server stays in each.

Roles, databases, tablespaces, slots and the server's settings are shared by all databases of a
cluster. Migrations that work on those would meet what they did to the database before.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from banister.engines.embedded import Running, stop
from banister.project import Settings, Target
from banister.scratch.base import Scratch
from banister.scratch.cluster import copy_cluster, start_cluster
from banister.scratch.databases import make_history_schema
from banister.scratch.folders import remove_cluster
from banister.scratch.own import (
    as_superuser,
    database_on,
    local_settings,
    prepared,
    role_like,
)
from banister.scratch.programs import Programs

__all__ = ["apart_scratch"]

_DATABASE = "scratch"


@dataclass(frozen=True, kw_only=True, eq=False)
class _ApartScratch(Scratch):
    programs: Programs
    folder: Path
    #: A cluster with an empty database, not running.
    empty: Path
    role: str
    #: The database's name: the same in every cluster.
    name: str
    _running: dict[str, tuple[Path, Running]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self) -> Target:
        made = self._copy(self.empty)
        make_history_schema(made, self.settings)
        return made

    def clone(self, source: Target) -> Target:
        home, running = self._running[source.conninfo]
        # At rest the files are a copy of everything; running, they are not.
        stop(running)
        try:
            return self._copy(home)
        finally:
            self._running[source.conninfo] = (home, start_cluster(self.programs, home))

    def drop(self, database: Target) -> None:
        home, _ = self._running.pop(database.conninfo, (None, None))
        if home is not None:
            remove_cluster(home)

    def privileged(self, database: Target) -> Target:
        return as_superuser(database)

    def close(self) -> None:
        """Drop all that was made here."""
        for home, _ in self._running.values():
            remove_cluster(home)
        self._running.clear()

    def _copy(self, source: Path) -> Target:
        home = self.folder / f"cluster{next(self._numbers)}"
        copy_cluster(source, home)
        running = start_cluster(self.programs, home)
        made = database_on(running, self.name, self.role, self.display)
        self._running[made.conninfo] = (home, running)
        return made


@contextmanager
def apart_scratch(
    programs: Programs, folder: Path, settings: Settings, *, target: Target | None
) -> Iterator[_ApartScratch]:
    """Yield a place where each database has a cluster of its own, below `folder`.

    The database has the target's name there. All servers are gone afterwards. Raises ServerError.
    """
    empty, role, name = folder / "empty", role_like(target, settings), _name_like(target)
    running = start_cluster(programs, empty)
    try:
        with closing(prepared(programs, running, role, settings.scratch_roles)) as maker:
            identity = f"{maker.identity()} {role} {name}"
            if name == maker.connection.info.dbname:
                maker.give(name, role)
            else:
                maker.make(name, template="template0", owner=role, by_files=True)
    finally:
        stop(running)
    place = _ApartScratch(
        display=programs.display,
        settings=local_settings(settings),
        major=programs.major,
        identity=identity,
        programs=programs,
        folder=folder,
        empty=empty,
        role=role,
        name=name,
    )
    with closing(place):
        yield place


def _name_like(target: Target | None) -> str:
    parts = conninfo_to_dict(target.conninfo) if target is not None and target.conninfo else {}
    named = str(parts.get("dbname") or parts.get("user") or "")
    return named if named not in {"", "template0", "template1"} else _DATABASE
