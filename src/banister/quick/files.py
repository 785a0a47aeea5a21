"""The plainest of folders, read without a parser: names and checksums, or nothing."""

import os
import re
from _hashlib import openssl_sha256

__all__ = ["PlainFolder", "read_plain_folder"]

#: Number → name and checksum of the up files, the numbers that have a down file, and with how many
#: digits all are written.
PlainFolder = tuple[dict[int, tuple[str, str]], frozenset[int], int]

#: One width below twelve digits, or timestamps: nothing is to be said about such numbers.
_NAME = re.compile(r"([0-9]+)_([A-Za-z0-9_-]+)\.(up|down)\.sql")
_TIMESTAMP = re.compile(
    r"(?:19|20)[0-9]{2}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])(?:29|30)"
    r"|(?:0[13578]|1[02])31)(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
)
#: More than may be meant as a directive, wherever it stands in a file.
_DIRECTIVE = re.compile(
    rb"[bB][aA][nN][iI][sS][tT][eE][rR]|--[ \t]*[A-Za-z]+[ \t]*:?[ \t]*(?:transaction|tags"
    rb"|lock_timeout|irreversible|group|keep|accept|reason|foreign_keys|[A-Za-z_]+=)"
)
_LARGEST = 1 << 16


def read_plain_folder(path: str) -> PlainFolder | None:
    """Return what the migrations of a folder are.

    None where anything in it may have to be told of, has a meaning of its own, or is not plain.
    """
    names = _names(path)
    if names is None:
        return None
    found: dict[int, tuple[str, str]] = {}
    ways_down: dict[int, str] = {}
    for file, version, name, direction in names:
        data = _read(f"{path}/{file}")
        if data is None or b"\0" in data or not data.isascii() or _DIRECTIVE.search(data):
            return None
        number = int(version)
        if direction == "down":
            if number in ways_down:
                return None
            ways_down[number] = name
        elif number in found:
            return None
        else:
            checksum = openssl_sha256(data.replace(b"\r\n", b"\n")).hexdigest()
            found[number] = (name, checksum)
    same = all(number in found and found[number][0] == name for number, name in ways_down.items())
    return (found, frozenset(ways_down), len(names[0][1])) if names and same else None


def _names(path: str) -> list[tuple[str, str, str, str]] | None:
    """Return the migration files with the parts of their names."""
    names = []
    width = 0
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not entry.is_file(follow_symlinks=False):
                return None
            match = _NAME.fullmatch(entry.name)
            if match is None:
                if entry.name.lower().endswith(".sql"):
                    return None
                continue
            version = match[1]
            width = width or len(version)
            if len(version) != width or (width >= 12 and not _TIMESTAMP.fullmatch(version)):
                return None
            names.append((match[0], version, match[2], match[3]))
    return names


def _read(path: str) -> bytes | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        data = os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)
    return data if len(data) < _LARGEST else None
