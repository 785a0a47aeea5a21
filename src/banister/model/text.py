"""What a migration's text is made of: statements, directives, scripts. No I/O."""

from dataclasses import dataclass, field
from enum import StrEnum

from banister.model.source import LargeSource, Source

__all__ = ["Dialect", "Direction", "Directives", "Script", "Statement"]


class Dialect(StrEnum):
    """Whose rules split and classify a text."""

    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


class Direction(StrEnum):
    """Which way a migration runs."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a script, with its place there.

    It stands in its source at `start`, as it is.
    """

    #: From the first token up to and including the terminating semicolon where there is one.
    text: str
    #: Offset in characters of the first token in the source text.
    start: int
    #: Line of the first token, from 1.
    line: int
    #: Column of the first token in characters, from 1.
    column: int
    #: Rows that follow a COPY … FROM stdin, from `copy_start` up to `copy_end`, without the
    #: closing `\\.` line; None for any other statement.
    copy_start: int | None = None
    copy_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directives:
    """What the `-- banister:` lines at the top of a file ask for."""

    #: transaction=off gives False; None: not said.
    transaction: bool | None = None
    tags: frozenset[str] = frozenset()
    #: Seconds; None: the setting holds.
    lock_timeout: float | None = None
    irreversible: bool = False
    group: str | None = None
    #: What the down leaves in place on purpose, for example {"extension citext"}.
    keep: tuple[str, ...] = ()
    #: Accepted rules with their reasons.
    accept: tuple[tuple[str, str], ...] = ()
    #: SQLite: foreign_keys=off gives False; None: not said.
    foreign_keys: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Script:
    """One direction of a migration: its text, what it asks for and its checksum."""

    source: Source | LargeSource
    direction: Direction
    directives: Directives = field(default_factory=Directives)
    #: SHA-256 (hex) of the text without byte order mark, line ends as LF, and without directive
    #: lines other than `transaction=`.
    checksum: str
    #: False: the text was kept in the database at `up`, its file is gone.
    from_file: bool = True
