"""One SQLite database, for backups: copied by SQLite's own backup interface.

https://www.sqlite.org/backup.html
"""

import errno
import gzip
import os
import shutil
import sqlite3
import time
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from banister.engines.base import Database, SessionSettings
from banister.engines.sqlite.copying import copied, open_file
from banister.engines.sqlite.holders import who_holds
from banister.errors import (
    BanisterError,
    ConnectionFailed,
    DatabaseError,
    LockTimeout,
    ServerError,
    UnsupportedByEngine,
)
from banister.model import Dialect, Event, HistoryTable
from banister.model.backup import (
    BackupManifest,
    BackupWanted,
    Dumped,
    Replaced,
    RowsBack,
    SavedFile,
    TableDumped,
    TableRestored,
)

__all__ = ["SqliteDumps"]

_TOLD = 4
_CHUNK = 1024 * 1024


class SqliteDumps:
    """One SQLite file; see `Dumps`. No connection is kept between two calls."""

    def __init__(self, path: Path, history: HistoryTable, settings: SessionSettings) -> None:
        self._path = path
        self._history = history
        self._wait = settings.lock_timeout

    @property
    def database(self) -> Database:
        """What this speaks to."""
        return Database(
            dialect=Dialect.SQLITE,
            display=str(self._path),
            server=f"SQLite {sqlite3.sqlite_version}",
            server_version=sqlite3.sqlite_version_info,
        )

    def size_bytes(self) -> int:
        """Return the size of the file; see `Dumps.size_bytes`."""
        with self._reader(self._path) as connection:
            pages = _number(connection, "PRAGMA page_count")
            return pages * _number(connection, "PRAGMA page_size")

    def dump(self, wanted: BackupWanted, into: Path) -> Generator[Event, None, Dumped]:
        """Write everything to `into`; see `Dumps.dump`.

        One read transaction is held, so that writers cannot make the copy begin again and again:
        without a write-ahead log they wait until it is there.
        """
        copy = into.with_name(into.name + ".copy") if wanted.compress else into
        try:
            with self._reader(self._path) as source:
                source.execute("BEGIN")
                _number(source, "SELECT count(*) FROM sqlite_schema")
                yield from copied(source, copy, TableDumped)
            rows, version = self._looked_at(copy)
            if wanted.compress:
                _pack(copy, into)
            _reach_disk(into)
        except BaseException as error:
            for path in {copy, into}:
                _remove(path)
            if isinstance(error, OSError | sqlite3.Error):
                raise _unwritable(error, "no backup was made") from error
            raise
        finally:
            if copy != into:
                _remove(copy)
        return Dumped(
            program=f"SQLite {sqlite3.sqlite_version}",
            name=self._path.name,
            rows=rows,
            version=version,
        )

    def check_empty(self) -> None:
        """Raise DatabaseError unless the file is missing or empty; see `Dumps.check_empty`."""
        if not self._path.exists() or self._path.stat().st_size == 0:
            return
        with self._reader(self._path) as connection:
            found = [
                f"{kind} {name}"
                for kind, name in connection.execute(
                    "SELECT type, name FROM sqlite_schema "
                    "ORDER BY type = 'table' DESC, name LIMIT ?",
                    (_TOLD,),
                )
            ]
        if found:
            raise DatabaseError(
                f"{self._path} is not empty: there is {', '.join(found)}",
                code="not_empty",
                state="nothing was restored",
                hint="restore into a new file; or, to put the backup in the place of what is "
                "there, give --replace",
            )

    def load(self, source: Path, manifest: BackupManifest) -> Generator[Event, None, None]:
        """Put a backup into the file; see `Dumps.load`. All or nothing of it is there then."""
        was_there = self._path.exists()
        try:
            with _unpacked(source, manifest, self._path) as copy:
                yield from self._restore(copy)
        except BaseException as error:
            if not was_there:
                _remove(self._path)
            if isinstance(error, OSError | sqlite3.Error):
                raise _unwritable(error, "the database is as it was") from error
            raise

    def count_rows(self) -> Mapping[str, int]:
        """Return the rows of every table; see `Dumps.count_rows`."""
        with self._reader(self._path) as connection:
            return _counted(connection)

    def replace(
        self,
        source: Path,
        manifest: BackupManifest,
        *,
        disconnect: bool = False,  # noqa: ARG002 -- of PostgreSQL: nobody has a session here
    ) -> Generator[Event, None, Replaced]:
        """Put a backup into the live file, in one transaction; see `Dumps.replace`.

        What is there is copied beside it first. The file is never renamed over: who has it open
        goes on with it, and finds the backup in it.
        """
        before: Path | None = None
        if self._path.exists() and self._path.stat().st_size > 0:
            now = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
            before = self._path.with_name(f"{self._path.stem}_before_{now}{self._path.suffix}")
            try:
                with self._reader(self._path) as live:
                    live.execute("BEGIN")
                    _number(live, "SELECT count(*) FROM sqlite_schema")
                    yield from copied(live, before, TableDumped)
                _reach_disk(before)
            except BaseException:
                _remove(before)
                raise
        try:
            yield from self.load(source, manifest)
        except BaseException:
            if before is not None:
                _remove(before)
            raise
        return Replaced(before=None if before is None else str(before))

    def put_rows_back(self, files: Sequence[SavedFile]) -> tuple[RowsBack, ...]:
        """Refuse: no run saves single rows here; see `Dumps.put_rows_back`."""
        raise UnsupportedByEngine(
            f"single rows are saved on PostgreSQL only; {len(files)} files are of another database",
            hint="restore a backup of the whole file",
        )

    def close(self) -> None:
        """Nothing is kept open."""

    @contextmanager
    def _reader(self, path: Path) -> Iterator[sqlite3.Connection]:
        if not path.exists():
            raise ConnectionFailed(f"there is no file {path}", hint="look at the path")
        uri = f"{path.absolute().as_uri()}?mode=ro"
        try:
            with closing(open_file(uri, self._wait)) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise self._refused(error) from error

    def _restore(self, copy: Path) -> Generator[Event, None, None]:
        """Copy a backup into the live file."""
        give_up = time.monotonic() + self._wait

        def patient(status: int) -> None:
            nonlocal give_up
            if status not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                give_up = time.monotonic() + self._wait
            elif time.monotonic() > give_up:
                raise self._locked()

        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(open_file(uri, self._wait)) as source:
            self._same_page_size(source)
            yield from copied(source, self._path, TableRestored, patient)

    def _same_page_size(self, source: sqlite3.Connection) -> None:
        """Take the live file out of WAL mode where its pages are of another size.

        A backup cannot change their size there (https://www.sqlite.org/c3ref/backup_finish.html).
        """
        if not self._path.exists() or self._path.stat().st_size == 0:
            return
        with closing(open_file(str(self._path), self._wait, uri=False)) as live:
            mode = str(live.execute("PRAGMA journal_mode").fetchone()[0])
            sizes = {_number(each, "PRAGMA page_size") for each in (live, source)}
            if mode == "wal" and len(sizes) > 1:
                try:
                    live.execute("PRAGMA journal_mode = DELETE").fetchone()
                except sqlite3.OperationalError as error:
                    raise self._locked() from error

    def _looked_at(self, copy: Path) -> tuple[Mapping[str, int], str | None]:
        """Return the rows and the last applied version in a copy that is sound."""
        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(open_file(uri, self._wait)) as connection:
            said = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if said != ["ok"]:
                raise DatabaseError(
                    f"{self._path} is damaged: {'; '.join(map(str, said))}",
                    code="damaged",
                    state="no backup was made",
                    hint="restore the last good backup, or save what can be read with .recover in "
                    "the sqlite3 shell",
                )
            return _counted(connection), self._version(connection)

    def _version(self, connection: sqlite3.Connection) -> str | None:
        table = _quoted(self._history.name)
        try:
            row = connection.execute(
                f"SELECT version FROM {table} ORDER BY applied_at DESC, version DESC LIMIT 1"  # noqa: S608
            ).fetchone()
        except sqlite3.OperationalError:
            return None
        return None if row is None else str(row[0])

    def _refused(self, error: sqlite3.Error) -> BanisterError:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return self._locked()
        return DatabaseError(f"{self._path} cannot be read: {error}")

    def _locked(self) -> LockTimeout:
        holder = who_holds(self._path)
        by = f", held by {holder}" if holder else ""
        return LockTimeout(
            f"{self._path} was not free within {self._wait:g} s{by}",
            state="the database is as it was",
            hint="let that program finish or close it, then run again; lock_timeout in the "
            "settings says how long to wait",
        )


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _counted(connection: sqlite3.Connection) -> Mapping[str, int]:
    names = [
        str(row[0])
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        )
    ]
    return {name: _number(connection, f"SELECT count(*) FROM {_quoted(name)}") for name in names}  # noqa: S608


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _pack(copy: Path, into: Path) -> None:
    descriptor = os.open(into, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        copy.open("rb") as source,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
    ):
        shutil.copyfileobj(source, packed, _CHUNK)


