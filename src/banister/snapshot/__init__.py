"""A schema as comparable data: its nouns, its text, its differences. Pure: no I/O."""

from banister.snapshot.compare import Change, Difference, Weight, compare
from banister.snapshot.ignoring import fingerprint_without, without
from banister.snapshot.kinds import ObjectKind
from banister.snapshot.nouns import CatalogObject, ObjectIdentity, Snapshot, printable
from banister.snapshot.text import fingerprint, parse, render

__all__ = [
    "CatalogObject",
    "Change",
    "Difference",
    "ObjectIdentity",
    "ObjectKind",
    "Snapshot",
    "Weight",
    "compare",
    "fingerprint",
    "fingerprint_without",
    "parse",
    "printable",
    "render",
    "without",
]
