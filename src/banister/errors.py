"""Every error Banister raises on purpose: what happened, where, what state is left, what to do.

No I/O. The tree::

    BanisterError
    ├── UsageError            wrong flags, settings, URL or names            exit 2
    ├── ScriptError           SQL text that cannot be split into statements  exit 1
    ├── FileChanged           a migration file changed while it was in use   exit 1
    ├── FindingsError         the checks before a run found errors           exit 1
    ├── DatabaseError         the database, or the way to it                 exit 1
    │   ├── ConnectionFailed  no connection could be made
    │   ├── LockTimeout       another run, or another session, holds a lock
    │   ├── HistoryError      the history tables cannot be used as they are
    │   ├── MigrationFailed   a migration failed; its position and the state are known
    │   └── OutcomeUnknown    it cannot be told whether a COMMIT took place   exit 4
    ├── UnsupportedByEngine   this database cannot do that                   exit 1
    ├── BackupCommandFailed   the program that makes backups failed          exit 1
    └── ServerError           the embedded server cannot be started or stopped  exit 1

Only the command line renders errors and ends the process. Messages are lower case, without a full
stop; `code` is a stable word for programs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "BackupCommandFailed",
    "BanisterError",
    "ConnectionFailed",
    "DatabaseError",
    "Failure",
    "FileChanged",
    "Finding",
    "FindingsError",
    "HistoryError",
    "Location",
    "LockTimeout",
    "MigrationFailed",
    "OutcomeUnknown",
    "ScriptError",
    "ServerError",
    "Severity",
    "UnsupportedByEngine",
    "UsageError",
    "interrupt_behind",
    "interrupts_let_out",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place in a file, for people: lines and columns count from 1, columns in characters."""

    #: The path as the user should see it.
    path: str
    #: None: the file as a whole.
    line: int | None = None
    #: None: the line as a whole.
    column: int | None = None
    #: The text of that line without its line end; None where it is not known.
    source_line: str | None = None
    #: What the place is, for example "up, statement 3 of 5".
    note: str | None = None

    def __str__(self) -> str:
        parts = [self.path, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)


class Severity(StrEnum):
    """How much a finding matters: only an error stops a run."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check has to say about the files, the settings or the history."""

    severity: Severity
    #: Stable name of the rule, for example "duplicate_version".
    code: str
    message: str
    location: Location | None = None
    #: What to do about it.
    hint: str | None = None
    #: The version concerned, as written in the file name.
    version: str | None = None


class BanisterError(Exception):
    """Base of all errors: catch this one to catch everything Banister raises on purpose."""

    exit_code = 1
    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        location: Location | None = None,
        state: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        #: Where in the user's files.
        self.location = location
        #: What state the database is in now.
        self.state = state
        #: What to do next.
        self.hint = hint
        #: How the state before the run is gone back to: a command, or what was made for it.
        self.way_back: str | None = None
        #: What to know before that.
        self.way_back_note: str | None = None


class UsageError(BanisterError):
    """Wrong flags, settings, URL or names: nothing was attempted."""

    exit_code = 2
    code = "usage"


class ScriptError(BanisterError):
    """SQL text that cannot be split into statements."""

    code = "script"


class FileChanged(BanisterError):
    """A file that is too large for memory is not what it was when it was first read."""

    code = "file_changed"


class FindingsError(BanisterError):
    """The checks before a run found errors; nothing was run."""

    code = "findings"

    def __init__(
        self, message: str, *, findings: tuple[Finding, ...], hint: str | None = None
    ) -> None:
        super().__init__(message, state="nothing was run", hint=hint)
        #: All findings, also those that are not errors.
        self.findings = findings


class DatabaseError(BanisterError):
    """The database refused something, or the way to it broke."""

    code = "database"


class ConnectionFailed(DatabaseError):
    """No connection could be made: nothing was attempted."""

    code = "connection"


class LockTimeout(DatabaseError):
    """A lock was not free within its bound: nothing of the step is left."""

    code = "lock"


class HistoryError(DatabaseError):
    """The history tables cannot be used as they are: nothing was run."""

    code = "history"


class OutcomeUnknown(DatabaseError):
    """The connection was lost around COMMIT and it cannot be told whether it took place."""

    exit_code = 4
    code = "outcome_unknown"
    #: How many steps may have been committed.
    steps = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What the server said about a failed statement."""

    #: The server's primary message.
    message: str
    #: Five characters, on PostgreSQL.
    sqlstate: str | None = None
    #: SQLite's name of the error, such as SQLITE_CONSTRAINT_UNIQUE.
    sqlite_error: str | None = None
    detail: str | None = None
    server_hint: str | None = None
    #: Call stack of PL/pgSQL functions and the like, as the server gives it.
    context: str | None = None


class MigrationFailed(DatabaseError):
    """A migration failed. In a transaction nothing of it is left; `state` says what is."""

    code = "migration_failed"

    def __init__(
        self,
        message: str,
        *,
        version: str,
        failure: Failure,
        location: Location | None = None,
        state: str | None = None,
        hint: str | None = None,
        applied: tuple[str, ...] = (),
        pending: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, location=location, state=state, hint=hint)
        self.version = version
        self.failure = failure
        #: Versions that this run finished before the failure: they stay.
        self.applied = applied
        #: Versions after the failed one: they were not run.
        self.pending = pending


class UnsupportedByEngine(BanisterError):
    """This database cannot do what was asked."""

    code = "unsupported"


class BackupCommandFailed(BanisterError):
    """The program that makes backups in our place did not do it: nothing was run."""

    code = "backup_command"


class ServerError(BanisterError):
    """The embedded server cannot be found, started or stopped."""

    code = "server"


def interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """Return the interrupt during whose handling `error` was raised."""
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        if isinstance(behind, KeyboardInterrupt):
            return behind
        seen.add(id(behind))
        behind = behind.__cause__ or behind.__context__
    return None


@contextmanager
def interrupts_let_out() -> Iterator[None]:
    """Raise the interrupt during whose handling an error of ours was raised, in its place."""
    try:
        yield
    except BanisterError as error:
        interrupt = interrupt_behind(error)
        if interrupt is None:
            raise
        raise interrupt from error
