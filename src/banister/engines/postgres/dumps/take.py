"""Taking a dump: one snapshot, under which pg_dump reads and the rows are counted."""

import errno
import gzip
import os
import re
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import psycopg
from psycopg import sql

from banister.engines.postgres.dumps.content import check_readable, count_rows, refuse_statement
from banister.engines.postgres.dumps.plain import PlainText, header
from banister.engines.postgres.dumps.programs import Program, Running, find_program, reachable
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.session import Connection, Session
from banister.engines.postgres.transport import needs_tls
from banister.errors import BanisterError, DatabaseError, LockTimeout, ServerError
from banister.model import Event, HistoryTable
from banister.model.backup import BackupForm, BackupWanted, Dumped, TableDumped

__all__ = ["Dump"]

_CHUNK = 1024 * 1024
#: How long pg_dump waits for somebody who has locked a table.
_LOCK_WAIT_MS = 30_000
#: A transaction that makes more relations and large objects than that may need more locks than a
#: server of default settings has room for: max_locks_per_transaction (64) × max_connections (100),
#: and each of them takes one. https://www.postgresql.org/docs/current/runtime-config-locks.html
_WHOLE_UP_TO = 4_000
_DUMPING = re.compile(r'dumping contents of table "(.*)"')
_COMPRESSION = 6
#: Tables that are locked by one statement.
_AT_ONCE = 200


