"""What the log beside the history table holds. No I/O."""

from dataclasses import dataclass
from enum import StrEnum

from banister.model.migration import Version
from banister.model.text import Direction

__all__ = ["HistoryTable", "LogEntry", "LogEvent", "RunInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTable:
    """Where a database keeps its history."""

    #: PostgreSQL schema; SQLite has none and uses its main database.
    schema: str = "public"
    name: str = "schema_migrations"

    @property
    def log_name(self) -> str:
        """The log stands beside the history table, in the same schema."""
        return f"{self.name}_log"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Who runs what, written with every event."""

    run_id: str
    #: The operating system's user name.
    who: str
    host: str
    tool_version: str


class LogEvent(StrEnum):
    """The kinds of events. The log is only ever added to."""

    #: A migration outside a transaction begins; it ends with APPLIED or ROLLED_BACK.
    STARTED = "started"
    #: A statement that cannot commit together with its record is about to run.
    STATEMENT_STARTED = "statement_started"
    STATEMENT_DONE = "statement_done"
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"
    #: Written in a transaction of its own after the failure.
    FAILED = "failed"
    SKIPPED = "skipped"
    #: What was decided about seeds when the database was new: detail "yes" or "no".
    SEEDED = "seeded"
    BASELINED = "baselined"
    EDIT_ACCEPTED = "edit_accepted"
    #: What was decided, by a person or by a look at the catalog, about a statement whose end is
    #: not known: detail "done", or "retry" for running on from that statement.
    DECIDED = "decided"
    #: What was found and put right before work went on.
    RECOVERED = "recovered"
    #: What was made before anything of a run was carried out: `detail` its name.
    BACKED_UP = "backed_up"
    #: Rows were saved before a statement took them away: `detail` the file and their number.
    ROWS_SAVED = "rows_saved"
    #: What the schema was when a run ended: `checksum` its fingerprint, `version` the last applied
    #: one, `detail` how the fingerprint was taken.
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One event of the log. The database adds its number and time."""

    event: LogEvent
    version: Version | None = None
    name: str | None = None
    direction: Direction | None = None
    #: Number of the statement, from 1.
    statement: int | None = None
    #: Checksum of the script, or of the statement where `statement` is set.
    checksum: str | None = None
    duration_ms: int | None = None
    #: An error message, a decision, an old checksum: what the event is about.
    detail: str | None = None
