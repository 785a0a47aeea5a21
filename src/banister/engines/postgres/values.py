"""Candidates for the values of a column, by its PostgreSQL type. No I/O."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from banister.rows import ColumnShape, Named, numbers, texts

__all__ = ["candidates"]

#: Type name and modifiers, as format_type writes them.
_TYPE = re.compile(
    r"(?P<name>[^()\[\]]+?)(?:\((?P<modifiers>[\d,]+)\)(?P<rest>[^\[]*))?(?P<array>(\[\])*)"
)
_DATE = re.compile(r"-?\d{4,6}-\d\d-\d\d")
_MOST = 60

#: The largest whole number that a column takes.
_WHOLE = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1, "oid": 2**31 - 1}
_TEXTS = frozenset({"text", "character varying", "character", "name", '"char"', "citext", "bpchar"})
_FIXED: dict[str, tuple[str, ...]] = {
    "boolean": ("true", "false"),
    "json": ('{"a": 1}', '{"a": 2}', '{"a": 3}', "{}", "[]", '"a"', "1"),
    "jsonb": ('{"a": 1}', '{"a": 2}', '{"a": 3}', "{}", "[]", '"a"', "1"),
    "bytea": (r"\x01", r"\x02", r"\x03", r"\x"),
    "inet": ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.0/24"),
    "cidr": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    "macaddr": ("08:00:2b:01:02:01", "08:00:2b:01:02:02", "08:00:2b:01:02:03"),
    "macaddr8": ("08:00:2b:01:02:03:04:01", "08:00:2b:01:02:03:04:02"),
    "interval": ("1 day", "2 days", "3 days", "1 hour", "0", "1 month", "1 year"),
    "tsvector": ("one", "two", "three"),
    "tsquery": ("one", "two", "three"),
    "xml": ("<a>1</a>", "<a>2</a>", "<a>3</a>"),
    "point": ("(1,1)", "(2,2)", "(3,3)"),
    "line": ("{1,2,1}", "{1,2,2}", "{1,2,3}"),
    "lseg": ("[(0,0),(1,1)]", "[(0,0),(2,2)]"),
    "box": ("(1,1),(0,0)", "(2,2),(0,0)", "(3,3),(0,0)"),
    "path": ("((0,0),(1,1))", "((0,0),(2,2))"),
    "polygon": ("((0,0),(1,1),(1,0))", "((0,0),(2,2),(2,0))"),
    "circle": ("<(0,0),1>", "<(0,0),2>", "<(0,0),3>"),
    "pg_lsn": ("0/1", "0/2", "0/3"),
    "hstore": ("a=>1", "a=>2", "a=>3"),
    "ltree": ("a", "b", "a.b"),
    "jsonpath": ("$.a", "$.b"),
    "regclass": ("pg_catalog.pg_class", "pg_catalog.pg_type"),
    "regtype": ("integer", "text"),
    "geometry": ("POINT(1 1)", "POINT(2 2)", "POINT(3 3)"),
    "geography": ("POINT(1 1)", "POINT(2 2)", "POINT(3 3)"),
    "int4range": ("[1,5)", "[5,9)", "[9,12)"),
    "int8range": ("[1,5)", "[5,9)", "[9,12)"),
    "numrange": ("[1,5)", "[5,9)", "[9,12)"),
    "daterange": ("[2024-01-01,2024-01-05)", "[2024-02-01,2024-02-05)", "[2024-03-01,2024-03-05)"),
    "tsrange": ("[2024-01-01,2024-01-05)", "[2024-02-01,2024-02-05)", "[2024-03-01,2024-03-05)"),
    "tstzrange": ("[2024-01-01,2024-01-05)", "[2024-02-01,2024-02-05)", "[2024-03-01,2024-03-05)"),
}  # fmt: skip


def candidates(column: ColumnShape, named: Named, *, checked: bool) -> tuple[str | None, ...]:
    """Return values that the column's type takes, the best first, NULL last where it may be.

    `checked` says whether a condition is about the column; `named` is what conditions name.
    """
    values = list(dict.fromkeys(_values(column, named, checked=checked)))[:_MOST]
    return (*values, *((None,) if column.nullable else ()))


def _values(column: ColumnShape, named: Named, *, checked: bool) -> Iterator[str]:
    if column.labels:
        yield from column.labels
        return
    match = _TYPE.fullmatch(column.base)
    if match is None:
        return
    name = match["name"] + (match["rest"] or "")
    name = name.rpartition(".")[2] if '"' not in name else name
    if match["array"]:
        yield from (
            "{" + _quoted(value) + "}"
            for value in _of_type(column, name, match, named, checked=checked)
        )
        yield "{}"
        return
    yield from _of_type(column, name, match, named, checked=checked)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _of_type(
    column: ColumnShape, name: str, match: re.Match[str], named: Named, *, checked: bool
) -> Iterator[str]:
    modifiers = [int(number) for number in (match["modifiers"] or "").split(",") if number]
    if name in _WHOLE:
        yield from _whole(_WHOLE[name], named, column)
    elif name == "numeric":
        yield from _exact(modifiers, named)
    elif name in {"real", "double precision", "money"}:
        yield from map(_plain, numbers(named, first=(7.5, 8.5, 9.5)))
    elif name in _TEXTS:
        longest = _longest(name, modifiers)
        yield from texts(column, named, longest=longest, checked=checked)
    elif name == "date" or name.startswith(("timestamp", "time ")) or name == "time":
        yield from _moments(name, named, column)
    else:
        yield from _of_others(column, name, modifiers)


def _longest(name: str, modifiers: list[int]) -> int | None:
    """Return how many characters a text may have; None: any number."""
    if modifiers:
        return modifiers[0]
    return {'"char"': 1, "name": 63, "character": 1}.get(name)


def _of_others(column: ColumnShape, name: str, modifiers: list[int]) -> Iterator[str]:
    if name == "uuid":
        yield from (f"00000000-0000-4000-8000-{column.taken + n:012x}" for n in (1, 2, 3))
    elif name in {"bit", "bit varying"}:
        size = modifiers[0] if modifiers else 1
        yield from ("1".rjust(size, "0"), "0" * size)
    elif name == "vector" and modifiers:
        yield from ("[" + ",".join([digit] * modifiers[0]) + "]" for digit in "123")
    elif name.endswith("multirange"):
        yield "{}"
    else:
        yield from _FIXED.get(name, ())


def _whole(largest: int, named: Named, column: ColumnShape) -> Iterator[str]:
    # Rows of migrations have small numbers as keys; others may be counted up and multiplied.
    top = min(largest, 10**15) // 10 * 9 + column.taken
    first = (top + 1, top + 2, top + 3) if column.in_key else (7, 8, 9)
    for number in numbers(named, first=first):
        if float(number).is_integer() and abs(number) <= largest:
            yield str(int(number))


def _exact(modifiers: list[int], named: Named) -> Iterator[str]:
    precision, scale = (*modifiers, 0, 0)[:2] if modifiers else (1000, 10)
    bound = 10.0 ** min(precision - scale, 300)
    for number in numbers(named, first=(7.5, 8.5, 9.5) if scale else (7, 8, 9)):
        if abs(round(number, scale)) < bound:
            yield _plain(number)


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _moments(name: str, named: Named, column: ColumnShape) -> Iterator[str]:
    if name.startswith("time") and not name.startswith("timestamp"):
        yield from ("01:00:00", "02:00:00", "03:00:00")
        return
    first = date(2024, 1, 1) + timedelta(days=column.taken)
    days = [(first + timedelta(days=n)).isoformat() for n in (0, 1, 2)]
    own = (*days, "2099-12-31", "1999-12-31")
    named_here = (text for text in named.strings if _DATE.match(text))
    clock: Callable[[str], str] = (
        (lambda day: day) if name == "date" else (lambda day: f"{day} 10:00:00+00")
    )
    yield from map(clock, own)
    yield from named_here
