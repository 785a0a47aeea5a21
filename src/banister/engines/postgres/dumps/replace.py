"""Putting a backup in the place of a database: made beside it, and swapped in one transaction."""

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from banister.engines.base import SessionSettings
from banister.engines.postgres.dumps.content import count_rows_past, held_back
from banister.engines.postgres.dumps.likeness import Likeness, read_likeness
from banister.engines.postgres.dumps.load import load
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import Connection, Session
from banister.engines.queries import load_queries
from banister.engines.room import room_hint
from banister.errors import (
    BanisterError,
    DatabaseError,
    Finding,
    LockTimeout,
    OutcomeUnknown,
    Severity,
)
from banister.model import Blocker, Event, HistoryTable, Warned
from banister.model.backup import BackupManifest, Replaced

__all__ = ["Replacement"]

#: Databases that a session can stand in while another one is renamed.
_ELSEWHERE = ("postgres", "template1")
#: By this a database is known that a restore has made and not finished.
_MARK = "banister: a restore that was not finished; nobody needs this database"
#: Bytes of a name in PostgreSQL.
_LONGEST = 63
#: RENAME waits for sessions for 5 s by itself; sessions that begin are over in a moment.
_LOCK_TIMEOUT = "10s"
#: They would end a session that waits while a large backup is loaded, or counted.
_UNBOUNDED = ("idle_session_timeout", "statement_timeout")
_EVERY = 0.05
_TOLD = 10
_OBJECT_IN_USE, _DISK_FULL = "55006", "53100"
_AS_IT_WAS = "the database is as it was"


