"""The user's SQL text: sources with positions, statements, directives, scripts. No I/O."""

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from re import finditer

from banister.errors import Location

__all__ = ["Dialect", "Direction", "Directives", "Script", "Source", "Statement"]


class Dialect(StrEnum):
    """Whose rules split and classify a text."""

    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


class Direction(StrEnum):
    """Which way a migration runs."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Decoded text that knows its lines. Lines end at LF, CRLF or a lone CR."""

    #: The path as the user should see it.
    path: str
    #: Without a byte order mark, line ends as in the file.
    text: str

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in finditer(r"\r\n|\n|\r", self.text))]

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of the character at `offset` (0 to length)."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of line `number` (from 1) without its line end."""
        starts = self._line_starts
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def locate(self, offset: int, *, note: str | None = None) -> Location:
        """Return the place of the character at `offset` (0 to length)."""
        line, column = self.line_and_column(offset)
        return Location(
            path=self.path, line=line, column=column, source_line=self.line(line), note=note
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a script, with its place there.

    `source.text[start:start + len(text)] == text` always holds.
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

    source: Source
    direction: Direction
    directives: Directives = field(default_factory=Directives)
    #: SHA-256 (hex) of the text without byte order mark, line ends as LF, and without directive
    #: lines other than `transaction=`.
    checksum: str
    #: False: the text was kept in the database at `up`, its file is gone.
    from_file: bool = True
