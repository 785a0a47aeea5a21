"""One SQLite database, for backups: copied by SQLite's own backup interface.

https://www.sqlite.org/backup.html
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from banister.engines.base import Database, SessionSettings
from banister.engines.sqlite.copying import copied
from banister.engines.sqlite.counting import counted, last_version, number
from banister.engines.sqlite.files import (
    claimed,
    pack,
    reach_disk,
    remove,
    unpacked,
    unrestored,
    unwritable,
)
from banister.engines.sqlite.live import LiveFile, reading
from banister.engines.sqlite.rows_back import put_rows_back
from banister.engines.sqlite.soundness import soundness, unchecked_told
from banister.errors import DatabaseError
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
        self._live = LiveFile(path=path, wait=settings.lock_timeout)

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
        with self._live.reader() as connection:
            pages = number(connection, "PRAGMA page_count")
            return pages * number(connection, "PRAGMA page_size")

    def dump(self, wanted: BackupWanted, into: Path) -> Generator[Event, None, Dumped]:
        """Write everything to `into`; see `Dumps.dump`.

        One read transaction is held, so that writers cannot make the copy begin again and again:
        without a write-ahead log they wait until it is there.
        """
        copy = into.with_name(into.name + ".copy") if wanted.compress else into
        try:
            with self._live.reader() as source:
                source.execute("BEGIN")
                number(source, "SELECT count(*) FROM sqlite_schema")
                os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                yield from copied(source, copy, TableDumped)
            unchecked = self._sound(copy)
            yield from unchecked_told(unchecked)
            with reading(copy, self._wait) as connection:
                rows = counted(connection)
                version = last_version(connection, self._history.name)
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
            unchecked=unchecked,
        )

    def check_empty(self) -> None:
        """Raise DatabaseError unless the file is missing or empty; see `Dumps.check_empty`."""
        self._live.check_empty()

    def load(self, source: Path, manifest: BackupManifest) -> Generator[Event, None, None]:
        """Put a backup into the file; see `Dumps.load`. All or nothing of it is there then."""
        self._live.check_place()
        self._live.refuse_leftovers()
        was_there = self._path.exists()
        try:
            # Closed last: with any descriptor of the file its locks go, those of SQLite too.
            raw = os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise unrestored(error, self._path, "the database is as it was") from error
        try:
            with unpacked(source, manifest, self._path) as copy:
                if self._live.holds_nothing():
                    # Somebody may have begun to use it since it was looked at.
                    yield from self._restore(copy, lambda: not os.pread(raw, 1, 0))
                else:
                    yield from self._filled(raw, copy)
        except BaseException as error:
            if not was_there:
                self._live.remove_unused(raw)
            if isinstance(error, _WrittenMeanwhileError):
                self.check_empty()
                raise self._live.locked() from None
            if isinstance(error, OSError | sqlite3.Error):
                needed = self._needs(manifest)
                state = "the database is as it was"
                raise unrestored(error, self._path, state, needed=needed) from error
            raise
        finally:
            os.close(raw)

    def _needs(self, manifest: BackupManifest) -> int:
        """Return how many bytes a backup takes, unpacked beside the file where it has to be."""
        held = manifest.tables_bytes or manifest.size_bytes
        return 2 * held if manifest.compressed else held

    def _filled(self, raw: int, copy: Path) -> Generator[Event, None, None]:
        """Put a backup into a database that is there, and in which nothing is."""
        with self._live.taking_pages_of(copy), self._live.reader() as live:
            commits = self._live.commits(live, raw)
            seen = commits()
            # What is committed behind this is seen by the other look, under the lock.
            self.check_empty()
            yield from self._restore(copy, lambda: commits() == seen)

    def count_rows(self) -> Mapping[str, int]:
        """Return the rows of every table; see `Dumps.count_rows`."""
        with self._live.reader() as connection:
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
        self._live.check_place()
        if self._live.holds_nothing():
            yield from self.load(source, manifest)
            return Replaced(before=None)
        try:
            before = _Before(path=claimed(self._path))
        except OSError as error:
            raise unrestored(error, self._path, "the database is as it was") from error
        # Closed last: with any descriptor of the file its locks go, those of SQLite too.
        # https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
        raw = os.open(self._path, os.O_RDONLY)
        try:
            with unpacked(source, manifest, self._path) as copy:
                with self._live.reader():
                    pass
                with self._live.taking_pages_of(copy), self._live.reader() as live:
                    yield from self._replaced(live, raw, before, copy)
        except BaseException as error:
            if not before.needed:
                remove(before.path)
            if isinstance(error, OSError | sqlite3.Error):
                state = f"what was there before is in {before.path}" if before.needed else None
                state = state or "the database is as it was"
                # With what is there come its copy, and what SQLite keeps to roll back.
                needed = self._needs(manifest) + 2 * self._path.stat().st_size
                raise unrestored(error, self._path, state, needed=needed) from error
            raise
        finally:
            os.close(raw)
        return Replaced(before=str(before.path))

    def _replaced(
        self, live: sqlite3.Connection, raw: int, before: "_Before", copy: Path
    ) -> Generator[Event, None, None]:
        """Copy what is there, then put the backup in; again where somebody writes in between."""
        give_up = time.monotonic() + self._wait
        commits = self._live.commits(live, raw)

        while True:
            with self._live.no_writers():
                yield from copied(live, before.path, TableDumped)
                reach_disk(before.path)
                seen = commits()

            def unchanged(expected: object = seen) -> bool:
                return commits() == expected

            try:
                yield from self._restore(copy, unchanged)
            except _WrittenMeanwhileError:
                if time.monotonic() > give_up:
                    raise self._live.locked() from None
            except BaseException:
                # It may have come to its end in that moment.
                before.needed = True
                before.needed = not unchanged()
                raise
            else:
                return

    def others(self) -> int:
        """Return 0: who has the file open goes on with it; see `Dumps.others`."""
        return 0

    def put_rows_back(self, files: Sequence[SavedFile]) -> tuple[RowsBack, ...]:
        """Put saved rows back; see `Dumps.put_rows_back`."""
        with reading(self._path, self._wait):
            pass
        return put_rows_back(self._path, files, wait=self._wait)

    def close(self) -> None:
        """Nothing is kept open."""

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
                    raise self._live.locked()
                return
            # A backup of one page is done with its first step; it holds no table.
            watched = not begun and unchanged is not None and status != sqlite3.SQLITE_DONE
            if watched and unchanged is not None and not unchanged():
                raise _WrittenMeanwhileError
            begun = True
            give_up = time.monotonic() + self._wait

        with reading(copy, self._wait) as source:
            yield from copied(
                source, self._path, TableRestored, patient, at_once=1 if unchanged else None
            )

    def _sound(self, copy: Path) -> Mapping[str, str]:
        """Return the tables of a copy that could not be checked, and why; what could be is sound.

        Raises DatabaseError where something is not.
        """
        with reading(copy, self._wait) as connection:
            found = soundness(connection)
        if found.damage:
            raise DatabaseError(
                f"{self._path} is damaged: {'; '.join(found.damage)}",
                code="damaged",
                state="no backup was made",
                hint="restore the last good backup, or save what can be read with .recover in "
                "the sqlite3 shell",
            )
        return found.unchecked
