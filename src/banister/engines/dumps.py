"""The contract between backups and a database: all that is in it, out into files and back."""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from banister.engines.base import Database
from banister.model import Event
from banister.model.backup import (
    BackupManifest,
    BackupWanted,
    Dumped,
    Replaced,
    RowsBack,
    SavedFile,
)

__all__ = ["Dumps"]


class Dumps(Protocol):
    """One database, for backups. Errors are of the tree in `banister.errors`.

    Every program that is run gets its arguments as a list and its password by a file that nobody
    else can read; it is stopped when a generator is closed, and nothing of it goes on running.
    """

    @property
    def database(self) -> Database:
        """What this speaks to."""

    def size_bytes(self) -> int:
        """Return what the tables hold, without indexes, as the database knows it uncounted."""

    def dump(self, wanted: BackupWanted, into: Path) -> Generator[Event, None, Dumped]:
        """Write everything to `into`, which does not exist yet; a folder for DIRECTORY.

        From one snapshot, under which the rows are counted too. Others are not waited for without
        a bound. What is written has reached the disk afterwards and only this user can read it; on
        failure, and when the generator is closed, `into` is gone. Yields TableDumped. Raises
        DatabaseError, which names tables that this role may not read whole, LockTimeout, and
        ServerError where no program can do it, or the disk is full.
        """

    def check_empty(self) -> None:
        """Raise DatabaseError, which names some of what is there, unless the database is empty."""

    def load(self, source: Path, manifest: BackupManifest) -> Generator[Event, None, None]:
        """Put a backup into the empty database. Yields TableRestored.

        With `manifest.one_transaction` nothing of it is left on failure. Raises DatabaseError, and
        ServerError where no program can do it.
        """

    def count_rows(self) -> Mapping[str, int]:
        """Return the rows of every table, named as in `Dumped.rows`, from one snapshot."""

    def others(self) -> int:
        """Return how many sessions of others `replace` would find in its way."""

    def put_rows_back(self, files: Sequence[SavedFile]) -> tuple[RowsBack, ...]:
        """Put rows back that a run has saved, in one transaction; return what came of each file.

        Rows that are there already stay as they are. Raises DatabaseError with nothing put back.
        """

    def replace(
        self, source: Path, manifest: BackupManifest, *, disconnect: bool = False
    ) -> Generator[Event, None, Replaced]:
        """Put a backup in the place of the database and all that is in it, in one step.

        Until that step the database serves as before; on failure it goes on as it was. The old one
        is kept. `disconnect`: sessions that are connected to it are ended; otherwise DatabaseError
        names them, and nothing is done. Yields TableRestored.
        """
