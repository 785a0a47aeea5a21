"""Scratch databases of SQLite: files in a folder of their own."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from banister.project import Settings, Target, TargetKind

__all__ = ["sqlite_scratch"]

#: What SQLite keeps beside a file.
_BESIDE = ("", "-journal", "-wal", "-shm")


@dataclass(frozen=True, kw_only=True)
class _SqliteScratch:
    folder: Path
    settings: Settings
    _numbers: "count[int]"
    display: str = f"SQLite {sqlite3.sqlite_version}"
    major: int | None = None
    shared: bool = False

    def create(self) -> Target:
        path = self.folder / f"{next(self._numbers)}.db"
        return Target(kind=TargetKind.SQLITE, path=path, source="scratch", display="a scratch file")

    def clone(self, source: Target) -> Target:
        made = self.create()
        if source.path is not None and made.path is not None and source.path.exists():
            for ending in _BESIDE:
                beside = source.path.with_name(source.path.name + ending)
                if beside.exists():
                    shutil.copyfile(beside, made.path.with_name(made.path.name + ending))
        return made

    def drop(self, database: Target) -> None:
        if database.path is not None:
            for ending in _BESIDE:
                database.path.with_name(database.path.name + ending).unlink(missing_ok=True)


@contextmanager
def sqlite_scratch(settings: Settings) -> Iterator[_SqliteScratch]:
    """Yield a place for scratch files; its folder goes with it."""
    with tempfile.TemporaryDirectory(prefix="banister-scratch-") as folder:
        yield _SqliteScratch(
            folder=Path(folder), settings=replace(settings, role=None), _numbers=count(1)
        )