@dataclass(kw_only=True)
class Dump:
    """One dump on its way."""

    session: Session
    history: HistoryTable
    queries: Mapping[str, str]
    wanted: BackupWanted
    #: A file, or a folder, that is not there yet.
    into: Path
    _total: int = 0
    _number: int = 0
    _result: Dumped | None = field(default=None)

    @property
    def result(self) -> Dumped:
        """What came of it, when it has run."""
        if self._result is None:
            raise RuntimeError("it has not run")
        return self._result

    def run(self) -> Generator[Event, None, None]:
        """Write it; on failure, and when this is closed, nothing is left of it.

        Raises DatabaseError, LockTimeout, ServerError; psycopg.Error where our own session fails.
        """
        server = self.session.database
        program = find_program("pg_dump", server.server_version[0], needs_tls=needs_tls(server))
        try:
            with self._snapshot() as (connection, snapshot):
                check_readable(connection, self.queries)
                self._lock_tables(connection)
                name, encoding, relations = self._facts(connection)
                whole = self._whole(relations)
                arguments = self._arguments(program, snapshot, encoding)
                with reachable(self.session.conninfo) as (conninfo, environment):
                    arguments.append(f"--dbname={conninfo}")
                    with Running.start(arguments, environment) as running:
                        if self.wanted.form is BackupForm.PLAIN:
                            text = header(
                                self._about(program, name),
                                None if self.wanted.clean else refuse_statement(self.queries),
                                whole=whole,
                            )
                            yield from self._stream(running, text, encoding, whole=whole)
                        yield from self._until_ended(running)
                rows = count_rows(connection, self.queries)
                version = self._version(connection)
                identity = self._identity(connection, name)
            self._reach_disk()
        except BaseException as error:
            self._remove()
            if isinstance(error, OSError):
                raise _disk(error) from error
            raise
        self._result = Dumped(
            program=str(program),
            name=name,
            identity=identity,
            rows=rows,
            version=version,
            one_transaction=whole,
        )

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[Connection, str]]:
        """Yield a session in a transaction, and the name by which others see what it sees."""
        with self.session.reading() as connection:
            with connection.pipeline():
                # Nothing is sent over it while pg_dump works.
                for name in ("idle_in_transaction_session_timeout", "statement_timeout"):
                    connection.execute("SELECT pg_catalog.set_config(%s, '0', true)", (name,))
                if self.session.database.server_version >= (17,):
                    connection.execute("SET transaction_timeout = 0")
            row = connection.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
            yield connection, str(row[0]) if row else ""

    def _lock_tables(self, connection: Connection) -> None:
        """Keep every table as it is, as pg_dump does, until its rows are counted too."""
        tables = [str(row[0]) for row in connection.execute(self.queries["tables"].encode())]
        self._total = len(tables)
        connection.execute(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MS}".encode())
        for first in range(0, len(tables), _AT_ONCE):
            # The names come quoted from the catalog.
            some = sql.SQL(", ").join(map(sql.SQL, tables[first : first + _AT_ONCE]))
            try:
                connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(some))
            except psycopg.errors.LockNotAvailable as error:
                raise _locked(first_line(error)) from error

    def _identity(self, connection: Connection, name: str) -> str:
        """Return the server as it was connected to, the cluster where it may be asked, the name."""
        info = connection.info
        server = f"{info.host}:{info.port}"
        ((may_ask,),) = connection.execute(self.queries["may_ask_cluster"].encode()).fetchall()
        if may_ask:
            ((cluster,),) = connection.execute(self.queries["cluster"].encode()).fetchall()
            server += f" {cluster}"
        return f"{server} {name}"

    def _facts(self, connection: Connection) -> tuple[str, str, int]:
        row = connection.execute(self.queries["facts"].encode()).fetchone()
        name, encoding, relations = row or ("", "UTF8", 0)
        return str(name), str(encoding), int(relations)

    def _whole(self, relations: int) -> bool:
        if self.wanted.form is BackupForm.DIRECTORY and self.wanted.jobs > 1:
            return False
        return relations <= _WHOLE_UP_TO

    def _arguments(self, program: Program, snapshot: str, encoding: str) -> list[str | Path]:
        wanted = self.wanted
        arguments: list[str | Path] = [
            program.path,
            "--no-password",
            "--verbose",
            f"--lock-wait-timeout={_LOCK_WAIT_MS}",
            f"--snapshot={snapshot}",
        ]
        # Bytes that have no encoding are left as they are; the connection asks for UTF8.
        arguments += [f"--encoding={'SQL_ASCII' if encoding == 'SQL_ASCII' else 'UTF8'}"]
        arguments += [] if wanted.owners else ["--no-owner", "--no-privileges"]
        arguments += [f"--role={self.session.role}"] if self.session.role else []
        match wanted.form:
            case BackupForm.PLAIN:
                arguments += ["--clean", "--if-exists"] if wanted.clean else []
            case BackupForm.CUSTOM:
                arguments += ["--format=custom", f"--file={self.into}"]
            case BackupForm.DIRECTORY:
                jobs = max(1, wanted.jobs)
                arguments += ["--format=directory", f"--file={self.into}", f"--jobs={jobs}"]
        if wanted.form is not BackupForm.PLAIN:
            arguments += [f"--compress={_COMPRESSION if wanted.compress else 0}"]
        return arguments

    def _about(self, program: Program, name: str) -> str:
        shown = " ".join(name.split())
        into = (
            "over a database whose objects it drops first"
            if self.wanted.clean
            else ("into an empty database")
        )
        return (
            f"Backup of {shown} on {self.session.database.server}, by banister and {program}.\n"
            f"Restore it {into}: psql -X <connection> < this file\n"
            "It stops at the first error."
        )

    def _stream(
        self, running: Running, text: bytes, encoding: str, *, whole: bool
    ) -> Generator[Event, None, None]:
        """Write what pg_dump says to the file, behind our own beginning."""
        known = "latin-1" if encoding == "SQL_ASCII" else "utf-8"
        watched = PlainText(
            major=self.session.database.server_version[0], encoding=known, whole=whole
        )
        with self._file() as file:
            file.write(text)
            while data := running.output.read1(_CHUNK):  # type: ignore[attr-defined]
                for part in watched.feed(data):
                    file.write(part)
                yield from self._progress(running)
            if running.ended() == 0:
                for part in watched.end():
                    file.write(part)

    @contextmanager
    def _file(self) -> Iterator[BinaryIO]:
        descriptor = os.open(self.into, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if not self.wanted.compress:
                yield file
                return
            # Without a name and a time in it: the same dump is the same file.
            with gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed:
                yield cast("BinaryIO", packed)

    def _until_ended(self, running: Running) -> Generator[Event, None, None]:
        """Wait for its end. Raises what went wrong."""
        while True:
            with suppress(TimeoutError):
                code = running.ended_within(0.2)
                break
            yield from self._progress(running)
        yield from self._progress(running)
        if code != 0:
            raise self._failed(running, code)

    def _progress(self, running: Running) -> Iterator[Event]:
        for line in running.lines():
            found = _DUMPING.search(line)
            if found is not None:
                self._number += 1
                yield TableDumped(
                    table=found[1], number=self._number, total=max(self._total, self._number)
                )

    def _failed(self, running: Running, code: int) -> BanisterError:
        said = running.complaint()
        state = "no backup was made"
        if "lock timeout" in said or "could not obtain lock" in said:
            return _locked(said)
        if "No space left" in said or "Disk quota" in said:
            return _full(state)
        ended = f"was ended by signal {-code}" if code < 0 else "failed"
        return DatabaseError(f"pg_dump {ended}: {said}", code="dump_failed", state=state)

    def _version(self, connection: Connection) -> str | None:
        """Return the last applied version under the snapshot; None: there is none."""
        table = sql.Identifier(self.history.schema, self.history.name)
        name = table.as_string(connection)
        row = connection.execute("SELECT pg_catalog.to_regclass(%s)", (name,)).fetchone()
        if row is None or row[0] is None:
            return None
        query = sql.SQL(
            "SELECT version::text FROM {} ORDER BY applied_at DESC, version DESC LIMIT 1"
        )
        try:
            with connection.transaction():
                found = connection.execute(query.format(table)).fetchone()
        except psycopg.Error:
            # A table of that name that is no history.
            return None
        return str(found[0]) if found else None

    def _reach_disk(self) -> None:
        """Let every file reach the disk, readable for this user alone."""
        paths = [self.into]
        if self.into.is_dir():
            self.into.chmod(0o700)
            paths = [*self.into.rglob("*"), self.into]
        for path in paths:
            if path.is_file():
                path.chmod(0o600)
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _remove(self) -> None:
        if self.into.is_dir():
            shutil.rmtree(self.into, ignore_errors=True)
        else:
            self.into.unlink(missing_ok=True)


def _locked(said: str) -> LockTimeout:
    return LockTimeout(
        f"a table is locked by others, and was not free within {_LOCK_WAIT_MS / 1000:g} s: {said}",
        state="no backup was made",
        hint="run it again when they are done",
    )


def _disk(error: OSError) -> BanisterError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _full("no backup was made")
    return ServerError(
        f"the backup cannot be written: {error.strerror}", state="no backup was made"
    )


def _full(state: str) -> BanisterError:
    return ServerError(
        "the disk that the backup goes to is full",
        code="disk_full",
        state=state,
        hint="make room, set backup_dir to another disk, or compress with --compress",
    )
