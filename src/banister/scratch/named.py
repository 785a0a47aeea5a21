"""Scratch databases on a server that the user named: marked, and only marked ones are dropped.

The database of the URL is connected to and nothing more. Each database of ours has a comment with
the run that made it. A crash between CREATE DATABASE and that comment leaves an empty database that
is never dropped by us.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from banister.engines import SessionSettings
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import Session, connect
from banister.engines.queries import load_queries
from banister.errors import ConnectionFailed, DatabaseError, Finding, Severity
from banister.project import Settings, Target
from banister.scratch.base import Scratch
from banister.scratch.databases import Maker, make_history_schema

__all__ = ["named_scratch"]

_PREFIX = "banister_scratch_"
#: What a comment of ours begins with; `leftovers` and `is_marked` look for it.
_MARK = "banister scratch: run "
_HINT = "--scratch-url names a server on which databases may be made and dropped"


@dataclass(frozen=True, kw_only=True, eq=False)
class _NamedScratch(Scratch):
    named: Target
    queries: Mapping[str, str]
    #: 16 hexadecimal digits: the key of the lock that says that this run is alive.
    run: str
    #: One session at a time; a new one where it was lost.
    _makers: list[Maker] = field(default_factory=list)
    #: The databases that this run has begun to make.
    _made: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self) -> Target:
        made = self._make("template0")
        make_history_schema(made, self.settings)
        return made

    def clone(self, source: Target) -> Target:
        return self._make(_name_of(source))

    def drop(self, database: Target) -> None:
        name = _name_of(database)
        if name in self._made:
            self._drop(name, self.run)
            self._made.remove(name)

    def close(self) -> None:
        """Drop all that was made here. Never raises: the next run drops what is left."""
        left = self._drop_all()
        if left and self._makers[-1].connection.closed:
            # The server was stopped, or the session ended: once more.
            with suppress(DatabaseError):
                self._makers.append(_session(self.named, self.settings)[0])
                self._drop_all()
        for maker in self._makers:
            maker.close()

    def _drop_all(self) -> bool:
        """Drop what this run has made; return whether something is left."""
        for name in tuple(self._made):
            with suppress(DatabaseError):
                self._drop(name, self.run)
                self._made.remove(name)
        return bool(self._made)

    def begin(self) -> None:
        """Show others that this run is alive; drop what runs left here that are not."""
        if not self._ask("hold_run", run=self.run):
            raise DatabaseError(f"another run has the number {self.run}", hint="try again")
        for name, run in self._rows("leftovers"):
            # Whoever connected meanwhile keeps it.
            with suppress(DatabaseError):
                self._drop(name, run, force=False)

    def _make(self, template: str) -> Target:
        name = f"{_PREFIX}{self.run}_{next(self._numbers)}"
        self._made.append(name)
        maker = self._makers[-1]
        maker.make(name, template=template)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        mark = f"{_MARK}{self.run}, {now}; dropped when that run ends"
        try:
            maker.connection.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                    sql.Identifier(name), sql.Literal(mark)
                )
            )
        except psycopg.Error as error:
            raise DatabaseError(
                f"the scratch database {name} cannot be marked as ours: {first_line(error)}",
                hint="drop it yourself: nothing without our mark is ever dropped",
            ) from error
        return replace(
            self.named,
            conninfo=make_conninfo(self.named.conninfo, dbname=name),
            source="scratch",
            display=f"a scratch database on {self.display}",
            warnings=(),
        )

    def _drop(self, name: str, run: str, *, force: bool = True) -> None:
        if self._ask("is_marked", name=name, run=run):
            self._makers[-1].drop(name, force=force)

    def _ask(self, query: str, **values: str) -> bool:
        rows = self._rows(query, **values)
        return bool(rows and rows[0][0])

    def _rows(self, query: str, **values: str) -> list[tuple[Any, ...]]:
        connection = self._makers[-1].connection
        try:
            return connection.execute(self.queries[query].encode(), values or None).fetchall()
        except psycopg.Error as error:
            raise DatabaseError(
                f"{self.named.display} does not tell about its databases: {first_line(error)}"
            ) from error


@contextmanager
def named_scratch(named: Target, settings: Settings) -> Iterator[_NamedScratch]:
    """Yield a place on a server that the user named; its other databases are left alone.

    All that is made there is dropped afterwards. Raises ConnectionFailed, and DatabaseError where
    nothing can be made there.
    """
    own = replace(settings, role=None)
    maker, version, warnings = _session(named, own)
    place = _NamedScratch(
        display=f"PostgreSQL {version[0]}.{version[1]}, {named.display}",
        settings=own,
        major=version[0],
        identity=f"{maker.identity()} {named.display}",
        shared=True,
        warnings=warnings,
        named=named,
        queries=load_queries(__package__, "scratch.sql"),
        run=os.urandom(8).hex(),
        _makers=[maker],
    )
    with closing(place):
        place.begin()
        yield place


def _session(
    named: Target, settings: Settings
) -> tuple[Maker, tuple[int, ...], tuple[Finding, ...]]:
    """Connect to the named server; return what is to be said about it too."""
    facts = load_queries("banister.engines.postgres", "queries.sql")["facts"]
    tls = SessionSettings(sslmode=settings.sslmode, sslrootcert=settings.sslrootcert)
    session = connect(named.conninfo, display=named.display, facts_query=facts, settings=tls)
    maker = Maker(connection=session.connection, display=named.display)
    try:
        return maker, session.database.server_version, _fit(maker, session, named)
    except psycopg.Error as error:
        maker.close()
        raise DatabaseError(f"{named.display} did not answer: {first_line(error)}") from error
    except BaseException:
        maker.close()
        raise


def _fit(maker: Maker, session: Session, named: Target) -> tuple[Finding, ...]:
    """Raise where no scratch databases can be made; return what is to be said about the server."""
    if session.pooled:
        raise ConnectionFailed(
            f"{named.display} is behind a pooler, where databases cannot be made and no lock can "
            "say that this run is alive",
            hint="give the URL of the server itself",
        )
    if session.read_only is not None:
        raise ConnectionFailed(
            f"{named.display} takes no scratch databases: {session.read_only}",
            hint=session.read_only_hint,
        )
    maker.bound()
    query = load_queries(__package__, "scratch.sql")["role"]
    rows = maker.connection.execute(query.encode()).fetchall()
    # A role can be another one than the one that logs in, by a setting or in the URL.
    superuser, may_make, name = rows[0] if rows else (False, False, session.user)
    if not may_make:
        role = sql.Identifier(name).as_string(None)
        raise DatabaseError(
            f"{named.display}: the role may not make databases",
            hint=f"ALTER ROLE {role} CREATEDB; {_HINT}",
        )
    warnings = session.database.warnings
    return (*warnings, _superuser(named)) if superuser else warnings


def _superuser(named: Target) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="scratch_superuser",
        message=f"{named.display}: the role is a superuser, so that a right which the migrations "
        "lack in production is not missed here",
        hint="give the URL of a role like the one that runs them, with the right CREATEDB",
    )


def _name_of(database: Target) -> str:
    return str(conninfo_to_dict(database.conninfo)["dbname"])
