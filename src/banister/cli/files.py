"""Writing the files that users name."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from banister.errors import UsageError

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write the whole file or nothing of it; its mode stays, and so does a link that leads to it.

    Raises UsageError.
    """
    # A link stays where the file that it leads to is replaced.
    file = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as temporary:
                temporary.write(content)
            if file.exists():
                there = file.stat()
                with suppress(PermissionError):
                    os.chown(name, there.st_uid, there.st_gid)
                Path(name).chmod(there.st_mode)
            else:
                Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now
