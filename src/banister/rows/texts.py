"""Candidates for values, from what the conditions of a table name. No I/O."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from banister.rows.shapes import ColumnShape

__all__ = ["Named", "named_in", "numbers", "texts"]

_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_COUNT = re.compile(r"\d+")
#: No text is made longer than this, whatever a condition asks for.
_LONGEST = 4000
#: Shapes that conditions on texts often ask for.
_SHAPES = (
    "abc", "def", "ghi", "ABC", "DEF", "GHI", "a", "A", "AB", "12345", "1", "ab12", "A1", "a_b",
    "a-b", "a.b", "AA-123", "a@example.org", "b@example.org", "c@example.org",
    "https://example.org/a", "+491701234567", "#a1b2c3", "2024-01-01", "1.2.3",
    "00000000-0000-4000-8000-000000000001", "192.0.2.1", "de", "EUR", "12:34", "{}", "[]",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What conditions name: texts and numbers."""

    strings: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    #: Whole numbers, those inside of texts too, such as the count in a pattern.
    counts: tuple[int, ...] = ()


def named_in(conditions: Iterable[str]) -> Named:
    """Return the texts and numbers in conditions, in their order."""
    strings: dict[str, None] = {}
    found: dict[float, None] = {}
    counts: dict[int, None] = {}
    for condition in conditions:
        strings |= dict.fromkeys(
            match[1].replace("''", "'") for match in _STRING.finditer(condition)
        )
        rest = _STRING.sub(" ", condition)
        found |= dict.fromkeys(float(match[0]) for match in _NUMBER.finditer(rest))
        # What a cast or a server has put into quotes is a number all the same.
        found |= {float(text): None for text in strings if _NUMBER.fullmatch(text)}
        counts |= dict.fromkeys(
            int(match[0]) for match in _COUNT.finditer(condition) if len(match[0]) < 5
        )
    return Named(strings=tuple(strings), numbers=tuple(found), counts=tuple(counts))


def numbers(named: Named, *, first: Iterable[float]) -> Iterator[float]:
    """Yield numbers: those of `first`, then those that conditions name and those beside them."""
    seen: set[float] = set()
    near = (number + step for number in named.numbers for step in (0, 1, -1, 0.5, -0.5))
    for number in (*first, *near, 1, 2, 3, 0, 0.5, 50, 100, -1, 1000, 2024):
        if number not in seen:
            seen.add(number)
            yield number


def texts(
    column: ColumnShape, named: Named, *, longest: int | None, checked: bool
) -> Iterator[str]:
    """Yield texts for a column that takes `longest` characters; None: any number.

    The first three differ from each other. Where no condition is about the column, there are no
    more than those.
    """
    # What is called so holds a moment, also where its type says text.
    moment = column.name.lower().endswith(("_at", "_on", "date", "time"))
    counted = [column.taken + n for n in (1, 2, 3)]
    own = [f"20{23 + n % 70}-01-01 10:00:00" if moment else f"{column.name} {n}" for n in counted]
    if longest is not None and any(len(text) > longest for text in own):
        own = [f"{n:x}" for n in counted] if column.taken else [*"abc"]
    shaped = [
        letter * count for count in named.counts if count <= _LONGEST for letter in ("a", "A", "1")
    ]
    longer = [letter * (count + 1) for count in named.counts if count < _LONGEST for letter in "a"]
    patterns = [text.replace("%", "a").replace("_", "a") for text in named.strings]
    more = (*named.strings, *patterns, *_SHAPES, *shaped, *longer) if checked else ()
    for text in dict.fromkeys((*own, *more)):
        if longest is None or len(text) <= longest:
            yield text
