"""What a schema is, as data that can be compared: objects by identity, and the order of columns.

No I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from banister.snapshot.kinds import ObjectKind

__all__ = ["CatalogObject", "ObjectIdentity", "Snapshot", "in_order", "printable"]

#: Relations and domains have parts. No two of them have one name in one schema.
_WITH_PARTS = frozenset({
    ObjectKind.DOMAIN, ObjectKind.TABLE, ObjectKind.FOREIGN_TABLE, ObjectKind.VIRTUAL_TABLE,
    ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW,
})  # fmt: skip
_RANK = {kind: rank for rank, kind in enumerate(ObjectKind)}


def printable(name: str) -> str:
    """Return a quoted name so that it fits on a line, with PostgreSQL's escapes where it must be.

    https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS-UESCAPE
    """
    if name.isprintable():
        return name
    escaped = name.replace("\\", "\\\\")
    return "U&" + "".join(
        letter if letter.isprintable() else f"\\+{ord(letter):06X}" for letter in escaped
    )


class ObjectIdentity(NamedTuple):
    """What an object is known by; a plain tuple, since a schema has very many of them."""

    kind: ObjectKind
    #: As people write it in SQL, on one line: quoted where it must be, without the schema where
    #: that is public.
    name: str
    #: The name of what it is a part of, such as the table of a column; None: of nothing.
    of: str | None = None

    def __str__(self) -> str:
        """Return it as people say it: `column users.email`, `trigger audit on users`."""
        if self.of is None or self.kind is ObjectKind.INDEX or self.kind is ObjectKind.STATISTICS:
            return f"{self.kind} {self.name}"
        if self.kind is ObjectKind.COLUMN:
            return f"{self.kind} {self.of}.{self.name}"
        return f"{self.kind} {self.name} on {self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogObject:
    """One object of a schema."""

    identity: ObjectIdentity
    #: What is said of it, in a fixed order; what goes without saying is left out.
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The whole schema of a database at one moment, without Banister's own tables."""

    #: Engine and major version, such as "PostgreSQL 18": texts may differ between two of them.
    server: str
    objects: Mapping[ObjectIdentity, CatalogObject]
    #: The columns of every table in their order, by the table's name: kept apart from the columns,
    #: since DROP and ADD COLUMN change nothing else.
    column_order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def wholes(self) -> dict[str, ObjectKind]:
        """Return what can have parts, by name."""
        return {
            identity.name: identity.kind
            for identity in self.objects
            if identity.of is None and identity.kind in _WITH_PARTS
        }

    def in_order(self) -> list[ObjectIdentity]:
        """Return what there is in the order in which it is told."""
        return in_order(self.objects, self.wholes())


def in_order(
    identities: Iterable[ObjectIdentity], wholes: Mapping[str, ObjectKind]
) -> list[ObjectIdentity]:
    """Return identities in the order in which they are told: by kind and name, parts behind theirs.

    `wholes` says of what kind the things are that have parts.
    """

    def place(identity: ObjectIdentity) -> tuple[int, str, int, str]:
        kind, name, of = identity
        if of is None:
            return _RANK[kind], name, -1, ""
        return _RANK[wholes[of]], of, _RANK[kind], name

    return sorted(identities, key=place)
