"""A backup and its manifest beside it: found, read, written."""

import errno
import json
import os
from pathlib import Path

from banister.backup.manifest import ENDING, manifest_json, read_manifest
from banister.errors import UsageError
from banister.model.backup import BackupManifest

__all__ = ["PART", "PREFIX", "check_there", "manifest_of", "sync_folder", "write_manifest"]

#: Of the names that backups are given, and behind them while they are written.
PREFIX, PART = "backup_", ".part"
_SHOWS_THEM = "`banister backup --list` shows them"
_ANOTHER = "without it nothing tells whether the backup is whole; take another one"


def check_there(path: Path, shown: str) -> None:
    """Raise UsageError unless there is something of that name."""
    try:
        there = path.exists()
    except (OSError, ValueError):
        # A name that no file can have.
        there = False
    if not there:
        raise UsageError(f"there is no backup {shown}", hint=_SHOWS_THEM)


def manifest_of(path: Path, shown: str) -> BackupManifest:
    """Return what stands beside a backup; nothing is checked. Raises UsageError for none."""
    try:
        # Not with_name: "/" and ".." have none.
        text = Path(f"{path}{ENDING}").read_text("utf-8")
    except FileNotFoundError as error:
        raise _not_ours(path, shown) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the manifest of {shown} is no text in UTF-8", hint=_ANOTHER) from error
    except OSError as error:
        raise UsageError(
            f"the manifest of {shown} cannot be read: {error.strerror}", hint=_ANOTHER
        ) from error
    return read_manifest(text, f"{shown}{ENDING}")


def _not_ours(path: Path, shown: str) -> UsageError:
    """Return the error for what has no manifest, with what may have been meant."""
    if path.is_dir() and not (path / "toc.dat").exists():
        inside = sorted(path.glob(f"{PREFIX}*{ENDING}"))
        newest = Path(shown) / inside[-1].name.removesuffix(ENDING) if inside else None
        return UsageError(
            f"{shown} is a folder, and no backup",
            hint=f"give a backup that is in it, such as {newest}" if newest else _SHOWS_THEM,
        )
    backup = path.with_name(path.name.removesuffix(ENDING))
    if backup != path and backup.exists():
        return UsageError(
            f"{shown} is the manifest of a backup",
            hint=f"give the backup itself, {shown.removesuffix(ENDING)}",
        )
    return UsageError(
        f"{shown} has no manifest {path.name}{ENDING} beside it: it was not finished, or is not of "
        "Banister",
        hint="nothing tells whether it is whole; take another one, or restore a dump of another "
        "program with that program",
    )


def write_manifest(path: Path, manifest: BackupManifest, *, may_be_there: bool = False) -> None:
    """Put a manifest beside a backup, in one step; it reaches the disk. Raises OSError."""
    final = path.with_name(path.name + ENDING)
    part = final.with_name(final.name + PART)
    if not may_be_there and os.path.lexists(final):
        raise FileExistsError(errno.EEXIST, "it is there already", str(final))
    text = _text(manifest)
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        part.rename(final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(final.parent)


def _text(manifest: BackupManifest) -> str:
    """Return the text of a manifest."""
    return json.dumps(manifest_json(manifest), indent=2, ensure_ascii=False) + "\n"


def sync_folder(path: Path) -> None:
    """Let the names in a folder reach the disk. Raises OSError."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
