"""The keys a directive line may hold, as rows: what each takes, and what it means. No I/O."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Self

from banister.model import Directives

__all__ = ["KEYS", "Item", "Key", "Refused", "merge"]

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|min)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}
#: The server keeps lock_timeout as milliseconds in 31 bits.
_LONGEST_SECONDS = 2_147_483.0
_NAME = re.compile(r"[^\W\d][\w.-]*")


class Refused(Exception):
    """A value that a key does not take."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One `key`, `key=value` or `accept=RULE reason="…"` as written."""

    key: str
    #: Without quotes; None where there is no `=`.
    value: str | None
    #: Offset of the key in the file's text.
    offset: int
    #: Offset of the value, or of the key where there is no value.
    value_offset: int
    #: For accept: why.
    reason: str | None = None

    def because(self, reason: str) -> Self:
        """Return the item with its reason."""
        return replace(self, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a key takes."""

    #: Raises Refused for a value that the key does not take.
    check: Callable[[Item], object]
    #: It speaks of the migration, not of one direction.
    up_only: bool = False


def _switch(item: Item) -> bool:
    value = item.value or ""
    if value in {"on", "off"}:
        return value == "on"
    near = get_close_matches(value.lower(), ["on", "off"], n=1, cutoff=0.5)
    raise Refused(
        f'`{item.key}` is "on" or "off", not "{value}"',
        f'did you mean "{near[0]}"?' if near else f"write {item.key}=off or {item.key}=on",
    )


def _flag(item: Item) -> bool:
    if item.value is not None:
        raise Refused(f"`{item.key}` takes no value", f"write `{item.key}` alone")
    return True


def _name(item: Item) -> str:
    value = item.value or ""
    if not _NAME.fullmatch(value):
        raise Refused(
            f'`{item.key}` needs a name, not "{value}"',
            f"write {item.key}=NAME, of letters, digits, `_`, `-` and `.`",
        )
    return value


def _names(item: Item) -> frozenset[str]:
    names = [name.strip() for name in (item.value or "").split(",")]
    bad = next((name for name in names if not _NAME.fullmatch(name)), None)
    if bad is not None:
        raise Refused(
            f'`{item.key}` needs names, and "{bad}" is none',
            f"write {item.key}=demo or {item.key}=demo,dev",
        )
    return frozenset(names)


def _objects(item: Item) -> tuple[str, ...]:
    kept = tuple(" ".join(name.split()) for name in (item.value or "").split(","))
    if not all(" " in name for name in kept):
        raise Refused(
            f"`{item.key}` names what stays by its kind and name", 'write keep="extension citext"'
        )
    return kept


def _duration(item: Item) -> float:
    value = item.value or ""
    match = _DURATION.fullmatch(value)
    if match is None:
        unit = (
            f"write {item.key}={value}s or {item.key}={value}ms"
            if value.isdigit()
            else f"write a number with ms, s or min, for example {item.key}=5s"
        )
        raise Refused(f'`{item.key}` needs a time with its unit, not "{value}"', unit)
    seconds = float(match["number"]) * _SECONDS[match["unit"]]
    if not 0.001 <= seconds <= _LONGEST_SECONDS:
        raise Refused(
            f"`{item.key}` of {value} is no bound: the server takes 1 ms to 24 days",
            f"write for example {item.key}=5s",
        )
    return seconds


def _accepted(item: Item) -> tuple[str, str]:
    rule = _name(item)
    if not item.reason or not item.reason.strip():
        raise Refused(
            f'`accept={rule}` needs a reason="…" behind it',
            f'write accept={rule} reason="why it is safe here"',
        )
    return rule, item.reason.strip()


def _stray_reason(item: Item) -> None:
    raise Refused(
        "`reason` without an `accept` before it", f'write accept=RULE reason="{item.value or "…"}"'
    )


KEYS: dict[str, Key] = {
    "transaction": Key(check=_switch),
    "tags": Key(check=_names, up_only=True),
    "lock_timeout": Key(check=_duration),
    "irreversible": Key(check=_flag, up_only=True),
    "group": Key(check=_name),
    "keep": Key(check=_objects),
    "accept": Key(check=_accepted),
    "reason": Key(check=_stray_reason),
    "foreign_keys": Key(check=_switch),
}


def merge(items: list[Item]) -> Directives:
    """Return the directives of checked items."""
    by_key = {item.key: item for item in items}

    return Directives(
        transaction=_switch(by_key["transaction"]) if "transaction" in by_key else None,
        tags=_names(by_key["tags"]) if "tags" in by_key else frozenset(),
        lock_timeout=_duration(by_key["lock_timeout"]) if "lock_timeout" in by_key else None,
        irreversible="irreversible" in by_key,
        group=_name(by_key["group"]) if "group" in by_key else None,
        keep=_objects(by_key["keep"]) if "keep" in by_key else (),
        accept=tuple(_accepted(item) for item in items if item.key == "accept"),
        foreign_keys=_switch(by_key["foreign_keys"]) if "foreign_keys" in by_key else None,
    )
