"""The settings as data: their names, kinds, defaults and what they are for."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

__all__ = [
    "KEYS",
    "SYSTEM_ROOTS",
    "BadValue",
    "Key",
    "Kind",
    "key_named",
    "read_text",
    "read_value",
]

#: In the place of a file: the authorities that this machine trusts.
SYSTEM_ROOTS = "system"


class Kind(StrEnum):
    """What a setting's value looks like."""

    TEXT = "text"
    WORD = "one of the words named"
    FLAG = "true or false"
    NUMBER = "a whole number"
    #: Text such as "5s"; read as seconds.
    DURATION = "a duration"
    NAMES = "a list of names"
    #: True stands for the tag "demo".
    TAGS_OR_FLAG = "true, false or a list of tags"
    #: Only in an `[env.NAME]` table.
    URL = "a database URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting."""

    #: As written in the file; the variable is `BANISTER_` and this in capitals.
    name: str
    kind: Kind
    #: As written in the file; None: nothing.
    default: str | bool | int | tuple[str, ...] | None = None
    doc: str
    #: WORD: what it takes.
    words: tuple[str, ...] = ()
    #: PostgreSQL names: at most this many bytes.
    max_bytes: int | None = None
    #: Durations: whether 0 is refused.
    above_zero: bool = False

    @property
    def variable(self) -> str:
        """The environment variable for this setting."""
        return f"BANISTER_{self.name.upper()}"


