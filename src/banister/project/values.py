"""Reading what is written for a setting: from TOML, from code, from the environment."""

import os
import re
import shlex
from collections.abc import Iterable
from difflib import get_close_matches

from banister.project.keys import Key, Kind

__all__ = ["BadValue", "read_text", "read_value"]

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?P<amount>[0-9]+(?:\.[0-9]+)?) *(?P<unit>[a-z]*)")
#: PostgreSQL keeps timeouts in an int of milliseconds.
_LONGEST = (2**31 - 1) / 1000
_SHORTEST = 0.001
_DURATION_HINT = 'write it with its unit: "500ms", "5s", "2min" or "1h"'
_DIGITS = 20
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_DEMO = frozenset({"demo"})


class BadValue(Exception):
    """A value that a setting does not take; the text says why."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def read_value(key: Key, value: object) -> object:
    """Return what a TOML value, or one given in code, means for `key`.

    Durations become seconds, lists become frozen sets. Raises BadValue, which never repeats the
    value of a URL.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if key.kind is Kind.FLAG and isinstance(value, bool):
        return value
    match key.kind, value:
        case Kind.NUMBER, int() | str() if not isinstance(value, bool):
            return _number(key, value)
        case Kind.TAGS_OR_FLAG, bool():
            return _DEMO if value else frozenset()
        case Kind.NAMES | Kind.TAGS_OR_FLAG | Kind.ARGUMENTS, list() | tuple() | frozenset():
            return _arguments(key, value) if key.kind is Kind.ARGUMENTS else _names(key, value)
        case Kind.DURATION, str():
            return _seconds(key, value)
        case Kind.DURATION, int() | float() if not isinstance(value, bool):
            raise BadValue(f"{key.name} = {value} has no unit", hint=_DURATION_HINT)
        case Kind.TEXT | Kind.URL, str():
            return _text(key, value)
        case Kind.WORD, str():
            return _word(key, value)
    hint = _DURATION_HINT if key.kind is Kind.DURATION else None
    raise BadValue(f"{key.name} takes {key.kind}, not {_kind_of(value)}", hint=hint)


def read_text(key: Key, text: str) -> object:
    """Return what the text of an environment variable means for `key`, as `read_value` does.

    Lists are separated by commas, arguments as a shell has them; true, false, 1 and 0 are flags.
    """
    flag = _FLAGS.get(text.strip().lower())
    match key.kind:
        case Kind.FLAG:
            if flag is None:
                raise BadValue(f'{key.name} takes true or false, not "{text}"')
            return flag
        case Kind.TAGS_OR_FLAG if flag is not None:
            return read_value(key, flag)
        case Kind.NAMES | Kind.TAGS_OR_FLAG:
            return _names(key, [name.strip() for name in text.split(",") if name.strip()])
        case Kind.ARGUMENTS:
            return _arguments(key, _words(key, text))
        case _:
            return read_value(key, text)


def _number(key: Key, value: int | str) -> int:
    least, most = key.bounds
    if isinstance(value, str):
        digits = value.strip()
        if not re.fullmatch(r"[+-]?[0-9]+", digits):
            raise BadValue(f'{key.name} = "{value}" is no whole number')
        # More digits than any bound has; Python itself refuses some thousands.
        number = int(digits) if len(digits) < _DIGITS else most + 1
    else:
        number = value
    if number < least:
        raise BadValue(f"{key.name} cannot be less than {least}")
    if number > most:
        raise BadValue(f"{key.name} cannot be more than {most}")
    return number


def _seconds(key: Key, value: str) -> float:
    match = _DURATION.fullmatch(value.strip())
    if match is None or (match["unit"] and match["unit"] not in _SECONDS):
        raise BadValue(f'{key.name} = "{value}" is not a duration', hint=_DURATION_HINT)
    if not match["unit"]:
        raise BadValue(f'{key.name} = "{value}" has no unit', hint=_DURATION_HINT)
    seconds = float(match["amount"]) * _SECONDS[match["unit"]]
    if seconds > _LONGEST:
        raise BadValue(f'{key.name} = "{value}" is longer than PostgreSQL can count (24 days)')
    if 0 < seconds < _SHORTEST:
        raise BadValue(f'{key.name} = "{value}" is shorter than a millisecond')
    if key.above_zero and seconds < _SHORTEST:
        raise BadValue(
            f"{key.name} cannot be 0: the application could then wait without end",
            hint=_DURATION_HINT,
        )
    return seconds


def _text(key: Key, value: str) -> str:
    if not value.strip():
        raise BadValue(f"{key.name} is empty")
    if "\0" in value:
        raise BadValue(f"{key.name} holds a NUL character")
    if key.max_bytes is not None and len(value.encode(errors="replace")) > key.max_bytes:
        raise BadValue(
            f"{key.name} is longer than {key.max_bytes} bytes, and PostgreSQL would cut it"
        )
    return value


def _word(key: Key, value: str) -> str:
    if value not in key.words:
        near = get_close_matches(value, key.words, n=1)
        raise BadValue(
            f'{key.name} cannot be "{value}"',
            hint=f'did you mean "{near[0]}"?' if near else "it takes " + ", ".join(key.words),
        )
    return value


def _names(key: Key, values: Iterable[object]) -> frozenset[str]:
    names = set()
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise BadValue(f"{key.name} takes {key.kind}, each in quotes and not empty")
        names.add(value.strip())
    return frozenset(names)


def _words(key: Key, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadValue(f"{key.name} ends in the middle of an argument") from error


def _arguments(key: Key, values: Iterable[object]) -> tuple[str, ...]:
    arguments = tuple(values)
    for value in arguments:
        if not isinstance(value, str) or "\0" in value:
            raise BadValue(f"{key.name} takes {key.kind}, each in quotes")
    return tuple(str(value) for value in arguments)


def _kind_of(value: object) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "text"),
        ((list, tuple, set, frozenset), "a list"),
        (dict, "a table"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "a date or time")
