"""What of a schema is passed over because patterns say so, and fingerprints of the rest. No I/O."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from banister.snapshot.kinds import ObjectKind
from banister.snapshot.nouns import CatalogObject, ObjectIdentity, Snapshot
from banister.snapshot.text import fingerprint

__all__ = ["fingerprint_without", "without"]

_SCHEMA = f"{ObjectKind.SCHEMA} "
#: The schema in front of a name: quoted, or a plain word.
_IN_FRONT = re.compile(r'(?:"((?:[^"]|"")+)"|([^\W\d]\w*))\.')
#: The schema that default privileges are for.
_DEFAULTS_IN = re.compile(r' in ("(?:[^"]|"")+"|[^\s"]+) on ')
_GRANTS = "grants"
#: What stands in no schema.
_OUTSIDE = frozenset({
    ObjectKind.SCHEMA, ObjectKind.EXTENSION, ObjectKind.LANGUAGE, ObjectKind.ACCESS_METHOD,
    ObjectKind.FOREIGN_DATA_WRAPPER, ObjectKind.SERVER, ObjectKind.USER_MAPPING, ObjectKind.CAST,
    ObjectKind.TRANSFORM, ObjectKind.PUBLICATION, ObjectKind.SUBSCRIPTION,
    ObjectKind.EVENT_TRIGGER, ObjectKind.DEFAULT_PRIVILEGES, ObjectKind.PRIVILEGES,
})  # fmt: skip


def without(snapshot: Snapshot, patterns: Collection[str]) -> Snapshot:
    """Return the snapshot without what the patterns name, and without the parts of that.

    A pattern is a kind and a name, such as `table audit_*`; `*`, `?` and `[…]` stand for what they
    stand for in file names. Quotes do not count, and a name in schema public may be written with or
    without it. `schema monitoring` stands for all that is in that schema too; `grants on schema
    monitoring` for the privileges on that one object alone.
    """
    if not patterns:
        return snapshot
    plain = frozenset(_unquoted(pattern) for pattern in patterns)
    wholes = snapshot.wholes()
    objects = {
        identity: _without_grants(thing, plain)
        for identity, thing in snapshot.objects.items()
        if not _is_named(identity, wholes, plain)
    }
    return Snapshot(
        server=snapshot.server,
        objects=objects,
        column_order={
            name: order
            for name, order in snapshot.column_order.items()
            if ObjectIdentity(wholes.get(name, ObjectKind.TABLE), name) in objects
        },
    )


def _without_grants(thing: CatalogObject, patterns: frozenset[str]) -> CatalogObject:
    if _GRANTS not in thing.properties:
        return thing
    spelled = {
        f"{_GRANTS} on {each}"
        for each in _spellings(thing.identity)
        if thing.identity.kind is ObjectKind.SCHEMA or not each.startswith(_SCHEMA)
    }
    if not any(fnmatchcase(each, pattern) for each in spelled for pattern in patterns):
        return thing
    left = {name: value for name, value in thing.properties.items() if name != _GRANTS}
    return replace(thing, properties=left)


def fingerprint_without(
    snapshot: Snapshot, patterns: Collection[str], tool_version: str
) -> tuple[str, str]:
    """Return a fingerprint of what the patterns leave, and for people how it was taken.

    Two fingerprints can be compared where they were taken in the same way: of the same major
    version, by the same version of Banister, without the same patterns. The patterns are part of
    the fingerprint.
    """
    told = json.dumps(sorted(patterns))
    left = fingerprint(without(snapshot, patterns))
    basis = f"{snapshot.server}, banister {tool_version}"
    if patterns:
        basis += f", ignoring {told}"
    return hashlib.sha256(f"{told}\n{left}".encode()).hexdigest(), basis


def _is_named(
    identity: ObjectIdentity, wholes: Mapping[str, ObjectKind], patterns: frozenset[str]
) -> bool:
    spellings = {*_spellings(identity)}
    if identity.of is not None:
        spellings |= {*_spellings(ObjectIdentity(wholes[identity.of], identity.of))}
    return any(
        spelling == pattern or fnmatchcase(spelling, pattern)
        for spelling in spellings
        for pattern in patterns
    )


def _spellings(identity: ObjectIdentity) -> Iterator[str]:
    """Yield what a pattern may say of an object."""
    kind, name, of = identity
    yield _unquoted(str(identity))
    yield _unquoted(f"{kind} {name}")
    if kind is ObjectKind.DEFAULT_PRIVILEGES and (inside := _DEFAULTS_IN.search(name)):
        yield _SCHEMA + _unquoted(inside[1])
    if of is not None or kind in _OUTSIDE:
        return
    found = _IN_FRONT.match(name)
    if found is None:
        yield f"{kind} public.{_unquoted(name)}"
        yield f"{_SCHEMA}public"
    else:
        yield _SCHEMA + (found[2] or found[1].replace('""', '"'))


def _unquoted(name: str) -> str:
    return name.replace('"', "")
