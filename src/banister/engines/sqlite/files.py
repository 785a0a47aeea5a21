"""Files of backups: claimed, compressed, brought to the disk, removed."""

import errno
import gzip
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from banister.engines.room import room_hint
from banister.errors import BanisterError, DatabaseError, ServerError
from banister.model.backup import BackupManifest

__all__ = ["claimed", "pack", "reach_disk", "remove", "unpacked", "unrestored", "unwritable"]

_CHUNK = 1024 * 1024


def claimed(path: Path) -> Path:
    """Make an empty file for what is there now; it is ours alone, and so is its name."""
    stem = f"{path.stem}_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    number = 1
    while True:
        before = path.with_name(stem + (f"_{number}" if number > 1 else "") + path.suffix)
        try:
            os.close(os.open(before, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            number += 1
        else:
            return before


def pack(copy: Path, into: Path) -> None:
    """Write a file compressed; the same contents are the same bytes."""
    descriptor = os.open(into, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        copy.open("rb") as source,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
    ):
        shutil.copyfileobj(source, packed, _CHUNK)


@contextmanager
def unpacked(source: Path, manifest: BackupManifest, beside: Path) -> Iterator[Path]:
    """Yield a backup as a database file."""
    if not manifest.compressed:
        yield source
        return
    copy = beside.with_name(f".{beside.name}.{os.getpid()}.unpacked")
    try:
        descriptor = os.open(copy, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with gzip.open(source, "rb") as packed, os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(packed, file, _CHUNK)
        yield copy
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ServerError(
            f"{source.name} is damaged: it cannot be unpacked to its end",
            code="backup_damaged",
            state="the database is as it was",
            hint="use another backup: `banister backup --list`",
        ) from error
    finally:
        remove(copy)


def reach_disk(path: Path) -> None:
    """Let a file reach the disk, for this user alone."""
    path.chmod(0o600)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a database that is ours, with what SQLite keeps beside it."""
    for each in (path, path.with_name(f"{path.name}-journal"), path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            each.unlink(missing_ok=True)


def unwritable(error: OSError | sqlite3.Error, state: str) -> BanisterError:
    """Return the error for a copy that could not be written."""
    if _is_full(error):
        return ServerError(
            "the disk that the backup goes to is full",
            code="disk_full",
            state=state,
            hint="make room, set backup_dir to another disk, or compress with --compress",
        )
    return DatabaseError(f"the copy failed: {_said(error)}", code="dump_failed", state=state)


def unrestored(
    error: OSError | sqlite3.Error, path: Path, state: str, *, needed: int = 0
) -> BanisterError:
    """Return the error for a backup that could not be put into a file.

    `needed`: bytes that it takes beside the file; 0: not known.
    """
    if _is_full(error):
        free = None
        with suppress(OSError):
            free = shutil.disk_usage(path.parent).free
        return ServerError(
            f"the disk that holds {path} is full: the backup cannot be put into it",
            code="disk_full",
            state=state,
            hint=room_hint(f"in {path.parent}", needed, free=free),
        )
    return DatabaseError(
        f"the backup cannot be put into {path}: {_said(error)}",
        code="restore_failed",
        state=state,
        hint="look at the rights of the file and its folder: both must be writable for this user",
    )


def _is_full(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL


def _said(error: OSError | sqlite3.Error) -> str:
    """Return what the system says, without its number and the path."""
    return str((isinstance(error, OSError) and error.strerror) or error)
