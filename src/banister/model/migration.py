"""Migrations as files give them and as the history table remembers them. No I/O."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, total_ordering

from banister.errors import Finding
from banister.model.text import Direction, Script

__all__ = [
    "AppliedMigration",
    "Folder",
    "History",
    "Migration",
    "StoredFingerprint",
    "Unfinished",
    "Version",
]


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version: compared as a number, shown as written."""

    text: str

    @property
    def number(self) -> int:
        """The value that versions are compared by."""
        return int(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.number == other.number

    def __lt__(self, other: "Version") -> bool:
        return self.number < other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One change: a version, a name and its files."""

    version: Version
    #: The part of the file name between the number and the direction.
    name: str
    up: Script
    #: None: irreversible.
    down: Script | None = None

    @property
    def tags(self) -> frozenset[str]:
        """The tags its up file names."""
        return self.up.directives.tags

    @property
    def label(self) -> str:
        """Number and name, as the files have it."""
        return f"{self.version}_{self.name}"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What a migrations folder holds for one engine, and what is wrong with it."""

    #: The folder as the user should see it.
    path: str
    #: Sorted by version; of a number given twice the first one only.
    migrations: tuple[Migration, ...] = ()
    #: Versions whose up file is there and cannot be read; the findings say why.
    unreadable: frozenset[Version] = frozenset()
    #: What reading names, bytes and directives found.
    findings: tuple[Finding, ...] = ()

    @cached_property
    def by_version(self) -> dict[Version, Migration]:
        """Migrations by version."""
        return {migration.version: migration for migration in self.migrations}


@dataclass(frozen=True, kw_only=True)
class AppliedMigration:
    """One row of the history table. What another runner wrote has only the first three."""

    version: Version
    name: str
    #: None where the table holds something that is not a time.
    applied_at: datetime | None = None
    up_checksum: str | None = None
    down_checksum: str | None = None
    #: The down file's text as it was at `up`; None also where it was not asked for.
    down_text: str | None = None
    #: Whether the database keeps that text.
    down_kept: bool = False
    duration_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A migration outside a transaction that began and did not end, as the log tells it."""

    version: Version
    name: str
    direction: Direction
    #: Checksums of the statements known to be done, from the first on.
    done: tuple[str, ...] = ()
    #: Whether the statement after those was begun and its end is not known.
    in_flight: bool = False
    #: Checksum of the statement that was begun last.
    running: str = ""
    #: What was remembered before it began, to recognise its work by.
    remembered: str | None = None
    #: What the server said if that statement failed.
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoredFingerprint:
    """What the schema was when a run ended, and nothing has been run since."""

    #: SHA-256, in hexadecimal.
    fingerprint: str
    #: What it was taken of and how, for people: two are compared only where this is the same.
    basis: str
    #: The version that was applied last then; None: none was applied.
    version: Version | None


@dataclass(frozen=True, kw_only=True)
class History:
    """What a database remembers, as read at one moment."""

    #: In order of application.
    applied: tuple[AppliedMigration, ...] = ()
    #: Versions left out by their tags in an earlier run and not applied since.
    skipped: frozenset[Version] = frozenset()
    #: What was decided about seeds when the database was new; None: nothing yet.
    seeded: bool | None = None
    unfinished: tuple[Unfinished, ...] = ()
    #: What the last run left; None: none did, or it was interrupted before it could.
    fingerprint: StoredFingerprint | None = None
    #: Neither a history nor any table of the user's.
    database_is_new: bool = False
    #: What is wrong with, or to be said about, the tables themselves.
    findings: tuple[Finding, ...] = ()

    @cached_property
    def by_version(self) -> dict[Version, AppliedMigration]:
        """Applied rows by version."""
        return {row.version: row for row in self.applied}

    @property
    def highest(self) -> Version | None:
        """The highest applied version."""
        return max(self.by_version, default=None)

    def with_applied(self, row: AppliedMigration) -> "History":
        """Return the history after `row` was added."""
        return replace(
            self,
            applied=(*self.applied, row),
            skipped=self.skipped - {row.version},
            database_is_new=False,
        )
