"""The folder of backups: names, what is complete, what may go. Nothing is ever replaced."""

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from banister.backup.beside import (
    PART,
    PREFIX,
    check_there,
    manifest_of,
    sync_folder,
    write_manifest,
)
from banister.backup.manifest import ENDING
from banister.errors import BanisterError, ServerError, UsageError
from banister.model import TableSize
from banister.model.backup import BackupForm, BackupManifest, BackupTest
from banister.rehearsal.sizes import size_words

__all__ = ["BackupEntry", "BackupFolder", "check_backup", "measure", "record_test"]

#: Of files that are being written; whoever writes one holds a lock on its companion.
_LOCK = ".lock"
_ENDINGS = {
    BackupForm.PLAIN: ".sql",
    BackupForm.CUSTOM: ".dump",
    BackupForm.DIRECTORY: ".dir",
    BackupForm.SQLITE: ".sqlite3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupEntry:
    """One backup of a folder."""

    path: Path
    #: None: it cannot be read, or is not there.
    manifest: BackupManifest | None
    #: Why it does not count; None: it is complete, as far as its size tells.
    problem: str | None = None


def measure(path: Path, manifest: BackupManifest) -> BackupManifest:
    """Return the manifest with the size and the digest of what is at `path`."""
    size, digest = _measured(path)
    return replace(manifest, size_bytes=size, sha256=digest)


def check_backup(path: Path, shown: str) -> BackupManifest:
    """Return the manifest of a backup whose size and digest are as it says.

    Raises UsageError where it is not there, has no manifest, or is not what was written.
    """
    check_there(path, shown)
    manifest = manifest_of(path, shown)
    try:
        size, digest = _measured(path)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from error
    if size < manifest.size_bytes:
        raise _damaged(shown, f"{manifest.size_bytes - size} of its bytes are missing")
    if size > manifest.size_bytes:
        raise _damaged(shown, f"it has {size - manifest.size_bytes} bytes more than were written")
    if digest != manifest.sha256:
        raise _damaged(shown, "it is not what was written")
    return manifest


def record_test(path: Path, tested: BackupTest) -> BackupManifest:
    """Write into the manifest of a backup that it was restored; return it as it is now."""
    manifest = replace(manifest_of(path, str(path)), tested=tested)
    try:
        write_manifest(path, manifest, may_be_there=True)
    except OSError as error:
        raise UsageError(
            f"the backup {path.name} is good, and its manifest cannot say so: {error.strerror}",
            hint=f"make {path.parent} writable for this user and run again to have it recorded",
        ) from error
    return manifest


@dataclass(frozen=True, kw_only=True)
class BackupFolder:
    """Where the backups of a project are."""

    #: Absolute.
    path: Path
    #: As people should see it.
    shown: str

    def shown_path(self, path: Path) -> str:
        """Return how people should see a path in it."""
        return str(Path(self.shown) / path.name)

    def check_room(self, needed_bytes: int) -> None:
        """Raise ServerError unless so many bytes are free where the folder is, or will be."""
        place = self.path
        while not place.exists() and place != place.parent:
            place = place.parent
        try:
            free = shutil.disk_usage(place).free
        except OSError as error:
            raise self._unusable(error) from error
        if free < needed_bytes:
            raise ServerError(
                f"there is not enough room in {self.shown}: the tables hold "
                f"{_size(needed_bytes)}, {_size(free)} are free",
                code="disk_full",
                hint="make room, set backup_dir to another disk, or compress with --compress",
            )

    @contextmanager
    def writing(self, now: datetime, form: BackupForm, *, compressed: bool) -> Iterator[Path]:
        """Yield the path to write a backup to; whatever is there at the end is removed.

        Its name, without `.part`, is the backup's, which no other run is given: it is
        backup_YYYYMMDD_HHMMSS in UTC, and a number where needed. What killed runs left is removed
        first. Raises UsageError for a folder that cannot be used, ServerError for a full disk.
        """
        stem = PREFIX + now.astimezone(UTC).strftime("%Y%m%d_%H%M%S")
        packed = compressed and form in {BackupForm.PLAIN, BackupForm.SQLITE}
        ending = _ENDINGS[form] + (".gz" if packed else "")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            lock, name = self._claim(stem, ending)
        except OSError as error:
            raise self._unusable(error) from error
        temporary = self.path / (name + PART)
        try:
            yield temporary
        finally:
            _remove(temporary)
            (self.path / (name + _LOCK)).unlink(missing_ok=True)
            os.close(lock)

    def _claim(self, stem: str, ending: str) -> tuple[int, str]:
        """Return a name that is free, and the lock that says so for as long as it is held."""
        number = 1
        while True:
            name = stem + (f"_{number}" if number > 1 else "") + ending
            # It is seen under that name only when it is held, so that nobody takes it for left.
            own = self.path / f"{PREFIX}{uuid4().hex}{_LOCK}"
            lock = os.open(own, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                taken = (self.path / each for each in (name, name + ENDING))
                if not any(os.path.lexists(each) for each in taken):
                    os.link(own, self.path / (name + _LOCK))
                    own.unlink(missing_ok=True)
                    return lock, name
                number += 1
            except FileExistsError:
                number += 1
            except (BlockingIOError, FileNotFoundError):
                # A sweep of another run came between its making and its lock: once more.
                pass
            own.unlink(missing_ok=True)
            os.close(lock)

    def finish(self, temporary: Path, manifest: BackupManifest) -> Path:
        """Give a backup its name, and return its path.

        The manifest is there before: what stands under its own name is complete. Both have reached
        the disk afterwards. Raises ServerError where the disk is full, or cannot be written.
        """
        path = self.path / manifest.file
        if os.path.lexists(path):
            raise ServerError(f"{self.shown_path(path)} is there already; nothing was replaced")
        try:
            write_manifest(path, manifest)
            temporary.rename(path)
            sync_folder(self.path)
        except OSError as error:
            raise self._unusable(error) from error
        return path

    def entries(self) -> tuple[BackupEntry, ...]:
        """Return the backups, newest first; what is no backup of ours is passed over."""
        if not self.path.is_dir():
            return ()
        try:
            names = {each.name for each in self.path.iterdir() if each.name.startswith(PREFIX)}
        except OSError as error:
            raise self._unusable(error) from error
        names = {name for name in names if PART not in name and not name.endswith(_LOCK)}
        backups = {name.removesuffix(ENDING) if name.endswith(ENDING) else name for name in names}
        found = [self._entry(self.path / name) for name in backups]
        return tuple(sorted(found, key=lambda entry: entry.path.name, reverse=True))

    def tidy(self, made: Path, *, keep: int, keep_days: int, now: datetime) -> Iterator[Path]:
        """Remove backups beyond the number or age, and yield each; 0: no bound.

        They are of the database that `made` is of, which was made just now and stays. The last good
        one stays too, and the last that was tested; what does not count as a backup, or does not
        say which database it is of, is never touched.
        """
        good = [
            (entry.path, entry.manifest)
            for entry in self.entries()
            if entry.manifest is not None and entry.problem is None
        ]
        identity = next((manifest.identity for path, manifest in good if path == made), "")
        good = [each for each in good if identity and each[1].identity == identity]
        stays = {made, *(path for path, _ in good[:1])}
        stays |= {path for path, manifest in [g for g in good if g[1].tested][:1]}
        oldest = now - timedelta(days=keep_days)
        for number, (path, manifest) in enumerate(good, start=1):
            too_many = keep > 0 and number > keep
            too_old = keep_days > 0 and manifest.taken_at < oldest
            if path not in stays and (too_many or too_old):
                _remove(path)
                path.with_name(path.name + ENDING).unlink(missing_ok=True)
                yield path

    def _entry(self, path: Path) -> BackupEntry:
        shown = self.shown_path(path)
        try:
            manifest = manifest_of(path, shown)
        except UsageError as error:
            return BackupEntry(path=path, manifest=None, problem=error.message)
        if not path.exists():
            return BackupEntry(path=path, manifest=manifest, problem=f"{shown} is gone")
        problem = None
        if sum(size for _, size in _parts(path)) != manifest.size_bytes:
            problem = f"{shown} is not as large as it was written"
        return BackupEntry(path=path, manifest=manifest, problem=problem)

    def _sweep(self) -> None:
        """Remove what runs left that are no more: nobody holds the lock beside it."""
        for path in self.path.glob(f"{PREFIX}*{_LOCK}"):
            with suppress(OSError):
                lock = os.open(path, os.O_RDWR)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    backup = path.with_name(path.name.removesuffix(_LOCK))
                    for left in (PART, PART + ".copy", ENDING + PART):
                        _remove(backup.with_name(backup.name + left))
                    if not backup.exists():
                        backup.with_name(backup.name + ENDING).unlink(missing_ok=True)
                    path.unlink(missing_ok=True)
                finally:
                    os.close(lock)

    def _unusable(self, error: OSError) -> BanisterError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return ServerError(
                f"the disk that holds {self.shown} is full",
                code="disk_full",
                hint="make room, or set backup_dir to another disk",
            )
        return UsageError(
            f"the folder of backups, {self.shown}, cannot be used: {error.strerror}",
            hint="set backup_dir to a folder that this user can write",
        )


def _measured(path: Path) -> tuple[int, str]:
    """Return the size and the digest: of a folder, over its names and the digests of its files."""
    if not path.is_dir():
        return path.stat().st_size, _digest(path)
    total, whole = 0, hashlib.sha256()
    for part, size in _parts(path):
        total += size
        name = part.relative_to(path).as_posix()
        whole.update(f"{name}\0{_digest(part)}\n".encode())
    return total, whole.hexdigest()


def _parts(path: Path) -> Iterator[tuple[Path, int]]:
    if not path.is_dir():
        yield path, path.stat().st_size
        return
    for part in sorted(path.rglob("*")):
        if part.is_file():
            yield part, part.stat().st_size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _damaged(shown: str, why: str) -> UsageError:
    return UsageError(
        f"{shown} is damaged: {why}",
        code="backup_damaged",
        hint="nothing was restored; use another backup: `banister backup --list`",
    )


def _size(count: int) -> str:
    return size_words(TableSize(size_bytes=count))
