"""Folders that are safe to keep a server in, and that its account reaches.

Three kinds. An *own* folder belongs to us and only we write there: lock files, the log, copies of
programs. An *account* folder lies in an own folder, belongs to the server's account, mode 0700: the
data and the socket. We never write into it ourselves, so that nothing planted there is followed. A
*temp* folder is an own folder below the system's temporary folder. Nothing else is ever changed.
"""

import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from banister.engines.embedded.account import Account
from banister.errors import ServerError

__all__ = [
    "account_folder",
    "cluster_folder",
    "memory_folder",
    "own_folder",
    "serving_folder",
    "socket_folder",
    "temp_folders",
]

# sizeof(sun_path) without the closing zero: man 7 unix says 108, other systems 104.
_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103


def own_folder(path: Path, account: Account) -> Path:
    """Make a folder that is ours, or check that it is; the server's account may pass through it.

    Raises ServerError when it is not a folder, not ours, or others may write there.
    """
    created = _make(path)
    descriptor = _open(path)
    try:
        if created:
            os.fchmod(descriptor, 0o711 if account.switch else 0o700)
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if found.st_uid != os.geteuid():
        raise ServerError(
            f"{path} belongs to another user",
            hint="run as that user, or remove the folder if nothing in it is needed",
        )
    if account.switch and found.st_mode & 0o022:
        raise ServerError(f"other users may write to {path}", hint=f"chmod go-w '{path}'")
    return path


def account_folder(path: Path, account: Account) -> Path:
    """Make a folder of mode 0700 for the server's account, or check that it is one.

    It must lie in an own folder. Raises ServerError.
    """
    _make(path)
    descriptor = _open(path)
    try:
        found = os.fstat(descriptor)
        if account.switch and found.st_uid == os.geteuid():
            os.fchown(descriptor, account.uid, account.gid)
            found = os.fstat(descriptor)
    except OSError as exc:
        raise ServerError(f'{path} cannot be given to "{account.name}": {exc.strerror}') from exc
    finally:
        os.close(descriptor)
    if found.st_uid != account.uid:
        raise ServerError(
            f'{path} does not belong to the account "{account.name}" that the server runs as',
            hint="run as the user who made it, or remove the folder if nothing in it is needed",
        )
    if found.st_mode & 0o077:
        raise ServerError(f"other users may enter {path}", hint=f"chmod 700 '{path}'")
    return path


def temp_folders(account: Account) -> Iterator[Path]:
    """Yield our folders below the temporary folders that the account reaches, best one first.

    /var/tmp comes before /tmp because it survives a restart of the machine.
    """
    named = os.environ.get("TMPDIR")
    for root in dict.fromkeys(Path(name) for name in (named, "/var/tmp", "/tmp") if name):  # noqa: S108 -- made with mkdir, checked for owner, mode and symlink
        if not _is_safe_parent(root):
            continue
        with suppress(ServerError):
            folder = own_folder(root / f"banister-{os.geteuid()}", account)
            if not account.switch or account.can_enter(folder):
                yield folder


def memory_folder(account: Account, *, room_bytes: int) -> Path | None:
    """Return our folder in memory, where that much of it is free; None where there is none.

    TMPDIR, where it is set, says that temporary files belong there and nowhere else.
    """
    root = Path("/dev/shm")  # noqa: S108 -- made with mkdir, checked for owner, mode and symlink
    if os.environ.get("TMPDIR") or not root.is_dir() or not _is_safe_parent(root):
        return None
    if min((shutil.disk_usage(root).free, *_free_memory())) < room_bytes:
        return None
    with suppress(ServerError):
        folder = own_folder(root / f"banister-{os.geteuid()}", account)
        if not account.switch or account.can_enter(folder):
            return folder
    return None


def _free_memory() -> Iterator[int]:
    """Yield the bytes that this machine has free, and those that a container may still take.

    https://docs.kernel.org/filesystems/proc.html#meminfo,
    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
    """
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            name, _, amount = line.partition(":")
            if name == "MemAvailable":
                yield int(amount.split()[0]) * 1024
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):  # "max": no limit
            group = Path("/sys/fs/cgroup")
            yield int((group / limit).read_text("ascii")) - int((group / used).read_text("ascii"))


def cluster_folder(project: Path, account: Account) -> Path:
    """Return the folder for a project's cluster: in its `.banister`, or where the account gets to.

    `project` is absolute. Raises ServerError when there is no such place.
    """
    home = own_folder(project / ".banister", account)
    if not account.switch:
        return serving_folder(home / "postgres", account)
    if account.can_enter(home):
        with suppress(ServerError):  # a file system that gives nothing to another account
            return serving_folder(home / "postgres", account)
    for folder in temp_folders(account):
        with suppress(ServerError):
            return serving_folder(folder / _short_hash(project), account)
    raise ServerError(
        f'the account "{account.name}", which the server must run as, reaches neither {home} '
        "nor a temporary folder",
        hint="set TMPDIR to a folder that it can pass through",
    )


def serving_folder(folder: Path, account: Account) -> Path:
    """Make the folder of one cluster, or check that it is ours and that its account gets there.

    Raises ServerError.
    """
    own_folder(folder, account)
    if account.switch and not account.can_write(account_folder(folder / "socket", account)):
        raise ServerError(
            f'the account "{account.name}", which the server must run as, cannot write below '
            f"{folder}",
            hint="let it pass through the folders above, or work in another folder",
        )
    return folder


def socket_folder(folder: Path, account: Account) -> Path:
    """Return a folder for the socket of the cluster in `folder`, always the same one.

    It is in a temp folder where the cluster's own path is too long for a socket, or has characters
    that `unix_socket_directories` or libpq's `host` give a meaning to. Raises ServerError.
    """
    path = folder / "socket"
    if _fits(path):
        return account_folder(path, account)
    for temp in temp_folders(account):
        short = temp / f"socket-{_short_hash(folder)}"
        if _fits(short):
            return account_folder(short, account)
    raise ServerError(
        f"no folder for the server's socket: {folder} is too long a path for one",
        hint="set TMPDIR to a short path",
    )


def _fits(folder: Path) -> bool:
    text = str(folder)
    size = len(os.fsencode(folder / ".s.PGSQL.5432"))
    return size <= _SOCKET_PATH_BYTES and text.isprintable() and not set(text) & set(',"\\')


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _is_safe_parent(folder: Path) -> bool:
    """Whether nobody else can rename or replace what we make in `folder`."""
    try:
        found = folder.stat()
    except OSError:
        return False
    closed = not found.st_mode & 0o022 or found.st_mode & stat.S_ISVTX
    return stat.S_ISDIR(found.st_mode) and found.st_uid in {0, os.geteuid()} and bool(closed)


def _make(path: Path) -> bool:
    try:
        path.mkdir(0o700)
    except FileExistsError:
        return False
    except OSError as exc:
        raise ServerError(f"the folder {path} cannot be made: {exc.strerror}") from exc
    return True


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as exc:
        if path.is_symlink() or not path.is_dir():
            raise ServerError(f"{path} is not a folder") from exc
        raise ServerError(f"{path} cannot be opened: {exc.strerror}") from exc
