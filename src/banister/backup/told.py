"""Values out of JSON that somebody may have changed: of the kind that they have to be, or an error.

What is wrong is told in a ValueError, TypeError or KeyError, in words for people. No I/O.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

__all__ = ["a_count", "a_list", "a_time", "a_value", "one_of", "texts", "wrong"]

_Word = TypeVar("_Word", bound=StrEnum)

#: What a value has to be, in the words of JSON.
_KINDS = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def wrong(error: Exception) -> str:
    """Return what is wrong, for people."""
    return f'it has no "{error.args[0]}"' if isinstance(error, KeyError) else str(error)


def a_time(told: Mapping[str, Any], key: str) -> datetime:
    """Return a time that has a zone."""
    text = a_value(told, key, str)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'its "{key}" is no time') from error
    if time.tzinfo is None:
        raise ValueError(f'its "{key}" has no time zone')
    return time


def a_list(told: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of texts."""
    names = a_value(told, key, list)
    if any(type(name) is not str for name in names):
        raise ValueError(f'its "{key}" is no list of names')
    return tuple(names)


def texts(told: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return an object whose values are texts."""
    found = a_value(told, key, dict)
    return {name: a_value(found, name, str) for name in found}


def a_count(told: Mapping[str, Any], key: str) -> int:
    """Return a whole number that is not below 0."""
    number: int = a_value(told, key, int)
    if number < 0:
        raise ValueError(f'its "{key}" is less than nothing')
    return number


def one_of(told: Mapping[str, Any], key: str, kind: type[_Word]) -> _Word:
    """Return one of the words of an enumeration."""
    word = a_value(told, key, str)
    if word not in list(kind):
        raise ValueError(f'its "{key}" is none of {", ".join(kind)}')
    return kind(word)


def a_value(told: Mapping[str, Any], key: str, kind: type, *, empty: bool = False) -> Any:
    """Return a value of that kind; `empty`: or null."""
    value = told[key]
    if (empty and value is None) or type(value) is kind:
        return cast("Any", value)
    raise TypeError(f'its "{key}" is not {_KINDS[kind]}')