@dataclass(kw_only=True)
class Replacement:
    """One database taking the place of another."""

    session: Session
    history: HistoryTable
    settings: SessionSettings
    queries: Mapping[str, str]
    #: Whether sessions that are connected to the old one are ended.
    disconnect: bool

    def __post_init__(self) -> None:
        self._own = load_queries(__package__ or "", "replace.sql")

    def run(self, source: Path, manifest: BackupManifest) -> Generator[Event, None, Replaced]:
        """Do it; see `Dumps.replace`."""
        try:
            likeness = self._checked()
            now = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
            with self._elsewhere(likeness.name) as elsewhere:
                self._check_rights(elsewhere, likeness)
                fresh = self._free(elsewhere, likeness.name, f"_restore_{now}")
                before = self._free(elsewhere, likeness.name, f"_before_{now}")
                yield from self._left_behind(elsewhere)
                with self._fresh(elsewhere, likeness, fresh):
                    self._try_to_dress(elsewhere, likeness, fresh)
                    yield from self._load(source, manifest, self._conninfo(fresh))
                    self._dress(elsewhere, likeness, fresh)
                    self._check_sessions(elsewhere, likeness.name)
                    # Ours would be in the way as any other.
                    self.session.connection.close()
                    self._swap(elsewhere, likeness, fresh, before)
        except psycopg.Error as error:
            raise DatabaseError(
                f"the backup cannot take the place of {self.session.database.display}: "
                f"{first_line(error)}",
                code="restore_failed",
                state=_AS_IT_WAS,
                hint=room_hint("on the disk of the server's data", manifest.tables_bytes)
                if error.sqlstate == _DISK_FULL
                else None,
            ) from error
        return Replaced(before=before, carried=likeness.carried())

    def _load(self, source: Path, manifest: BackupManifest, into: str) -> Iterator[Event]:
        try:
            with closing(load(self.session, source, manifest, into)) as loading:
                yield from loading
        except BanisterError as error:
            # It speaks of the fresh database, which goes; the one that people know stays.
            error.state = _AS_IT_WAS
            raise
        self._check_rows(into, manifest)

    def _dress(self, elsewhere: Connection, likeness: Likeness, name: str) -> None:
        for statement in likeness.dress(name):
            elsewhere.execute(statement)

    def _try_to_dress(self, elsewhere: Connection, likeness: Likeness, name: str) -> None:
        """Refuse what this role may not carry over, before hours of loading."""
        try:
            with elsewhere.transaction(force_rollback=True):
                self._dress(elsewhere, likeness, name)
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.InvalidParameterValue,
        ) as error:
            raise self._refused(
                f"what {likeness.name} has cannot be carried over: {first_line(error)}",
                "restore as a superuser, or as a role that may do this"
                if isinstance(error, psycopg.errors.InsufficientPrivilege)
                else "take it away from the database, or have the server know it",
            ) from error

    def _checked(self) -> Likeness:
        """Return what the database is, where nothing in it stands in the way that can be seen."""
        with self.session.reading() as connection:
            likeness = read_likeness(connection, self._own)
            found = connection.execute(self._own["obstacles"].encode()).fetchall()
        if found:
            raise self._refused(
                f"{found[0][0]} belongs to {likeness.name} and would stay with the old one",
                str(found[0][1]),
            )
        self._check_sessions(self.session.connection, likeness.name)
        return likeness

    def _check_rights(self, elsewhere: Connection, likeness: Likeness) -> None:
        """Refuse a role that may not make a database, or rename this one.

        What counts is who the session is that does it: a role can be another one there by a setting
        of its own, or of a database.
        """
        rows = elsewhere.execute(self._own["rights"].encode(), (likeness.name,)).fetchall()
        for role, owner, owns, creates in rows:
            if not creates:
                raise self._refused(
                    f"role {role} may not create databases", f"ALTER ROLE {role} CREATEDB"
                )
            if not owns:
                raise self._refused(
                    f"role {role} does not own the database", f"GRANT {owner} TO {role}"
                )

    def _check_sessions(self, connection: Connection, name: str) -> None:
        ours = self.session.connection
        ours_pid = 0 if ours.closed else ours.info.backend_pid
        rows = connection.execute(self._own["sessions"].encode(), (name,)).fetchall()
        others = [
            Blocker(pid=pid, user=user, application=application or None, state=state, kind=kind)
            for pid, user, application, state, kind, endable in rows
            if pid != ours_pid and not (self.disconnect and endable)
        ]
        if others:
            told = "\n".join(f"  {each}" for each in others[:_TOLD])
            more = f"\n  and {len(others) - _TOLD} more" if len(others) > _TOLD else ""
            which = ", and this role may not end their sessions" if self.disconnect else ""
            raise self._refused(
                f"others are connected to {name}{which}:\n{told}{more}", self._way_in()
            )

    def _way_in(self) -> str:
        if self.disconnect:
            return "stop what uses it, or restore as a role that may end these sessions"
        return "stop what uses it, or end its sessions with --disconnect"

    def _refused(self, why: str, hint: str) -> DatabaseError:
        return DatabaseError(
            f"the backup cannot take the place of {self.session.database.display}: {why}",
            code="cannot_replace",
            state="the database is as it was; nothing was restored",
            hint=hint,
        )

    def _conninfo(self, name: str) -> str:
        return make_conninfo(self.session.conninfo, dbname=name)

    @contextmanager
    def _elsewhere(self, name: str) -> Iterator[Connection]:
        """Yield a session in another database of the server."""
        why: psycopg.Error | None = None
        for other in _ELSEWHERE:
            if other == name:
                continue
            try:
                connection = self._connect(self._conninfo(other))
            except psycopg.Error as error:
                why = error
                continue
            with closing(connection):
                connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'".encode())
                yield connection
            return
        raise self._refused(
            f"no other database of the server can be connected to: {first_line(why)}"
            if why is not None
            else "there is no other database to connect to",
            "let this role connect to the database postgres or template1",
        )

    def _connect(self, conninfo: str) -> Connection:
        connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
        for setting in _UNBOUNDED:
            connection.execute(f"SET {setting} = 0".encode())
        if self.session.role is not None:
            connection.execute(
                "SELECT pg_catalog.set_config('role', %s, false)", (self.session.role,)
            )
        return connection

    def _free(self, elsewhere: Connection, name: str, ending: str) -> str:
        """Return a name that no database has; others of the same second are numbered."""
        endings = (f"{ending}_{number}" if number > 1 else ending for number in count(1))
        names = (_fitting(name, each) for each in endings)
        return next(each for each in names if not self._exists(elsewhere, each))

    def _exists(self, connection: Connection, name: str) -> bool:
        row = connection.execute(self._own["exists"].encode(), (name,)).fetchone()
        return bool(row and row[0])

    def _left_behind(self, elsewhere: Connection) -> Iterator[Event]:
        for (name,) in elsewhere.execute(self._own["left_behind"].encode(), (_MARK,)):
            drop = sql.SQL("DROP DATABASE {};").format(sql.Identifier(name)).as_string(elsewhere)
            yield Warned(
                finding=Finding(
                    severity=Severity.WARNING,
                    code="left_behind",
                    message=f"the database {name} was left by a restore that was killed",
                    hint=drop,
                )
            )

    @contextmanager
    def _fresh(self, elsewhere: Connection, likeness: Likeness, name: str) -> Iterator[None]:
        """Make the empty database; it is dropped again unless the block comes to its end."""
        # Looked up now: a connection that is lost knows it no more.
        other = self._other(elsewhere)
        elsewhere.execute(likeness.create(name))
        try:
            mark = sql.SQL("COMMENT ON DATABASE {} IS {}")
            elsewhere.execute(mark.format(sql.Identifier(name), sql.Literal(_MARK)))
            yield
        except OutcomeUnknown:
            raise
        except BaseException as error:
            try:
                with closing(self._connect(other)) as again:
                    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                    again.execute(drop.format(sql.Identifier(name)))
            except psycopg.Error as second:
                error.add_note(f"the database {name} is left over: {first_line(second)}")
            raise

    def _other(self, elsewhere: Connection) -> str:
        return self._conninfo(elsewhere.info.dbname)

    def _check_rows(self, conninfo: str, manifest: BackupManifest) -> None:
        with closing(self._connect(conninfo)) as connection:
            # Better an error than rows that are not seen.
            connection.execute("SET row_security = off")
            found = count_rows_past(connection, self.queries, held_back(connection, self.queries))
        if dict(found) != dict(manifest.rows):
            wrong = sorted(
                table
                for table in {*found, *manifest.rows}
                if found.get(table) != manifest.rows.get(table)
            )
            raise DatabaseError(
                "the restored backup has other numbers of rows than were dumped: "
                + ", ".join(wrong[:_TOLD]),
                code="backup_differs",
                state=_AS_IT_WAS,
            )

    def _swap(self, elsewhere: Connection, likeness: Likeness, fresh: str, before: str) -> None:
        name, other = likeness.name, self._other(elsewhere)
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        try:
            with self._disconnecting(name, other), elsewhere.transaction():
                # From here on sessions that begin wait, and find the new database then.
                # https://www.postgresql.org/docs/current/sql-alterdatabase.html
                elsewhere.execute(rename.format(sql.Identifier(name), sql.Identifier(before)))
                elsewhere.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
                # With it goes the mark, which whoever finds a half made one needs until now.
                for statement in likeness.finish(name):
                    elsewhere.execute(statement)
        except psycopg.Error as error:
            if error.sqlstate == _OBJECT_IN_USE:
                raise self._refused(
                    f"others are connected to {name}",
                    self._way_in(),
                ) from error
            if error.sqlstate == "55P03":
                raise LockTimeout(
                    f"{name} was not free within {_LOCK_TIMEOUT}",
                    state=_AS_IT_WAS,
                    hint="run it again",
                ) from error
            if error.sqlstate is not None or not self._took_place(other, before):
                raise

    def _took_place(self, other: str, before: str) -> bool:
        """Whether the databases were swapped by a COMMIT whose answer was lost."""
        try:
            with closing(self._connect(other)) as again:
                return self._exists(again, before)
        except psycopg.Error as error:
            raise OutcomeUnknown(
                "the connection was lost while the databases were swapped",
                hint=f"look whether there is a database {before}: then the backup is in place",
            ) from error

    @contextmanager
    def _disconnecting(self, name: str, other: str) -> Iterator[None]:
        """End the sessions of the old database for as long as the block takes, where asked to.

        `other`: how the database is reached that this is done from.
        """
        if not self.disconnect:
            yield
            return
        stop = threading.Event()

        def end_them() -> None:
            with suppress(psycopg.Error), closing(self._connect(other)) as connection:
                while not stop.is_set():
                    connection.execute(self._own["disconnect"].encode(), (name,))
                    stop.wait(_EVERY)

        thread = threading.Thread(target=end_them, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _fitting(name: str, ending: str) -> str:
    """Return a name with an ending, as long as PostgreSQL takes."""
    return name.encode()[: _LONGEST - len(ending)].decode(errors="ignore") + ending
