"""Scratch databases of PostgreSQL: on a server of our own, or marked ones on a server named."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from banister.engines.embedded import Running
from banister.engines.queries import load_queries
from banister.errors import ConnectionFailed, DatabaseError
from banister.project import Settings, Target, TargetKind

__all__ = ["named_scratch", "own_scratch"]

_PREFIX = "banister_scratch_"
#: The role of the migrations on a server of our own; it owns its databases and is no superuser.
_ROLE = "banister_scratch"
_CONNECT = {"connect_timeout": "10", "application_name": "banister"}

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class _PostgresScratch:
    #: Connected to a database that is not touched.
    admin: Connection
    #: libpq parameters by which the migrations connect; the database is put in.
    conninfo: str
    #: Owner of the databases; None: whoever makes them.
    owner: str | None
    run: str
    display: str
    major: int | None
    shared: bool
    settings: Settings
    queries: Mapping[str, str]
    _made: list[str] = field(default_factory=list)

    def create(self) -> Target:
        return self._make("template0")

    def clone(self, source: Target) -> Target:
        return self._make(self._name_of(source))

    def drop(self, database: Target) -> None:
        name = self._name_of(database)
        if name in self._made:
            self._drop(name)
            self._made.remove(name)

    def close(self) -> None:
        """Drop all that was made here."""
        for name in tuple(self._made):
            self._drop(name)
        self._made.clear()

    def sweep(self) -> None:
        """Drop what runs left here that are over: their lock is free."""
        for name, run in self.admin.execute(self.queries["marked"].encode()).fetchall():
            if run != self.run and self._try_lock(run):
                self._drop(name)
                self.admin.execute(self.queries["unlock_run"].encode(), {"run": run})

    def hold(self) -> None:
        """Show others that this run is alive."""
        self._try_lock(self.run)

    def _try_lock(self, run: str) -> bool:
        row = self.admin.execute(self.queries["lock_run"].encode(), {"run": run}).fetchone()
        return bool(row and row[0])

    def _make(self, template: str) -> Target:
        name = f"{_PREFIX}{self.run}_{len(self._made) + 1}_{time.monotonic_ns() % 1_000_000}"
        text = "CREATE DATABASE {name} TEMPLATE {template}"
        if self.owner is not None:
            text += " OWNER {owner}"
        try:
            self._run(text, name=name, template=template, owner=self.owner or "")
            self._made.append(name)
            # Nothing without this mark is ever dropped.
            self._run(
                "COMMENT ON DATABASE {name} IS {mark}",
                name=name,
                mark=sql.Literal(f"{_PREFIX}{self.run}"),
            )
        except psycopg.Error as error:
            raise DatabaseError(
                f"no scratch database can be made on {self.display}: {str(error).strip()}",
                hint="the role needs the right to create databases: ALTER ROLE … CREATEDB",
            ) from error
        return Target(
            kind=TargetKind.POSTGRESQL,
            conninfo=make_conninfo(self.conninfo, dbname=name),
            source="scratch",
            display=f"a scratch database on {self.display}",
        )

    def _drop(self, name: str) -> None:
        if not self.admin.execute(self.queries["is_marked"].encode(), {"name": name}).fetchone():
            return
        self._run("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=name)

    def _run(self, text: LiteralString, **names: str | sql.Composable) -> None:
        parts = {
            key: value if isinstance(value, sql.Composable) else sql.Identifier(value)
            for key, value in names.items()
            if "{" + key + "}" in text
        }
        self.admin.execute(sql.SQL(text).format(**parts))

    @staticmethod
    def _name_of(database: Target) -> str:
        name = psycopg.conninfo.conninfo_to_dict(database.conninfo).get("dbname")
        return str(name)


@contextmanager
def own_scratch(
    running: Running, settings: Settings, *, display: str
) -> Iterator[_PostgresScratch]:
    """Yield a place on a server that nobody else uses."""
    with closing(psycopg.connect(running.conninfo, autocommit=True)) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(_ROLE)))
        yield _PostgresScratch(
            admin=admin,
            conninfo=make_conninfo(running.conninfo, user=_ROLE),
            owner=_ROLE,
            run=os.urandom(4).hex(),
            display=display,
            major=running.major,
            shared=False,
            settings=replace(settings, role=None, sslmode=None, sslrootcert=None),
            queries=load_queries(__package__, "scratch.sql"),
        )


@contextmanager
def named_scratch(conninfo: str, settings: Settings, *, display: str) -> Iterator[_PostgresScratch]:
    """Yield a place on a server that the user named; its other databases are left alone.

    Raises ConnectionFailed.
    """
    try:
        admin = psycopg.connect(make_conninfo(conninfo, **_CONNECT), autocommit=True)
    except psycopg.Error as error:
        raise ConnectionFailed(
            f"cannot connect to {display}: {str(error).strip()}",
            hint="--scratch-url names a server on which databases may be made and dropped",
        ) from error
    with closing(admin):
        number = admin.info.server_version
        place = _PostgresScratch(
            admin=admin,
            conninfo=conninfo,
            owner=None,
            run=os.urandom(4).hex(),
            display=f"PostgreSQL {number // 10000}.{number % 10000}, {display}",
            major=number // 10000,
            shared=True,
            settings=replace(settings, role=None, sslmode=None, sslrootcert=None),
            queries=load_queries(__package__, "scratch.sql"),
        )
        place.hold()
        place.sweep()
        try:
            yield place
        finally:
            place.close()
