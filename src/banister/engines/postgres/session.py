"""One connection: how it is made, pinned, reset between files, and what it says of itself."""

import logging
import random
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from banister.engines.base import Database, SessionSettings
from banister.engines.postgres.interrupts import interrupts_kept, usable
from banister.engines.postgres.set_configs import set_configs
from banister.engines.postgres.transport import (
    tls_advice,
    transport_of,
    unencrypted,
    with_tls,
)
from banister.engines.postgres.wire import CONNECT_DEFAULTS, server_end
from banister.errors import (
    ConnectionFailed,
    DatabaseError,
    Finding,
    Severity,
)
from banister.model import Dialect

__all__ = ["LOCAL_TIMES", "Connection", "Notice", "Session", "connect"]

Connection = psycopg.Connection[tuple[Any, ...]]

#: A statement would have to run this many times before the driver prepares it by itself.
_NEVER_UNASKED = 2**31

#: Seconds for which a server that says it is starting, or stopping, is asked again.
_STARTING_WITHIN = 30.0
#: Pauses in between, in seconds: the first, and the longest.
_STARTING_PAUSES = (0.1, 2.0)
#: What it says then. SQLSTATE 57P03 does not get out of libpq while there is no connection.
_STARTING = (
    "the database system is starting up",
    "the database system is shutting down",
    "the database system is in recovery mode",
    "the database system is not yet accepting connections",
    "the database system is not accepting connections",
)

#: How long a read of the history waits for somebody who has locked the table.
_READING_WAITS = "10s"

#: What a server says that has no connection left (SQLSTATE 53300).
_FULL = ("too many clients", "too many connections", "remaining connection slots")

#: All a file can leave behind in its session, short of DISCARD ALL, which drops the runner lock.
#: https://www.postgresql.org/docs/current/sql-discard.html
_RESET = (
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    "CLOSE ALL",
    "DISCARD TEMP",
    "DISCARD SEQUENCES",
    "UNLISTEN *",
)
_FORGET_PREPARED = "DEALLOCATE ALL"

