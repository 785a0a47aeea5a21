"""Versioned SQL migrations for PostgreSQL and SQLite, with proof that they come down again.

The library has the same functions as the commands::

    import banister

    project = banister.open("postgresql:///app", dir="migrations")
    project.up(on_event=print)

Every function is synchronous and prints nothing; everything it raises on purpose is a
`BanisterError`. From asynchronous code call it in a thread.
"""

from banister._version import __version__
from banister.api import Decision, Preview, Project, Status
from banister.api import open_project as open  # noqa: A004 -- read as banister.open
from banister.engines import Database
from banister.errors import (
    BanisterError,
    ConnectionFailed,
    DatabaseError,
    Failure,
    Finding,
    FindingsError,
    HistoryError,
    Location,
    LockTimeout,
    MigrationFailed,
    OutcomeUnknown,
    ScriptError,
    ServerError,
    Severity,
    UnsupportedByEngine,
    UsageError,
)
from banister.model import (
    AppliedMigration,
    Blocked,
    Blocker,
    Dialect,
    Direction,
    Directives,
    Event,
    Folder,
    HistoryTable,
    Migration,
    NothingToDo,
    Plan,
    Planned,
    Progress,
    Recovered,
    Retrying,
    RunFinished,
    Script,
    ServerNotice,
    Skipped,
    Source,
    State,
    Statement,
    StatementDone,
    StatusRow,
    Step,
    StepDone,
    StepFailed,
    StepStarted,
    TransactionMode,
    Version,
    WaitingForLock,
)
from banister.project import Settings, Target, TargetKind
from banister.script import split_statements

__all__ = [
    "AppliedMigration",
    "BanisterError",
    "Blocked",
    "Blocker",
    "ConnectionFailed",
    "Database",
    "DatabaseError",
    "Decision",
    "Dialect",
    "Direction",
    "Directives",
    "Event",
    "Failure",
    "Finding",
    "FindingsError",
    "Folder",
    "HistoryError",
    "HistoryTable",
    "Location",
    "LockTimeout",
    "Migration",
    "MigrationFailed",
    "NothingToDo",
    "OutcomeUnknown",
    "Plan",
    "Planned",
    "Preview",
    "Progress",
    "Project",
    "Recovered",
    "Retrying",
    "RunFinished",
    "Script",
    "ScriptError",
    "ServerError",
    "ServerNotice",
    "Settings",
    "Severity",
    "Skipped",
    "Source",
    "State",
    "Statement",
    "StatementDone",
    "Status",
    "StatusRow",
    "Step",
    "StepDone",
    "StepFailed",
    "StepStarted",
    "Target",
    "TargetKind",
    "TransactionMode",
    "UnsupportedByEngine",
    "UsageError",
    "Version",
    "WaitingForLock",
    "__version__",
    "open",
    "split_statements",
]
