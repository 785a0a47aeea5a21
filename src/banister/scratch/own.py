"""Scratch databases on a PostgreSQL of our own, side by side in one cluster."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from banister.engines.embedded import Running
from banister.engines.postgres.faults import first_line
from banister.engines.queries import load_queries
from banister.errors import ServerError
from banister.project import Settings, Target, TargetKind
from banister.scratch.base import Scratch
from banister.scratch.cluster import SUPERUSER, start_cluster
from banister.scratch.databases import Maker, make_history_schema
from banister.scratch.folders import remove_cluster
from banister.scratch.programs import Programs

__all__ = ["as_superuser", "database_on", "local_settings", "own_scratch", "prepared", "role_like"]

_ROLE = "banister_scratch"
#: Names that the server does not give away.
_RESERVED = re.compile(r"pg_|(?:none|public)\Z")
#: From this major on only what somebody administers can be given away by them.
_OWNS_WHAT_IT_GIVES = 16
_PLAIN = {
    # Of the environment: it would lead past the socket.
    "hostaddr": "",
    "sslmode": "disable",
    "gssencmode": "disable",
    "channel_binding": "disable",
    "target_session_attrs": "any",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class _OwnScratch(Scratch):
    running: Running
    maker: Maker
    #: Owner of the databases, as whom the migrations log in.
    role: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self) -> Target:
        made = self._make("template0")
        make_history_schema(made, self.settings)
        return made

    def clone(self, source: Target) -> Target:
        return self._make(_name_of(source))

    def drop(self, database: Target) -> None:
        self.maker.drop(_name_of(database))

    def privileged(self, database: Target) -> Target:
        return as_superuser(database)

    def _make(self, template: str) -> Target:
        name = f"scratch_{next(self._numbers)}"
        self.maker.make(name, template=template, owner=self.role, by_files=True)
        return database_on(self.running, name, self.role, self.display)


@contextmanager
def own_scratch(
    programs: Programs, folder: Path, settings: Settings, *, target: Target | None
) -> Iterator[_OwnScratch]:
    """Yield a place on a server that nobody else uses, in a new cluster below `folder`.

    The server is gone afterwards. Raises ServerError.
    """
    home, role = folder / "cluster", role_like(target, settings)
    running = start_cluster(programs, home)
    try:
        with closing(prepared(programs, running, role, settings.scratch_roles)) as maker:
            yield _OwnScratch(
                display=programs.display,
                settings=local_settings(settings),
                major=programs.major,
                identity=f"{maker.identity()} {role}",
                # One session makes databases for both: the driver lets one call in at a time.
                side_by_side=(os.cpu_count() or 1) > 1,
                running=running,
                maker=maker,
                role=role,
            )
    finally:
        remove_cluster(home)


def role_like(target: Target | None, settings: Settings) -> str:
    """Return the name of the role that the migrations of a target run as, or one of our own.

    A baseline made by pg_dump names the owner of everything.
    """
    parts = conninfo_to_dict(target.conninfo) if target is not None and target.conninfo else {}
    named = settings.role or str(parts.get("user") or os.environ.get("PGUSER") or "")
    # The server keeps the names that begin with pg_ for itself.
    return _ROLE if not named or named == SUPERUSER or _RESERVED.match(named) else named


def prepared(programs: Programs, running: Running, role: str, others: Iterable[str]) -> Maker:
    """Make the role of the migrations on a new server; return a session to make databases in.

    That role is no superuser, but may make roles and databases; it may give things to `others`,
    which are made too. Raises ServerError.
    """
    connection = None
    try:
        connection = psycopg.connect(_reach(running), autocommit=True)
        maker = Maker(connection=connection, display=programs.display)
        maker.bound()
        if programs.major < _OWNS_WHAT_IT_GIVES:
            query = load_queries(__package__, "scratch.sql")["keep_programs_out"]
            connection.execute(query.encode())
        ours = sql.Identifier(role)
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER CREATEROLE CREATEDB").format(ours)
        )
        for name in sorted(set(others) - {role, SUPERUSER}):
            other = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE ROLE {}").format(other))
            connection.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(other, ours))
    except psycopg.Error as error:
        if connection is not None:
            connection.close()
        raise ServerError(
            f"{programs.display} cannot serve for scratch databases: {first_line(error)}"
        ) from error
    return maker


def local_settings(settings: Settings) -> Settings:
    """Return the settings for a server of our own: no other role, no certificates."""
    return replace(settings, role=None, sslmode=None, sslrootcert=None)


def database_on(running: Running, name: str, role: str, display: str) -> Target:
    """Return a database on a server of our own, for a role."""
    return Target(
        kind=TargetKind.POSTGRESQL,
        conninfo=_reach(running, user=role, dbname=name),
        source="scratch",
        display=f"a scratch database on {display}",
    )


def as_superuser(database: Target) -> Target:
    """Return the same database on a server of our own, for its superuser."""
    return replace(database, conninfo=make_conninfo(database.conninfo, user=SUPERUSER))


def _reach(running: Running, **more: str) -> str:
    """Return how to connect; what PGSSLMODE and the like ask of other servers has no place here."""
    return make_conninfo(running.conninfo, **_PLAIN, **more)


def _name_of(database: Target) -> str:
    return str(conninfo_to_dict(database.conninfo)["dbname"])
