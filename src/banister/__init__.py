"""Versioned SQL migrations for PostgreSQL and SQLite, up and down.

The library has the same functions as the commands::

    import banister

    project = banister.open("postgresql:///app", dir="migrations")
    project.up(on_event=print)

Every function is synchronous and prints nothing; everything it raises on purpose is a
`BanisterError`. From asynchronous code call it in a thread.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from banister._version import __version__

if TYPE_CHECKING:
    from banister.api import Decision, Preview, Project, Status
    from banister.engines import CertificateCheck, Database, Transport
    from banister.errors import (
        BanisterError,
        ConnectionFailed,
        DatabaseError,
        Failure,
        FileChanged,
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
        Build,
        Catalog,
        Changed,
        Chunk,
        ColumnFacts,
        Connected,
        ConstraintFacts,
        Dialect,
        Direction,
        Directives,
        Event,
        Folder,
        HistoryTable,
        IndexFacts,
        LargeSource,
        Lock,
        LockMode,
        Migration,
        NothingToDo,
        ObjectFacts,
        Plan,
        Planned,
        Progress,
        Recovered,
        RelationFacts,
        RelationKind,
        Retrying,
        Rewrite,
        RowChange,
        RowLoss,
        RunFinished,
        Scan,
        Script,
        ServerNotice,
        Skipped,
        Source,
        State,
        Statement,
        StatementDone,
        StatementTrace,
        StatusRow,
        Step,
        StepDone,
        StepFailed,
        StepStarted,
        TableSize,
        Traced,
        TransactionMode,
        Unfilled,
        Version,
        WaitingForLock,
        Warned,
        Written,
    )
    from banister.opening import open_project as open  # noqa: A004 -- read as banister.open
    from banister.project import Settings, Target, TargetKind
    from banister.proof import (
        AgainVerdict,
        ChainProof,
        DataProof,
        DataVerdict,
        DownVerdict,
        Drift,
        Proof,
        ProofEvent,
        Proven,
        Rollback,
        RollbackTable,
        RollbackWay,
        StoredDrift,
    )
    from banister.rehearsal import (
        HazardFinding,
        HeldLock,
        MigrationRehearsal,
        Rehearsal,
        StatementRehearsal,
        Verdict,
    )
    from banister.script import split_statements
    from banister.snapshot import (
        CatalogObject,
        Change,
        Difference,
        ObjectIdentity,
        ObjectKind,
        Snapshot,
        Weight,
    )

__all__ = [
    "AgainVerdict",
    "AppliedMigration",
    "BanisterError",
    "Blocked",
    "Blocker",
    "Build",
    "Catalog",
    "CatalogObject",
    "CertificateCheck",
    "ChainProof",
    "Change",
    "Changed",
    "Chunk",
    "ColumnFacts",
    "Connected",
    "ConnectionFailed",
    "ConstraintFacts",
    "DataProof",
    "DataVerdict",
    "Database",
    "DatabaseError",
    "Decision",
    "Dialect",
    "Difference",
    "Direction",
    "Directives",
    "DownVerdict",
    "Drift",
    "Event",
    "Failure",
    "FileChanged",
    "Finding",
    "FindingsError",
    "Folder",
    "HazardFinding",
    "HeldLock",
    "HistoryError",
    "HistoryTable",
    "IndexFacts",
    "LargeSource",
    "Location",
    "Lock",
    "LockMode",
    "LockTimeout",
    "Migration",
    "MigrationFailed",
    "MigrationRehearsal",
    "NothingToDo",
    "ObjectFacts",
    "ObjectIdentity",
    "ObjectKind",
    "OutcomeUnknown",
    "Plan",
    "Planned",
    "Preview",
    "Progress",
    "Project",
    "Proof",
    "ProofEvent",
    "Proven",
    "Recovered",
    "Rehearsal",
    "RelationFacts",
    "RelationKind",
    "Retrying",
    "Rewrite",
    "Rollback",
    "RollbackTable",
    "RollbackWay",
    "RowChange",
    "RowLoss",
    "RunFinished",
    "Scan",
    "Script",
    "ScriptError",
    "ServerError",
    "ServerNotice",
    "Settings",
    "Severity",
    "Skipped",
    "Snapshot",
    "Source",
    "State",
    "Statement",
    "StatementDone",
    "StatementRehearsal",
    "StatementTrace",
    "Status",
    "StatusRow",
    "Step",
    "StepDone",
    "StepFailed",
    "StepStarted",
    "StoredDrift",
    "TableSize",
    "Target",
    "TargetKind",
    "Traced",
    "TransactionMode",
    "Transport",
    "Unfilled",
    "UnsupportedByEngine",
    "UsageError",
    "Verdict",
    "Version",
    "WaitingForLock",
    "Warned",
    "Weight",
    "Written",
    "__version__",
    "open",
    "split_statements",
]

if not TYPE_CHECKING:
    _HOMES = (
        "errors",
        "model",
        "script",
        "snapshot",
        "project",
        "engines",
        "rehearsal",
        "proof",
        "api",
        "opening",
    )

    def __getattr__(name: str) -> object:
        """Import a name when it is first asked for: the command line does without most of them."""
        if name in __all__:
            wanted = "open_project" if name == "open" else name
            for home in _HOMES:
                module = import_module(f"banister.{home}")
                if hasattr(module, wanted):
                    value = globals()[name] = getattr(module, wanted)
                    return value
        raise AttributeError(f"module 'banister' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
