"""Scratch databases of SQLite: files in a folder of their own."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from banister.errors import DatabaseError
from banister.model import Dialect
from banister.project import Settings, Target, TargetKind
from banister.scratch.base import Scratch
from banister.script import split_statements

__all__ = ["load_schema", "sqlite_scratch"]

#: What SQLite keeps beside a file: https://sqlite.org/tempfiles.html
_BESIDE = ("", "-journal", "-wal", "-shm")
#: Characters of a statement that are shown.
_SHOWN = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class _SqliteScratch(Scratch):
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self) -> Target:
        path = self.folder / f"{next(self._numbers)}.db"
        return Target(kind=TargetKind.SQLITE, path=path, source="scratch", display="a scratch file")

    def clone(self, source: Target) -> Target:
        made = self.create()
        try:
            # The files as they are, since a copy made by SQLite has its own journal mode.
            for original, copy in zip(_files(source), _files(made), strict=True):
                if original.exists():
                    shutil.copyfile(original, copy)
        except OSError as error:
            raise DatabaseError(f"a scratch file cannot be copied: {error.strerror}") from error
        return made

    def drop(self, database: Target) -> None:
        for file in _files(database):
            file.unlink(missing_ok=True)


def sqlite_scratch(folder: Path, settings: Settings) -> Scratch:
    """Return a place for scratch files in `folder`, which is the caller's to remove."""
    home = folder / "files"
    home.mkdir(0o700)
    return _SqliteScratch(
        display=f"SQLite {sqlite3.sqlite_version}",
        identity=f"SQLite {sqlite3.sqlite_version}",
        settings=replace(settings, role=None),
        folder=home,
    )


def load_schema(database: Target, text: str) -> tuple[str, ...]:
    """Run the statements that make a schema in a scratch file; return what does not run, and why.

    Raises DatabaseError where the file cannot be made.
    """
    lost = []
    try:
        with closing(sqlite3.connect(database.path or "", isolation_level=None)) as connection:
            for statement in split_statements(text, Dialect.SQLITE):
                try:
                    connection.execute(statement.text)
                except sqlite3.Error as error:
                    lost.append(f"{' '.join(statement.text.split())[:_SHOWN]}: {error}")
    except sqlite3.Error as error:
        raise DatabaseError(f"a scratch file cannot be made: {error}") from error
    return tuple(lost)


def _files(database: Target) -> list[Path]:
    path = database.path or Path()
    return [path.with_name(path.name + ending) for ending in _BESIDE]
