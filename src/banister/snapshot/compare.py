"""What differs between two snapshots, in words. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from banister.snapshot.nouns import CatalogObject, ObjectIdentity, Snapshot, in_order
from banister.snapshot.wording import same_wording

__all__ = ["Change", "Difference", "Weight", "compare"]

#: A longer value is not shown in words.
_SHOWN = 160
#: Of these it is not shown either where it has several lines.
_TEXTS = frozenset({"body", "definition", "comment"})
#: What another major version of the server says on its own.
_OF_THE_SERVER = frozenset({"not null constraint", "version"})


class Change(StrEnum):
    """In which way an object is not what was expected."""

    MISSING = "missing"
    UNEXPECTED = "not expected"
    CHANGED = "changed"


class Weight(StrEnum):
    """How much a difference matters."""

    REAL = "real"
    #: The columns of a table stand in another order.
    ORDER = "order only"
    #: White space or comments in the body of a function, or a default that is spelled out.
    WORDING = "wording only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as expected."""

    identity: ObjectIdentity
    change: Change
    #: Which property of it changed; None: it is missing, or not expected.
    property: str | None = None
    #: What was expected, and what was found; None: nothing was said.
    before: str | None = None
    after: str | None = None
    weight: Weight = Weight.REAL

    def __str__(self) -> str:
        """Return it in words, on one line."""
        if self.property is None:
            return f"{self.identity}: {self.change}"
        note = "" if self.weight is Weight.REAL else f" ({self.weight})"
        before, after = _shown(self.before, self.after), _shown(self.after, self.before)
        lines = f"{self.before}{self.after}".count("\n")
        if len(before) + len(after) > _SHOWN or (lines and self.property in _TEXTS):
            return f"{self.identity}: {self.property} changed{note}"
        return f"{self.identity}: {self.property} {before} → {after}{note}"


def _shown(value: str | None, other: str | None) -> str:
    """Return a value on one line; what is left out is the opposite of a yes or a no."""
    if value is not None:
        return value.replace("\n", "; ")
    return {"yes": "no", "no": "yes"}.get(other or "", "none")


def compare(expected: Snapshot, found: Snapshot) -> tuple[Difference, ...]:
    """Return everything in which `found` is not `expected`, in the order of the text.

    The parts of a table that is missing, or not expected, are not told one by one. Where the
    majors of the servers differ, what only one of them says by itself is no difference.
    """
    return tuple(_differences(expected, found))


def _differences(expected: Snapshot, found: Snapshot) -> Iterator[Difference]:
    silent = _OF_THE_SERVER if expected.server != found.server else frozenset[str]()
    owners, others = expected.wholes(), found.wholes()
    for identity in in_order({**expected.objects, **found.objects}, {**others, **owners}):
        name = identity.name if identity.of is None else identity.of
        if identity.of is not None and owners.get(name) != others.get(name):
            continue
        before, after = expected.objects.get(identity), found.objects.get(identity)
        if before is None or after is None:
            change = Change.MISSING if after is None else Change.UNEXPECTED
            yield Difference(identity=identity, change=change)
            continue
        yield from _changes(before, after, silent)
        if owners.get(identity.name) == identity.kind:
            yield from _order(
                identity,
                expected.column_order.get(identity.name, ()),
                found.column_order.get(identity.name, ()),
            )


def _changes(
    before: CatalogObject, after: CatalogObject, silent: frozenset[str]
) -> Iterator[Difference]:
    if before.properties == after.properties:
        return
    for key in {**before.properties, **after.properties}:
        old, new = before.properties.get(key), after.properties.get(key)
        if old == new or key in silent:
            continue
        yield Difference(
            identity=before.identity,
            change=Change.CHANGED,
            property=key,
            before=old,
            after=new,
            weight=Weight.WORDING if same_wording(before, after, key) else Weight.REAL,
        )


def _order(
    identity: ObjectIdentity, before: tuple[str, ...], after: tuple[str, ...]
) -> Iterator[Difference]:
    """Compare the order of the columns that both have; those that only one has are told anyway."""
    both = {*before} & {*after}
    old = [name for name in before if name in both]
    new = [name for name in after if name in both]
    if old != new:
        yield Difference(
            identity=identity,
            change=Change.CHANGED,
            property="column order",
            before=", ".join(old),
            after=", ".join(new),
            weight=Weight.ORDER,
        )
