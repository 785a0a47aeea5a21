"""One SQLite database, for backups: copied by SQLite's own backup interface.

https://www.sqlite.org/backup.html
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from banister.engines.base import Database, SessionSettings
from banister.engines.sqlite.copying import copied, open_file
from banister.engines.sqlite.counting import counted, last_version, number
from banister.engines.sqlite.files import (
    claimed,
    pack,
    reach_disk,
    remove,
    unpacked,
    unwritable,
)
from banister.engines.sqlite.holders import who_holds
from banister.engines.sqlite.rows_back import put_rows_back
from banister.errors import (
    BanisterError,
    ConnectionFailed,
    DatabaseError,
    LockTimeout,
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


class _WrittenMeanwhileError(Exception):
    """Somebody has written between the copy of what is there and the backup."""


@dataclass(kw_only=True)
class _Before:
    """The copy of what was there."""

    path: Path
    #: The backup is in the live file, or may be.
    needed: bool = False


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
            pages = number(connection, "PRAGMA page_count")
            return pages * number(connection, "PRAGMA page_size")

    def dump(self, wanted: BackupWanted, into: Path) -> Generator[Event, None, Dumped]:
        """Write everything to `into`; see `Dumps.dump`.

        One read transaction is held, so that writers cannot make the copy begin again and again:
        without a write-ahead log they wait until it is there.
        """
        copy = into.with_name(into.name + ".copy") if wanted.compress else into
        try:
            with self._reader(self._path) as source:
                source.execute("BEGIN")
                number(source, "SELECT count(*) FROM sqlite_schema")
                os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                yield from copied(source, copy, TableDumped)
            rows, version = self._looked_at(copy)
            if wanted.compress:
                pack(copy, into)
            reach_disk(into)
        except BaseException as error:
            for path in {copy, into}:
                remove(path)
            if isinstance(error, OSError | sqlite3.Error):
                raise unwritable(error, "no backup was made") from error
            raise
        finally:
            if copy != into:
                remove(copy)
        return Dumped(
            program=f"SQLite {sqlite3.sqlite_version}",
            name=self._path.name,
            identity=str(self._path.resolve()),
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
        self._refuse_leftovers()
        was_there = self._path.exists()
        try:
            # Closed last: with any descriptor of the file its locks go, those of SQLite too.
            raw = os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise unwritable(error, "the database is as it was") from error
        try:
            with unpacked(source, manifest, self._path) as copy:
                # Somebody may have begun to use it since it was looked at.
                yield from self._restore(copy, lambda: not os.pread(raw, 1, 0))
        except BaseException as error:
            if not was_there:
                self._remove_unused(raw)
            if isinstance(error, _WrittenMeanwhileError):
                self.check_empty()
                raise self._locked() from None
            if isinstance(error, OSError | sqlite3.Error):
                raise unwritable(error, "the database is as it was") from error
            raise
        finally:
            os.close(raw)

    def _refuse_leftovers(self) -> None:
        """Refuse a missing file beside which SQLite has left what belongs to one."""
        names = (f"{self._path.name}{ending}" for ending in ("-journal", "-wal"))
        found = [str(each) for name in names if (each := self._path.with_name(name)).exists()]
        if not found or (self._path.exists() and self._path.stat().st_size):
            return
        raise DatabaseError(
            f"{self._path} is missing or empty, and {' and '.join(found)} is there",
            code="not_empty",
            state="nothing was restored",
            hint="it holds changes of a database of that name, and SQLite would take them for its "
            "own: move it beside that database, under its name, or away",
        )

    def _remove_unused(self, raw: int) -> None:
        """Remove the empty file that was made here, unless somebody uses it by now."""
        with suppress(sqlite3.Error), closing(open_file(str(self._path), 0, uri=False)) as guard:
            guard.execute("BEGIN EXCLUSIVE")
            if not os.pread(raw, 1, 0):
                remove(self._path)

    def count_rows(self) -> Mapping[str, int]:
        """Return the rows of every table; see `Dumps.count_rows`."""
        with self._reader(self._path) as connection:
            return counted(connection)

    def replace(
        self,
        source: Path,
        manifest: BackupManifest,
        *,
        disconnect: bool = False,  # noqa: ARG002 -- of PostgreSQL: nobody has a session here
    ) -> Generator[Event, None, Replaced]:
        """Put a backup into the live file, in one transaction; see `Dumps.replace`.

        What is there is copied beside it first. The file is never renamed over: who has it open
        goes on with it, and finds the backup in it. The copy stays where the backup may be in the
        live file by now, also when this is interrupted.
        """
        if not self._path.exists() or self._path.stat().st_size == 0:
            yield from self.load(source, manifest)
            return Replaced(before=None)
        try:
            before = _Before(path=claimed(self._path))
        except OSError as error:
            raise unwritable(error, "the database is as it was") from error
        # Closed last: with any descriptor of the file its locks go, those of SQLite too.
        # https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
        raw = os.open(self._path, os.O_RDONLY)
        try:
            with unpacked(source, manifest, self._path) as copy:
                self._check_readable()
                self._same_page_size(copy)
                with self._reader(self._path) as live:
                    yield from self._replaced(live, raw, before, copy)
        except BaseException as error:
            if not before.needed:
                remove(before.path)
            if isinstance(error, OSError | sqlite3.Error):
                state = f"what was there before is in {before.path}" if before.needed else None
                raise unwritable(error, state or "the database is as it was") from error
            raise
        finally:
            os.close(raw)
        return Replaced(before=str(before.path))

    def _replaced(
        self, live: sqlite3.Connection, raw: int, before: "_Before", copy: Path
    ) -> Generator[Event, None, None]:
        """Copy what is there, then put the backup in; again where somebody writes in between."""
        give_up = time.monotonic() + self._wait
        in_log = live.execute("PRAGMA journal_mode").fetchone()[0] == "wal"

        def commits() -> object:
            """What changes with every commit of others, and can be read while we hold the lock."""
            if in_log:
                return number(live, "PRAGMA data_version")
            # https://www.sqlite.org/fileformat2.html#file_change_counter
            return os.pread(raw, 4, 24)

        while True:
            with self._no_writers():
                yield from copied(live, before.path, TableDumped)
                reach_disk(before.path)
                seen = commits()

            def unchanged(expected: object = seen) -> bool:
                return commits() == expected

            try:
                yield from self._restore(copy, unchanged)
            except _WrittenMeanwhileError:
                if time.monotonic() > give_up:
                    raise self._locked() from None
            except BaseException:
                # It may have come to its end in that moment.
                before.needed = True
                before.needed = not unchanged()
                raise
            else:
                return

    def _check_readable(self) -> None:
        with self._reader(self._path):
            pass

    @contextmanager
    def _no_writers(self) -> Iterator[None]:
        """Keep others from writing; they may read."""
        with closing(open_file(str(self._path), self._wait, uri=False)) as guard:
            try:
                guard.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise self._refused(error) from error
            yield
            guard.execute("ROLLBACK")

    def put_rows_back(self, files: Sequence[SavedFile]) -> tuple[RowsBack, ...]:
        """Put saved rows back; see `Dumps.put_rows_back`."""
        self._check_readable()
        return put_rows_back(self._path, files, wait=self._wait)

    def close(self) -> None:
        """Nothing is kept open."""

    @contextmanager
    def _reader(self, path: Path) -> Iterator[sqlite3.Connection]:
        if not path.exists():
            raise ConnectionFailed(f"there is no file {path}", hint="look at the path")
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(open_file(uri, self._wait)) as connection:
            try:
                number(connection, "SELECT count(*) FROM sqlite_schema")
            except sqlite3.DatabaseError as error:
                raise self._refused(error) from error
            yield connection

    def _restore(
        self, copy: Path, unchanged: Callable[[], bool] | None = None
    ) -> Generator[Event, None, None]:
        """Copy a backup into the live file, whose writers are kept out from the first page on.

        Raises _WrittenMeanwhileError, with nothing done, where it is not `unchanged` then.
        """
        give_up = time.monotonic() + self._wait
        begun = False

        def patient(status: int) -> None:
            nonlocal give_up, begun
            if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                if time.monotonic() > give_up:
                    raise self._locked()
                return
            # A backup of one page is done with its first step; it holds no table.
            watched = not begun and unchanged is not None and status != sqlite3.SQLITE_DONE
            if watched and unchanged is not None and not unchanged():
                raise _WrittenMeanwhileError
            begun = True
            give_up = time.monotonic() + self._wait

        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(open_file(uri, self._wait)) as source:
            yield from copied(
                source, self._path, TableRestored, patient, at_once=1 if unchanged else None
            )

    def _same_page_size(self, copy: Path) -> None:
        """Take the live file out of WAL mode where its pages are of another size.

        A backup cannot change their size there (https://www.sqlite.org/c3ref/backup_finish.html).
        """
        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        with (
            closing(open_file(uri, self._wait)) as source,
            closing(open_file(str(self._path), self._wait, uri=False)) as live,
        ):
            mode = str(live.execute("PRAGMA journal_mode").fetchone()[0])
            sizes = {number(each, "PRAGMA page_size") for each in (live, source)}
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
            return counted(connection), last_version(connection, self._history.name)

    def _refused(self, error: sqlite3.Error) -> BanisterError:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return self._locked()
        return DatabaseError(
            f"{self._path} cannot be read: {error}",
            code="damaged",
            hint=f"if it is no database any more, move it away with {self._path.name}-journal and "
            f"{self._path.name}-wal, where they are there, and restore into a new file"
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
            else "look at the rights of the file and its folder; where a program has crashed with "
            "it open, open it once with the sqlite3 shell, which puts it right",
        )

    def _locked(self) -> LockTimeout:
        holder = who_holds(self._path)
        by = f", held by {holder}" if holder else ""
        return LockTimeout(
            f"{self._path} was not free within {self._wait:g} s{by}",
            state="the database is as it was",
            hint="let that program finish or close it, then run again; lock_timeout in the "
            "settings says how long to wait",
        )
