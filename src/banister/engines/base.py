"""The contract between the runner and a database."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from banister.errors import BanisterError, Finding, MigrationFailed
from banister.model import (
    AppliedMigration,
    Contents,
    Dialect,
    Event,
    History,
    LogEntry,
    RunInfo,
    Step,
    Surroundings,
    Unfilled,
    Version,
)
from banister.snapshot import Snapshot

__all__ = [
    "CertificateCheck",
    "Committed",
    "Database",
    "Engine",
    "HistoryChanged",
    "SessionSettings",
    "Transport",
    "TryAgain",
]


class HistoryChanged(Exception):
    """Another run has changed the history since the plan was made: plan again."""


class TryAgain(Exception):
    """Others stood in the way of a step: plan again after a pause. Nothing of it is left."""

    def __init__(self, reason: str, error: MigrationFailed) -> None:
        super().__init__(reason)
        self.reason = reason
        #: What is to be raised when there is no time left.
        self.error = error


class CertificateCheck(StrEnum):
    """What was checked of a server's certificate."""

    NOTHING = "nothing"
    #: That an authority has signed it; anybody's whom that authority knows would do.
    SIGNATURE = "signature"
    #: Also that it was made for this host.
    FULL = "signature and host name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A step is committed together with its record, and on the disk."""

    step: Step
    duration_ms: int
    #: The row that was written at `up`, None at `down`.
    row: AppliedMigration | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """The way to a server, as the connection really goes."""

    #: Neither a socket of this machine nor its loopback address.
    remote: bool
    #: For example "TLSv1.3" or "GSSAPI"; None: whoever stands in between reads along.
    encryption: str | None = None
    #: None also where a pooler stands in between: the server knows its own end only.
    cipher: str | None = None
    certificate: CertificateCheck = CertificateCheck.NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What is on the other end, for people and for JSON; never a secret."""

    dialect: Dialect
    #: For example "app on db.example.com:5432 as owner", or a file's path.
    display: str
    #: For example "PostgreSQL 18.1" or "SQLite 3.45.1".
    server: str
    #: (18, 1), (3, 45, 1).
    server_version: tuple[int, ...]
    #: None: there is none, the database is a file.
    transport: Transport | None = None
    #: What is to be said about the connection whatever is run over it.
    warnings: tuple[Finding, ...] = ()
    #: What this role lacks to see what the sessions that it waits for do; None: nothing.
    lacks: Finding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How a run's session is set up. Times are in seconds; None leaves the server's own value."""

    lock_timeout: float = 1.0
    statement_timeout: float | None = None
    #: What SET ROLE is given after the login.
    role: str | None = None
    search_path: str | None = None
    timezone: str | None = None
    #: libpq's parameters of these names, where the URL does not say.
    sslmode: str | None = None
    sslrootcert: str | None = None
    #: Whether the statements of sessions that are waited for may be shown.
    show_queries: bool = False
    #: The folder of backups, where rows that a step loses are saved.
    backup_dir: Path | None = None