@contextmanager
def _unpacked(source: Path, manifest: BackupManifest, beside: Path) -> Iterator[Path]:
    """Yield a backup as a database file."""
    if not manifest.compressed:
        yield source
        return
    copy = beside.with_name(f".{beside.name}.{os.getpid()}.unpacked")
    try:
        with gzip.open(source, "rb") as packed, copy.open("wb") as file:
            shutil.copyfileobj(packed, file, _CHUNK)
        yield copy
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ServerError(f"{source.name} is damaged: {error}", code="backup_damaged") from error
    finally:
        _remove(copy)


def _reach_disk(path: Path) -> None:
    path.chmod(0o600)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    for each in (path, path.with_name(f"{path.name}-journal"), path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            each.unlink(missing_ok=True)


def _unwritable(error: OSError | sqlite3.Error, state: str) -> BanisterError:
    code = error.errno if isinstance(error, OSError) else error.sqlite_errorcode & 0xFF
    full = {errno.ENOSPC, errno.EDQUOT} if isinstance(error, OSError) else {sqlite3.SQLITE_FULL}
    if code in full:
        return ServerError(
            "the disk that the backup goes to is full",
            code="disk_full",
            state=state,
            hint="make room, set backup_dir to another disk, or compress with --compress",
        )
    return DatabaseError(f"the copy failed: {error}", code="dump_failed", state=state)
