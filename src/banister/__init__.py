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
from banister.script import split_statements

__all__ = [
    "BanisterError",
    "ConnectionFailed",
    "DatabaseError",
    "Decision",
    "Failure",
    "Finding",
    "FindingsError",
    "HistoryError",
    "Location",
    "LockTimeout",
    "MigrationFailed",
    "OutcomeUnknown",
    "Preview",
    "Project",
    "ScriptError",
    "ServerError",
    "Severity",
    "Status",
    "UnsupportedByEngine",
    "UsageError",
    "__version__",
    "open",
    "split_statements",
]