class Engine(Protocol):
    """One database. Errors are of the tree in `banister.errors`; the driver's never get out.

    A read sends nothing but reads. Nothing is ever done twice: `apply` runs a step's statements
    and writes its record in one transaction unless the step's mode says otherwise.
    """

    @property
    def database(self) -> Database:
        """What this engine talks to."""

    def read_history(self, *, stored_downs: bool = False) -> History:
        """Return what the database remembers, by reads alone, from one snapshot.

        A missing history table, or a missing SQLite file, is an empty history; nothing is created.
        `stored_downs` also fills in `down_text`. Raises HistoryError when the tables exist but
        cannot serve (no unique key on version, no right to read them).
        """

    def snapshot(self, *, own: bool = False, within: float | None = None) -> Snapshot:
        """Return the schema as it is now, by reads alone, from one snapshot.

        The history table and its log are left out; so are other sessions' temporary tables. A
        missing SQLite file has an empty schema. `own`: the owner that goes without saying is that
        of the history table, who runs the migrations, not that of the database; so databases of
        different owners can be compared. `within`: how many seconds others may be waited for, where
        that is less than the settings say. Raises DatabaseError, LockTimeout.
        """

    def surroundings(self) -> Surroundings:
        """Return what a copy of the database needs to know beside its schema, by reads alone.

        Sizes are what the database knows without counting. Raises DatabaseError.
        """

    def dump_schema(self, *, for_major: int, with_owners: bool = True) -> str:
        """Return the SQL that makes the schema again on a server of that major version.

        Banister's own tables are left out. Nothing is locked beyond what a reader takes, and nobody
        is waited for longer than a few seconds. Raises DatabaseError, and ServerError where the
        program for it is missing.
        """

    def contents(self, *, limit: int = 200) -> Contents:
        """Return up to `limit` rows of every table, by reads alone, from one snapshot.

        Banister's own tables are left out, and so are tables of extensions. A table that this role
        may not read is named in `unread`. Raises DatabaseError.
        """

    def fill(self, wanted: frozenset[str] | None = None) -> tuple[Unfilled, ...]:
        """Put a few generated rows into tables, by their names; None: into all.

        For scratch databases alone. The rows meet the types, conditions and references of their
        table, and commit together; triggers fire. Returns the tables that took none, with the
        reason. Raises DatabaseError.
        """

    def lock(self, *, wait_seconds: float) -> Generator[Event, None, None]:
        """Take the runner lock, polling; yields WaitingForLock while another run holds it.

        Held until `close` or `unlock`. Raises LockTimeout after `wait_seconds`. An engine whose
        transactions exclude each other anyway (SQLite) holds nothing between steps.
        """

    def unlock(self) -> None:
        """Give the runner lock back; nothing happens where it is not held."""

    def unfit(self, steps: Sequence[Step] = ()) -> BanisterError | None:
        """Return why nothing, or why one of `steps`, can be run here, or None; by reads alone."""

    def prepare(self) -> None:
        """Make the history tables, or add our columns to another runner's, in one transaction."""

    def apply(
        self,
        step: Step,
        run: RunInfo,
        *,
        expected: frozenset[Version],
        seed: bool | None = None,
        attempt: int = 1,
    ) -> Generator[Event, None, AppliedMigration | None]:
        """Carry out a step and record it; return the row written at up, None at down.

        Yields StatementDone and ServerNotice. When the applied versions are not `expected` any
        more, raises HistoryChanged with nothing of the step left: at the latest when its record
        would be the second one. `seed` is recorded as a
        SEEDED event in the same transaction. On failure, and when the generator is closed, nothing
        of a WHOLE step is left; of a STATEMENTS step the journal says how far it came. Raises
        MigrationFailed with the statement's place; TryAgain where others were in the way, which
        the next `attempt` (from 1) may wait out longer.
        """

    def apply_together(
        self, steps: Sequence[Step], run: RunInfo
    ) -> Generator[Event | Committed, None, None]:
        """Carry out as many of the first steps as can share their round trips, in their order.

        That may be none. Each commits whole, together with its record, and after one that fails
        nothing more is run. Yields what `apply` yields, and Committed for each step, with the step
        that any event is about in it; what comes before a Committed may be told before the
        Committed of earlier steps. Raises as `apply` does for the first step that is not
        committed, OutcomeUnknown for that step and those behind it; where it returns, the next
        step is to be applied by itself.
        """

    def record(self, entries: Sequence[LogEntry], run: RunInfo) -> None:
        """Add events to the log, in one transaction of their own."""

    def stamp(self, rows: Sequence[AppliedMigration], run: RunInfo) -> None:
        """Record migrations as applied without running them (baseline), in one transaction.

        Raises HistoryChanged when one of them has been recorded meanwhile.
        """

    def accept_edit(self, row: AppliedMigration, run: RunInfo, *, replaced: str | None) -> None:
        """Replace a row's checksums and kept down text, with its EDIT_ACCEPTED event.

        `replaced` is the up checksum that was recorded, kept as the event's detail.
        """

    def reconnect(self) -> None:
        """Connect anew after the connection was lost; the lock is not held then.

        Raises ConnectionFailed. Nothing happens where no connection is kept.
        """

    def close(self) -> None:
        """Give back the lock and the connection. Never raises."""
