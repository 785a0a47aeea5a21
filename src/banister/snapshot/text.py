"""A snapshot as text for people and for git, and back. No I/O.

An object is a block between empty lines: its kind and name, and below it a line a property. Parts
of a table stand behind it, one step further in. Nothing depends on when an object was made.
"""

import hashlib
import json
import re
from collections.abc import Iterator

from banister.errors import Location, UsageError
from banister.snapshot.kinds import ObjectKind
from banister.snapshot.nouns import CatalogObject, ObjectIdentity, Snapshot

__all__ = ["fingerprint", "parse", "render"]

_TITLE = "# banister snapshot 1, "
_STEP = "    "
#: The line that tells the order of a table's columns; no property has that name.
_ORDER = "column order"
_PROPERTY = re.compile(r"(?P<key>[^:|= ][^:|=]*):(?: (?P<value>.*))?")
_KINDS = sorted(ObjectKind, key=len, reverse=True)


def render(snapshot: Snapshot) -> str:
    """Return the snapshot as text that is the same for the same schema.

    `parse` gives the same snapshot back.
    """
    return "".join([f"{_TITLE}{snapshot.server}\n", *_body(snapshot)])


def fingerprint(snapshot: Snapshot) -> str:
    """Return the SHA-256, in hexadecimal, of all that the snapshot says, its server left out."""
    return hashlib.sha256("".join(_body(snapshot)).encode()).hexdigest()


def parse(text: str, path: str) -> Snapshot:
    """Return the snapshot that a text was made of.

    Raises UsageError, with the place in `path`, for what is not such a text.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[0].startswith(_TITLE):
        raise UsageError(
            f"{path} is not a snapshot that this version of banister can read",
            location=Location(path=path, line=1, source_line=lines[0]),
            hint=f"write it anew with `banister snapshot --output {path}`",
        )
    reader = _Reader(path, lines)
    reader.read()
    return Snapshot(
        server=lines[0].removeprefix(_TITLE).strip(),
        objects=reader.objects,
        column_order=reader.column_order,
    )


def _body(snapshot: Snapshot) -> Iterator[str]:
    wholes = snapshot.wholes()
    for identity in snapshot.in_order():
        yield "\n"
        indent = "" if identity.of is None else _STEP
        yield f"{indent}{identity.kind} {identity.name}\n"
        for key, value in snapshot.objects[identity].properties.items():
            yield from _property(key, value, indent + _STEP)
        order = snapshot.column_order.get(identity.name, ())
        if order and wholes.get(identity.name) is identity.kind and identity.of is None:
            yield from _property(_ORDER, "\n".join(order), indent + _STEP)


def _property(key: str, value: str, indent: str) -> Iterator[str]:
    if _is_plain(value):
        yield f"{indent}{key}: {value}\n"
        return
    yield f"{indent}{key}:\n"
    for line in value.split("\n"):
        yield f"{indent}{_STEP}{_line(line)}\n"


def _is_plain(value: str) -> bool:
    """Whether a value can stand behind its name as it is."""
    return value != "" and value.isprintable() and value.strip() == value


def _line(line: str) -> str:
    """Return a line of a longer value; white space in front is shown as it is."""
    if line.replace("\t", " ").isprintable():
        return f"| {line}" if line else "|"
    return f"= {json.dumps(line)}"


class _Reader:
    """Goes through the lines of a text once."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self._path = path
        self._lines = lines
        self._number = 1
        self.objects: dict[ObjectIdentity, CatalogObject] = {}
        self.column_order: dict[str, tuple[str, ...]] = {}

    def read(self) -> None:
        whole: str | None = None
        while self._number < len(self._lines):
            line = self._lines[self._number]
            if not line.strip() or line.startswith("#"):
                self._number += 1
                continue
            indent = line[: len(line) - len(line.lstrip(" "))]
            if indent not in {"", _STEP} or (indent and whole is None):
                raise self._unreadable()
            kind, name = self._header(line.removeprefix(indent))
            if not indent:
                whole = name
            identity = ObjectIdentity(kind, name, whole if indent else None)
            self._number += 1
            properties = self._properties(indent + _STEP)
            order = properties.pop(_ORDER, None)
            if order is not None:
                self.column_order[name] = tuple(order.split("\n"))
            self.objects[identity] = CatalogObject(identity=identity, properties=properties)

    def _header(self, line: str) -> tuple[ObjectKind, str]:
        kind = next((kind for kind in _KINDS if line.startswith(f"{kind} ")), None)
        if kind is None:
            raise self._unreadable()
        return kind, line.removeprefix(f"{kind} ")

    def _properties(self, indent: str) -> dict[str, str]:
        found: dict[str, str] = {}
        while self._number < len(self._lines) and self._lines[self._number].strip():
            line = self._lines[self._number]
            match = _PROPERTY.fullmatch(line.removeprefix(indent))
            if not line.startswith(indent) or match is None:
                raise self._unreadable()
            self._number += 1
            value = match["value"]
            found[match["key"]] = value or "\n".join(self._long_value(indent + _STEP))
        return found

    def _long_value(self, indent: str) -> Iterator[str]:
        while self._number < len(self._lines):
            line = self._lines[self._number].removeprefix(indent)
            if line.startswith("|"):
                yield line.removeprefix("|").removeprefix(" ")
            elif line.startswith('= "'):
                yield self._decoded(line[2:])
            else:
                return
            self._number += 1

    def _decoded(self, value: str) -> str:
        try:
            decoded = json.loads(value)
        except ValueError:
            raise self._unreadable() from None
        if not isinstance(decoded, str):
            raise self._unreadable()
        return decoded

    def _unreadable(self) -> UsageError:
        line = self._lines[self._number]
        return UsageError(
            f"{self._path} cannot be read as a snapshot",
            location=Location(path=self._path, line=self._number + 1, source_line=line),
            hint=f"write it anew with `banister snapshot --output {self._path}`",
        )
