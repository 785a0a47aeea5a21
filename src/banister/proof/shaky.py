"""What two right runs of the same ups differ in, such as a now() that a view froze. No I/O."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from banister.snapshot import Change, Difference

__all__ = ["Shaky"]

#: A literal, a word or number, or any other letter.
_TOKEN = re.compile(r"'(?:[^']|'')*'|\w+|\s+|.", re.DOTALL)
#: Digits that may come from a clock or a chance, in a name.
_DIGITS = re.compile(r"\d{4,}")
_YEAR = re.compile(r"'?(\d{4})-\d\d")

_About = tuple[object, str]
#: The kind, the name without such digits, and that of what it is a part of.
_Name = tuple[str, str, str | None]


@dataclass(frozen=True, kw_only=True)
class Shaky:
    """What may differ without being a difference."""

    #: Of properties the values that right runs gave them, in pairs.
    values: Mapping[_About, frozenset[tuple[str | None, str | None]]] = field(default_factory=dict)
    #: Objects whose names right runs made up.
    names: frozenset[_Name] = frozenset()

    @classmethod
    def between(cls, differences: Iterable[Difference]) -> "Shaky":
        """Return what two right runs differ in."""
        values: dict[_About, frozenset[tuple[str | None, str | None]]] = {}
        names: set[_Name] = set()
        for each in differences:
            if each.property is None:
                names.add(_blanked(each))
            else:
                values[each.identity, each.property] = frozenset({(each.before, each.after)})
        return cls(values=values, names=frozenset(names))

    def joined(self, *others: "Shaky") -> "Shaky":
        """Return what any of them allows."""
        values: dict[_About, frozenset[tuple[str | None, str | None]]] = {}
        for each in (self, *others):
            for about, pairs in each.values.items():
                values[about] = values.get(about, frozenset()) | pairs
        names = self.names.union(*(other.names for other in others))
        return Shaky(values=values, names=names)

    def others(self, differences: Iterable[Difference]) -> tuple[Difference, ...]:
        """Return the differences that two right runs would not have.

        A value may differ where theirs do, and must be as theirs everywhere else. One object with a
        name that was made up may stand for another, one for one.
        """
        found = tuple(differences)
        counts = Counter((_blanked(each), each.change) for each in found if each.property is None)
        return tuple(each for each in found if not self._allows(each, counts))

    def _allows(self, each: Difference, counts: Counter[tuple[_Name, Change]]) -> bool:
        if each.property is None:
            name = _blanked(each)
            missing, more = counts[name, Change.MISSING], counts[name, Change.UNEXPECTED]
            return name in self.names and missing == more
        pairs = self.values.get((each.identity, each.property), frozenset())
        return any(_is_like(pair, (each.before, each.after)) for pair in pairs)


def _blanked(each: Difference) -> _Name:
    kind, name, of = each.identity
    return str(kind), _DIGITS.sub("0", name), None if of is None else _DIGITS.sub("0", of)


def _is_like(right: tuple[str | None, str | None], found: tuple[str | None, str | None]) -> bool:
    """Whether values differ nowhere but where two right ones do."""
    if None in right or None in found:
        return {*right} == {*found}
    one, two, three, four = (_TOKEN.findall(text or "") for text in (*right, *found))
    if len({len(one), len(two), len(three), len(four)}) > 1:
        return False
    return all(
        {c, d} <= {a} if a == b else all(_same_era(a, each) for each in (c, d))
        for a, b, c, d in zip(one, two, three, four, strict=True)
    )


def _same_era(right: str, found: str) -> bool:
    """Whether two moments are of the same year, where it is moments that they are."""
    year = _YEAR.match(right)
    other = _YEAR.match(found)
    return year is None or (other is not None and year[1] == other[1])
