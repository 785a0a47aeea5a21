"""Making new migration files: the next number, and both files."""

import os
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from banister.errors import UsageError
from banister.project.names import is_timestamp, leading_digits

__all__ = ["new_pair", "next_number", "next_version", "sql_files", "write_pair"]

_FIRST = "001"
_TIME = "%Y%m%d%H%M%S"
#: File systems take 255 bytes for a whole name.
_LONGEST_SLUG = 180

_UP_TEXT = """\
-- Write here what {version}_{slug} changes.
-- It runs in one transaction together with its history row: BEGIN and COMMIT are not needed.

"""
_DOWN_TEXT = """\
-- Write here what undoes {up}, in reverse order.
-- Delete this file if nothing can undo it: `banister down` then refuses before touching anything.

"""


def new_pair(dir: Path, name: str, *, shown: str, now: datetime) -> tuple[Path, Path]:  # noqa: A002  (the setting's name)
    """Write an up and a down file with the version behind the highest; see `write_pair`."""
    # Every engine's files count: a number must be free for all of them.
    return write_pair(dir, next_version(sql_files(dir, shown=shown), now=now), name)


def sql_files(dir: Path, *, shown: str) -> tuple[str, ...]:  # noqa: A002  (the setting's name)
    """Return the names of all that ends in `.sql`, of every engine, readable or not.

    Raises UsageError when the folder cannot be read.
    """
    try:
        found = os.listdir(dir)  # noqa: PTH208  (names are all that is needed)
    except FileNotFoundError as exc:
        raise _no_folder(shown) from exc
    except NotADirectoryError as exc:
        raise UsageError(f"{shown} is not a folder", hint="name a folder with --dir") from exc
    except OSError as exc:
        raise UsageError(f"{shown} cannot be read: {exc.strerror}") from exc
    return tuple(name for name in found if name.lower().endswith(".sql"))


def next_number(files: Iterable[str]) -> str:
    """Return the number behind the highest of these names, as wide as that; 001 where none has one.

    Names that no migration can have count too, so that no number is given twice.
    """
    highest = _highest(files)
    if highest is None:
        return _FIRST
    return str(int(highest) + 1).zfill(len(highest))


def next_version(files: Iterable[str], *, now: datetime) -> str:
    """Return the version for a new migration: a timestamp (UTC) where the highest one is, else
    `next_number`. It always comes after the highest, also when the clock is behind it.
    """
    names = tuple(files)
    highest = _highest(names)
    if highest is None or not is_timestamp(highest):
        return next_number(names)
    stamp = (now.astimezone(UTC) if now.tzinfo else now).strftime(_TIME)
    if int(stamp) > int(highest):
        return stamp
    last = datetime.strptime(highest, _TIME).replace(tzinfo=UTC)
    return (last + timedelta(seconds=1)).strftime(_TIME)


def write_pair(dir: Path, version: str, name: str) -> tuple[Path, Path]:  # noqa: A002  (as above it)
    """Write an up and a down file for `name` and return their paths.

    Nothing is ever overwritten, and on failure neither file is left. Raises UsageError when a file
    is in the way, the folder is missing, or nothing of `name` can stand in a file name.
    """
    if "://" in name:
        # Not repeated, and not made a file of: it may hold a password.
        raise UsageError(
            "a URL is given as the name of a migration",
            hint="say in words what it does; the database is not needed here",
        )
    slug = _slug(name)
    up, down = (dir / f"{version}_{slug}.{direction}.sql" for direction in ("up", "down"))
    written: list[Path] = []
    texts = (
        (up, _UP_TEXT.format(version=version, slug=slug)),
        (down, _DOWN_TEXT.format(up=up.name)),
    )
    try:
        for path, text in texts:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except OSError as exc:
        for path in written:
            path.unlink(missing_ok=True)
        raise _cannot_write(exc, path, dir) from exc
    return up, down


def _cannot_write(exc: OSError, path: Path, folder: Path) -> UsageError:
    if isinstance(exc, FileExistsError):
        return UsageError(
            f"{path.name} is there already", hint="nothing was written; choose another name"
        )
    if isinstance(exc, FileNotFoundError):
        return _no_folder(str(folder))
    return UsageError(f"{path.name} cannot be written: {exc.strerror}")


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in plain if not unicodedata.combining(char)).casefold()
    slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not slug:
        raise UsageError(
            "the name holds no letter or digit that can stand in a file name",
            hint="use the letters a to z, digits and _, such as: banister new add_users",
        )
    if len(slug) > _LONGEST_SLUG:
        raise UsageError(f"the name is longer than {_LONGEST_SLUG} characters")
    return slug


def _no_folder(shown: str) -> UsageError:
    return UsageError(
        f"there is no folder {shown}",
        hint="make it with `banister init`, or name another with --dir",
    )


def _highest(files: Iterable[str]) -> str | None:
    """Return the highest number as it is written, the widest where it is written in two ways."""
    digits = [found for name in files if (found := leading_digits(name)) is not None]
    return max(digits, key=lambda each: (int(each), len(each)), default=None)