#: A history table of another runner may keep times without their zone: they are read and written
#: in the one that this client gets by itself, whatever a file or a setting asks for.
LOCAL_TIMES: Mapping[str, str | None] = {"timezone": None, "datestyle": "ISO, YMD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the server said while a statement ran."""

    severity: str
    message: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A connection in autocommit mode and what is known about its server."""

    connection: Connection
    database: Database
    #: The role the session logged in as.
    user: str
    #: The role that everything runs as; None: the one that logged in.
    role: str | None
    #: Why nothing can be written here; None: writes are possible.
    read_only: str | None
    #: What to do about that.
    read_only_hint: str | None
    #: As given to libpq, with our defaults.
    conninfo: str = field(repr=False)
    #: The server process is not the one the connection was promised: a pooler stands between.
    pooled: bool
    #: The server can be told to look whether its client is still there.
    notices_lost_clients: bool
    #: Settings by which the server notices that the wire to us is dead.
    wire: Mapping[str, str] = field(default_factory=dict)
    #: Settings that every transaction of ours begins with, where a pooler keeps no session.
    _pins: dict[str, str] = field(default_factory=dict, repr=False)
    #: Names of statements that are prepared, until the next reset.
    prepared: set[bytes] = field(default_factory=set, repr=False)
    #: Filled by the connection, emptied by `take_notices`.
    _notices: deque[Notice] = field(default_factory=deque, repr=False)

    def reset(
        self, settings: SessionSettings, *, lock_timeout: float, orphans: bool = False
    ) -> None:
        """Bring the session to the state every file starts from. `lock_timeout` in seconds.

        `orphans`: a statement may go on when its client is gone; otherwise the server notices that
        within a second and ends it.

        Behind a pooler there is no session to reset: the same settings then hold in each
        transaction that `begin` begins.
        """
        pins = {
            "client_encoding": "UTF8",
            "standard_conforming_strings": "on",
            "row_security": "off",
            "lock_timeout": _milliseconds(lock_timeout),
            "client_connection_check_interval": self._check_interval(orphans=orphans),
            "statement_timeout": _milliseconds(settings.statement_timeout) or "0",
            "transaction_timeout": "0" if self.database.server_version >= (17,) else None,
            **({} if self.pooled else self.wire),
            "role": self.role,
            "search_path": settings.search_path,
            "timezone": settings.timezone,
        }
        self.prepared.clear()
        self._pins.clear()
        self._pins.update({name: value for name, value in pins.items() if value is not None})
        if self.pooled:
            return
        if self.connection.info.encoding != "utf-8":
            self.connection.execute("RESET client_encoding")
        # One message, as the driver sends what has no values beside it.
        self.connection.execute("; ".join(self.resets()).encode())

    def resets(self, *, prepared: bool = True) -> tuple[str, ...]:
        """Return the statements of the last `reset`. `prepared`: also forget prepared ones."""
        forget = (_FORGET_PREPARED,) if prepared else ()
        return (*_RESET, *forget, set_configs(self._pins, local=False))

    def _check_interval(self, *, orphans: bool) -> str | None:
        # https://www.postgresql.org/docs/current/runtime-config-connection.html
        if not self.notices_lost_clients:
            return None
        return "0" if orphans else "1s"

    def mind_the_wire(self) -> None:
        """Have the server end this session, and free its locks, when the wire to us dies."""
        if self.wire:
            self.connection.execute(set_configs(self.wire, local=False).encode())

    def begin(self, options: str = "") -> None:
        """Begin a transaction, with `options` as BEGIN takes them."""
        self.connection.execute(f"BEGIN {options}".encode())
        if self.pooled:
            self.connection.execute(set_configs(self._pins, local=True).encode())

    def leave_nothing_behind(self) -> None:
        """Before COMMIT: the next client of a pooled connection must not find our settings."""
        if self.pooled:
            self.connection.execute("RESET ALL")

    def take_notices(self) -> Iterator[Notice]:
        """Yield what the server said since the last call."""
        while self._notices:
            yield self._notices.popleft()

    def drop_notices(self) -> None:
        """Forget what the server said since the last call of `take_notices`."""
        self._notices.clear()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read-only snapshot; row security raises instead of hiding rows, and so do locks."""
        with interrupts_kept():
            yield from self._read_only()

    def _read_only(self) -> Iterator[Connection]:
        self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            self.be_ourselves(
                {"row_security": "off", "lock_timeout": _READING_WAITS, **LOCAL_TIMES}
            )
            yield self.connection
        except BaseException:
            if usable(self.connection):
                self.connection.execute("ROLLBACK")
            raise
        # The driver forgets the statements that it has prepared at a ROLLBACK.
        self.connection.execute("COMMIT")

    @contextmanager
    def kept_plans(self) -> Iterator[bool]:
        """Within, statements may be prepared where that is asked for; say whether they may.

        The server then plans them once a session. Not behind a pooler, where the next statement may
        come to another server process, nor where files have run, which may take them back.
        """
        # A session that was reset is one in which files run.
        may = not (self.pooled or self._pins)
        if may:
            self.connection.prepare_threshold = _NEVER_UNASKED
        try:
            yield may
        finally:
            self.connection.prepare_threshold = None

    def be_ourselves(self, also: Mapping[str, str | None] | None = None) -> None:
        """Take back, for the open transaction, whatever role a file has chosen.

        `also`: settings that hold in it too; None: the value that this client gets by itself.
        """
        self.connection.execute(set_configs(self.ourselves(also or {}), local=True).encode())

    def ourselves(self, also: Mapping[str, str | None]) -> dict[str, str | None]:
        """Return what `be_ourselves` sets."""
        return {"session_authorization": None, "role": self.role, **also}

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction of our own: committed at the end, rolled back on any exception."""
        with interrupts_kept(), self.connection.transaction():
            if self.pooled:
                self.connection.execute(set_configs(self._pins, local=True).encode())
            yield self.connection


def connect(conninfo: str, *, display: str, facts_query: str, settings: SessionSettings) -> Session:
    """Connect and look at the server. Raises ConnectionFailed; no message holds a secret."""
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.Error:
        # libpq quotes parts of what it cannot read, and that may be a password.
        raise ConnectionFailed(
            f"the connection string for {display} cannot be read",
            hint="write special characters of a password as %XX in a URL, "
            "or put the password into a ~/.pgpass file",
        ) from None
    defaults = {**CONNECT_DEFAULTS, "application_name": "banister"}
    parameters = {name: str(value) for name, value in given.items() if value is not None}
    full = make_conninfo(
        "", **{**defaults, **with_tls(parameters, settings), "client_encoding": "UTF8"}
    )
    # psycopg logs what it ignores while an error is on its way, and Python prints what nobody
    # handles. https://docs.python.org/3/howto/logging.html#configuring-logging-for-a-library
    logger = logging.getLogger("psycopg")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    try:
        connection = _open(full)
    except psycopg.Error as error:
        raise ConnectionFailed(
            f"cannot connect to {display}: {str(error).strip()}", hint=_connect_hint(error)
        ) from None
    try:
        return _look(connection, full, display, facts_query, settings.role)
    except psycopg.Error as error:
        connection.close()
        raise DatabaseError(f"{display} did not answer: {error}") from error


def _open(conninfo: str) -> Connection:
    """Connect; a server that is starting or stopping is asked again, with growing pauses."""
    give_up = time.monotonic() + _STARTING_WITHIN
    pause, longest = _STARTING_PAUSES
    while True:
        try:
            return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
        except psycopg.OperationalError as error:
            if not _is_starting(error) or time.monotonic() + pause > give_up:
                raise
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 -- jitter, not a secret
        pause = min(2 * pause, longest)


def _is_starting(error: psycopg.Error) -> bool:
    return any(words in str(error) for words in _STARTING)


def _look(
    connection: Connection, conninfo: str, display: str, facts_query: str, role: str | None
) -> Session:
    row = connection.execute(facts_query.encode()).fetchone()
    if row is None:
        raise ConnectionFailed(f"{display} did not say what it is")
    number, version, pid, recovering, read_only, user, build, *more = row
    pooled = pid != connection.info.backend_pid
    tls_version, cipher, gssapi = (None, None, False) if pooled else more[3:]
    transport = transport_of(
        connection.pgconn, version=tls_version, cipher=cipher, gssapi=bool(gssapi)
    )
    in_the_open = unencrypted(transport, display)
    why_not = hint = None
    if recovering:
        why_not = "this server is a standby: it replays another server and takes no writes"
        hint = "connect to the primary server"
    elif read_only == "on":
        why_not = "transactions are read-only here (default_transaction_read_only is on)"
        hint = "have it set to off for this role or database, or take it out of PGOPTIONS"
    notices: deque[Notice] = deque(maxlen=10_000)
    connection.add_notice_handler(
        lambda diag: notices.append(
            Notice(
                severity=diag.severity or "NOTICE",
                message=diag.message_primary or "",
                detail=diag.message_detail or "",
            )
        )
    )
    return Session(
        connection=connection,
        conninfo=conninfo,
        database=Database(
            dialect=Dialect.POSTGRESQL,
            display=display,
            server=f"PostgreSQL {version.split()[0]}",
            server_version=(number // 10000, number % 10000),
            transport=transport,
            warnings=(in_the_open,) if in_the_open else (),
            lacks=_cannot_see(*more[:3], major=number // 10000),
        ),
        user=user,
        role=role,
        read_only=why_not,
        read_only_hint=hint,
        pooled=pooled,
        notices_lost_clients=number >= 140_000 and "Visual C++" not in build,
        wire=server_end(conninfo),
        _notices=notices,
    )


def _cannot_see(sees_all: bool, role: str, inherits: bool, *, major: int) -> Finding | None:  # noqa: FBT001 -- a row
    """Return what a role lacks to see what sessions of other roles do, None for nothing.

    https://www.postgresql.org/docs/current/monitoring-stats.html
    """
    if sees_all:
        return None
    grant = f"GRANT pg_read_all_stats TO {sql.Identifier(role).as_string(None)}"
    if inherits:
        hint = f"{grant};"
    elif major >= 16:
        hint = f"{grant} WITH INHERIT TRUE;"
    else:
        hint = f"{grant}; it takes effect for a role that is INHERIT"
    return Finding(
        severity=Severity.NOTICE,
        code="blockers_hidden",
        message="this role may not see what sessions of other roles do: of those that it waits for "
        "only the process, the user, the application and the locks are known",
        hint=hint,
    )


def _milliseconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{round(seconds * 1000)}ms"


def _connect_hint(error: psycopg.Error) -> str:
    text = str(error)
    tls = tls_advice(text)
    if tls is not None:
        return tls
    if "password" in text:
        return "check the password: in the URL, PGPASSWORD, or ~/.pgpass"
    if "does not exist" in text:
        return "create it first, for example with `createdb`, or correct the name"
    if _is_starting(error):
        return (
            f"it said so for {_STARTING_WITHIN:g} seconds: see the server's log for how far it is, "
            "then run the same command again"
        )
    if any(words in text for words in _FULL):
        return (
            "no connection is free: end idle ones (they are in pg_stat_activity), raise "
            "max_connections or the limit of the role or database, or go through a pooler; then "
            "run the same command again"
        )
    return "check host and port, and that the server is running"
