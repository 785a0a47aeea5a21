"""The file that a backup is of, or goes into: read, kept from writers, made ready for its pages."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from banister.engines.sqlite.copying import open_file
from banister.engines.sqlite.counting import number
from banister.engines.sqlite.files import remove
from banister.engines.sqlite.holders import who_holds
from banister.engines.sqlite.reaching import is_missing
from banister.errors import BanisterError, ConnectionFailed, DatabaseError, LockTimeout

__all__ = ["LiveFile", "reading"]

_TOLD = 4


@dataclass(frozen=True, kw_only=True)
class LiveFile:
    """A file that other programs may be using. No connection is kept."""

    path: Path
    #: Seconds for a lock.
    wait: float

    def holds_nothing(self) -> bool:
        """Whether it is missing, or has no byte in it."""
        return not self.path.exists() or self.path.stat().st_size == 0

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Open it for reads. What a writer that has crashed left half done is rolled back first.

        Raises ConnectionFailed where it is not there, LockTimeout, DatabaseError.
        """
        if not self.path.exists():
            raise ConnectionFailed(f"there is no file {self.path}", hint="look at the path")
        # With mode=ro SQLite may not roll back what is left in a journal, and then reads nothing.
        with reading(self.path, self.wait, "rw") as connection:
            try:
                number(connection, "SELECT count(*) FROM sqlite_schema")
            except sqlite3.DatabaseError as error:
                raise self.refused(error) from error
            yield connection

    @contextmanager
    def no_writers(self) -> Iterator[None]:
        """Keep others from writing; they may read. Raises LockTimeout, DatabaseError."""
        with closing(open_file(str(self.path), self.wait, uri=False)) as guard:
            try:
                guard.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise self.refused(error) from error
            yield
            guard.execute("ROLLBACK")

    def commits(self, live: sqlite3.Connection, raw: int) -> Callable[[], object]:
        """Return what tells a value that changes with every commit of others.

        It can be read while we hold the lock. `raw`: a descriptor of the file.
        """
        if live.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return lambda: number(live, "PRAGMA data_version")
        # https://www.sqlite.org/fileformat2.html#file_change_counter
        return lambda: os.pread(raw, 4, 24)

    @contextmanager
    def taking_pages_of(self, copy: Path) -> Iterator[None]:
        """Take it out of WAL mode for the block where a backup has pages of another size.

        A backup cannot change their size there (https://www.sqlite.org/c3ref/backup_finish.html).
        SQLite itself leaves a file in WAL mode that a backup goes into: so it is again at the end.
        Raises LockTimeout, with nothing done, where another program has it open.
        """
        with reading(copy, self.wait) as source:
            wanted = number(source, "PRAGMA page_size")
        with closing(open_file(str(self.path), self.wait, uri=False)) as live:
            mode = str(live.execute("PRAGMA journal_mode").fetchone()[0])
            size = number(live, "PRAGMA page_size")
            in_the_way = mode == "wal" and size != wanted
            if in_the_way:
                try:
                    live.execute("PRAGMA journal_mode = DELETE").fetchone()
                except sqlite3.OperationalError as error:
                    raise self._open_elsewhere(size, wanted) from error
        try:
            yield
        finally:
            if in_the_way:
                # Whoever has opened it meanwhile keeps it as it is, which does no harm.
                with (
                    suppress(sqlite3.Error),
                    closing(open_file(str(self.path), self.wait, uri=False)) as live,
                ):
                    live.execute("PRAGMA journal_mode = WAL").fetchone()

    def check_empty(self) -> None:
        """Raise DatabaseError unless it is missing, or nothing is in it."""
        self.check_place()
        if self.holds_nothing():
            return
        with self.reader() as connection:
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
                f"{self.path} is not empty: there is {', '.join(found)}",
                code="not_empty",
                state="nothing was restored",
                hint="restore into a new file; or, to put the backup in the place of what is "
                "there, give --replace",
            )

    def check_place(self) -> None:
        """Raise ConnectionFailed where no database can be, or come to be."""
        if not is_missing(self.path) and not self.path.is_file():
            raise ConnectionFailed(
                f"{self.path} is no file, and no database can be in it",
                hint="give the path of a file",
            )

    def refuse_leftovers(self) -> None:
        """Refuse a missing file beside which SQLite has left what belongs to one."""
        names = (f"{self.path.name}{ending}" for ending in ("-journal", "-wal"))
        found = [str(each) for name in names if (each := self.path.with_name(name)).exists()]
        if not found or not self.holds_nothing():
            return
        raise DatabaseError(
            f"{self.path} is missing or empty, and {' and '.join(found)} is there",
            code="not_empty",
            state="nothing was restored",
            hint="it holds changes of a database of that name, and SQLite would take them for its "
            "own: move it beside that database, under its name, or away",
        )

    def remove_unused(self, raw: int) -> None:
        """Remove the empty file that was made by us, unless somebody uses it by now."""
        with suppress(sqlite3.Error), closing(open_file(str(self.path), 0, uri=False)) as guard:
            guard.execute("BEGIN EXCLUSIVE")
            if not os.pread(raw, 1, 0):
                remove(self.path)

    def refused(self, error: sqlite3.Error) -> BanisterError:
        """Return the error for a file that cannot be read."""
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return self.locked()
        return DatabaseError(
            f"{self.path} cannot be read: {error}",
            code="damaged",
            hint=f"if it is no database any more, move it away with {self.path.name}-journal and "
            f"{self.path.name}-wal, where they are there, and restore into a new file"
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
            else "look at the rights of the file and its folder; where a program has crashed with "
            "it open, open it once with the sqlite3 shell, which puts it right",
        )

    def locked(self) -> LockTimeout:
        """Return the error for a file that others hold."""
        holder = who_holds(self.path)
        by = f", held by {holder}" if holder else ""
        return LockTimeout(
            f"{self.path} was not free within {self.wait:g} s{by}",
            state="the database is as it was",
            hint="let that program finish or close it, then run again; lock_timeout in the "
            "settings says how long to wait",
        )

    def _open_elsewhere(self, size: int, wanted: int) -> LockTimeout:
        return LockTimeout(
            f"{self.path} is in WAL mode with pages of {size} bytes, and the backup has pages of "
            f"{wanted}: their size can only be changed while no other program has it open",
            state="the database is as it was",
            hint="stop every program that has it open, then run again",
        )


@contextmanager
def reading(path: Path, wait: float, mode: str = "ro&immutable=1") -> Iterator[sqlite3.Connection]:
    """Open a database for reads; as it is given, one that nobody changes."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(open_file(uri, wait)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield connection
