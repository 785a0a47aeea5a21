"""TOML files with places: reading one, and finding the line on which a key stands."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from banister.errors import Location, UsageError

__all__ = ["TomlFile", "read_toml"]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*(?P<key>{_DOTTED})[ \t]*\]")
_ENTRY = re.compile(rf"[ \t]*(?P<key>{_DOTTED})[ \t]*=")
# Strings and comments are skipped whole, so that brackets in them do not count.
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}\n]',
    re.DOTALL,
)
_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
# A line with a password must not be shown.
_MAY_HOLD_SECRET = re.compile(r"://|@|url|passw|pwd|secret|token", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TomlFile:
    """A parsed TOML file."""

    #: The path as the user should see it.
    shown: str
    text: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)

    def locate(self, *path: str) -> Location:
        """Return the place of the key, or of the nearest thing around it that has a line.

        The line's text is left out where it may hold a password.
        """
        best: tuple[int, int] = (0, -1)
        for keys, offset in _entries(self.text):
            if len(keys) > best[0] and keys == path[: len(keys)]:
                best = (len(keys), offset)
        if best[1] < 0:
            return Location(path=self.shown)
        return _location(self.shown, self.text, best[1])


def read_toml(path: Path, *, shown: str) -> TomlFile:
    """Read and parse a file. Raises UsageError with the place where it is not TOML."""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        data = tomllib.loads(text)
    except OSError as exc:
        raise UsageError(
            f"{shown} cannot be read: {exc.strerror}", location=Location(path=shown)
        ) from exc
    except UnicodeDecodeError as exc:
        raise UsageError(
            f"{shown} is not UTF-8", location=Location(path=shown), hint="save it as UTF-8"
        ) from exc
    except tomllib.TOMLDecodeError as exc:
        message, place = _split_position(str(exc), text)
        raise UsageError(
            f"{shown} is not valid TOML: {message}", location=_location(shown, text, place)
        ) from exc
    except (ValueError, RecursionError) as exc:
        # Python refuses numbers of some thousands of digits, and tomllib lets that out.
        raise UsageError(
            f"{shown} holds a value that is too large, or nested too deep",
            location=Location(path=shown),
        ) from exc
    return TomlFile(shown=shown, text=text, data=data)


def _split_position(message: str, text: str) -> tuple[str, int]:
    """Take the position off a message of tomllib, which has it only as text before Python 3.14."""
    found = _POSITION.search(message)
    if found is None:
        return message, 0
    message = message[: found.start()]
    message = message[:1].lower() + message[1:]
    if found["line"] is None:
        return message, len(text.rstrip())
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return message, starts[int(found["line"]) - 1] + int(found["column"]) - 1


def _location(shown: str, text: str, offset: int) -> Location:
    start = text.rfind("\n", 0, offset) + 1
    line = text[start:].partition("\n")[0]
    return Location(
        path=shown,
        line=text.count("\n", 0, offset) + 1,
        column=offset - start + 1,
        source_line=None if _MAY_HOLD_SECRET.search(line) else line,
    )


def _entries(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield every table header and key at the left of a line, with its full path and offset."""
    table: tuple[str, ...] = ()
    for start in _line_starts(text):
        if header := _HEADER.match(text, start):
            table = _split(header["key"])
            yield table, header.start("key")
        elif entry := _ENTRY.match(text, start):
            yield (*table, *_split(entry["key"])), entry.start("key")


def _line_starts(text: str) -> Iterator[int]:
    """Yield the offsets of lines that do not begin inside a string, an array or a table."""
    yield 0
    depth = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth <= 0:
                yield token.end()


def _split(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key, as tomllib understands them."""
    parts: list[str] = []
    value: Any = tomllib.loads(f"{dotted} = 0")
    while isinstance(value, dict):
        key, value = next(iter(value.items()))
        parts.append(key)
    return tuple(parts)