KEYS: tuple[Key, ...] = (
    Key(
        name="dir",
        kind=Kind.TEXT,
        default="migrations",
        doc="The migrations folder, relative to the folder of the settings file.",
    ),
    Key(
        name="history_schema",
        kind=Kind.TEXT,
        default="public",
        doc="PostgreSQL: the schema that holds the history table and its log.",
        max_bytes=63,
    ),
    Key(
        name="history_table",
        kind=Kind.TEXT,
        default="schema_migrations",
        doc="The history table; its log stands beside it under this name and `_log`.",
        max_bytes=63 - len("_log"),
    ),
    Key(
        name="skip_tags",
        kind=Kind.NAMES,
        default=(),
        doc="Migrations with one of these tags are not run.",
    ),
    Key(
        name="seed_when_empty",
        kind=Kind.TAGS_OR_FLAG,
        default=False,
        doc='Run migrations with these tags only in a database that was new; true means "demo".',
    ),
    Key(
        name="lock_timeout",
        kind=Kind.DURATION,
        default="1s",
        doc="How long a statement may wait for a lock before the migration is rolled back and "
        "tried again; later attempts wait up to 5s.",
        above_zero=True,
    ),
    Key(
        name="lock_retry",
        kind=Kind.DURATION,
        default="15min",
        doc="How long a migration is tried again while other sessions hold locks that it needs.",
    ),
    Key(
        name="statement_timeout",
        kind=Kind.DURATION,
        doc="PostgreSQL: how long a statement may run; no bound where it is not set, or 0s.",
    ),
    Key(
        name="lock_wait",
        kind=Kind.DURATION,
        default="10min",
        doc="How long to wait for another run of Banister on the same database.",
    ),
    Key(
        name="role",
        kind=Kind.TEXT,
        doc="PostgreSQL: the role that everything runs as, by SET ROLE after the login.",
        max_bytes=63,
    ),
    Key(
        name="search_path",
        kind=Kind.TEXT,
        doc="PostgreSQL: the search_path that every migration starts with.",
    ),
    Key(
        name="timezone",
        kind=Kind.TEXT,
        doc="PostgreSQL: the time zone that every migration starts with.",
    ),
    Key(
        name="sslmode",
        kind=Kind.WORD,
        words=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        doc="PostgreSQL: disable, allow, prefer, require, verify-ca or verify-full, as libpq has "
        "them; it holds where the URL does not say.",
    ),
    Key(
        name="sslrootcert",
        kind=Kind.TEXT,
        doc="PostgreSQL: the file with the authority that signs the server's certificate, relative "
        "to the folder of the settings file; `system`: those that this machine trusts. It holds "
        "where the URL does not say.",
    ),
    Key(
        name="scratch_url",
        kind=Kind.TEXT,
        doc="PostgreSQL: a server on which scratch databases may be made, where --scratch-url does "
        "not say; ${NAME} in it stands for an environment variable or a line of .env.",
    ),
    Key(
        name="scratch_roles",
        kind=Kind.NAMES,
        default=(),
        doc="PostgreSQL: roles that the migrations name and somebody else makes; a scratch server "
        "of our own is given them.",
        max_bytes=63,
    ),
    Key(
        name="verify_unit",
        kind=Kind.WORD,
        default="migration",
        words=("migration", "chain"),
        doc="What `verify` proves as one: each `migration`, or the whole `chain` where files undo "
        "each other only together.",
    ),
    Key(
        name="verify_data",
        kind=Kind.FLAG,
        default=True,
        doc="Whether `verify` puts generated rows into the tables and looks what a rollback does "
        "to them.",
    ),
    Key(
        name="drift_ignore",
        kind=Kind.NAMES,
        default=(),
        doc='What `drift` passes over, such as `"extension *"`, `"schema monitoring"` with all '
        'that is in it, or `"table audit_*"`.',
    ),
    Key(
        name="plan_rehearse",
        kind=Kind.FLAG,
        default=True,
        doc="PostgreSQL: whether `plan` carries pending migrations out on a scratch copy.",
    ),
    Key(
        name="plan_check",
        kind=Kind.WORD,
        default="blocks-writes",
        words=(
            "brief-lock",
            "blocks-writes",
            "blocks-all",
            "loses-data",
            "cannot-run",
        ),
        doc="From which verdict on `plan --check` exits with 3: `brief-lock`, `blocks-writes`, "
        "`blocks-all`, `loses-data` or `cannot-run`.",
    ),
    Key(
        name="plan_other_major",
        kind=Kind.FLAG,
        default=False,
        doc="Whether `plan --check` is content with a scratch server of another major version "
        "than the target's.",
    ),
    Key(
        name="plan_small_rows",
        kind=Kind.NUMBER,
        default=10_000,
        doc="A table with at most so many rows, and `plan_small_bytes`, is too small to be worth "
        "a warning.",
    ),
    Key(
        name="plan_small_bytes",
        kind=Kind.NUMBER,
        default=16 * 1024 * 1024,
        doc="The same, in bytes, with its indexes.",
    ),
    Key(
        name="show_queries",
        kind=Kind.FLAG,
        default=False,
        doc="PostgreSQL: show also what the sessions run that a migration waits for; the text may "
        "hold data.",
    ),
    Key(
        name="out_of_order",
        kind=Kind.FLAG,
        default=False,
        doc="Also apply migrations whose number is below the highest applied one.",
    ),
    Key(
        name="url",
        kind=Kind.URL,
        doc="The database of an environment, in its [env.NAME] table only; ${NAME} in it stands "
        "for an environment variable or a line of .env.",
    ),
)

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?P<amount>[0-9]+(?:\.[0-9]+)?) *(?P<unit>[a-z]*)")
#: PostgreSQL keeps timeouts in an int of milliseconds.
_LONGEST = (2**31 - 1) / 1000
_SHORTEST = 0.001
_DURATION_HINT = 'write it with its unit: "500ms", "5s", "2min" or "1h"'
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_DEMO = frozenset({"demo"})


def key_named(name: str) -> Key | None:
    """Return the setting of that name."""
    return next((key for key in KEYS if key.name == name), None)


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
            return _number(key, str(value))
        case Kind.TAGS_OR_FLAG, bool():
            return _DEMO if value else frozenset()
        case Kind.NAMES | Kind.TAGS_OR_FLAG, list() | tuple() | frozenset():
            return _names(key, value)
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

    Lists are separated by commas; true, false, 1 and 0 are flags.
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
        case _:
            return read_value(key, text)


def _number(key: Key, value: str) -> int:
    if not value.strip().isdecimal():
        raise BadValue(f'{key.name} = "{value}" is no whole number')
    return int(value)


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
