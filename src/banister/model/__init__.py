"""The nouns everything else speaks of: frozen, without I/O."""

from typing import TYPE_CHECKING

from banister.later import imports_later

if TYPE_CHECKING:
    from banister.model.events import (
        Blocked,
        Blocker,
        Connected,
        Event,
        NothingToDo,
        Planned,
        Progress,
        ProofEvent,
        Recovered,
        Retrying,
        RunFinished,
        ServerNotice,
        Skipped,
        StatementDone,
        StepDone,
        StepFailed,
        StepStarted,
        WaitingForLock,
        Warned,
    )
    from banister.model.locks import LockMode
    from banister.model.log import HistoryTable, LogEntry, LogEvent, RunInfo
    from banister.model.migration import (
        AppliedMigration,
        Folder,
        History,
        Migration,
        StoredFingerprint,
        Unfinished,
        Version,
    )
    from banister.model.plan import Plan, State, StatusRow, Step, TransactionMode
    from banister.model.rows import Contents, RowChange, RowLoss, TableRows, Unfilled
    from banister.model.source import Chunk, LargeSource, Source
    from banister.model.text import Dialect, Direction, Directives, Script, Statement
    from banister.model.trace import (
        Aim,
        Build,
        Catalog,
        Changed,
        ColumnFacts,
        ConstraintFacts,
        IndexFacts,
        Lock,
        ObjectFacts,
        RelationFacts,
        RelationKind,
        Rewrite,
        Scan,
        StatementTrace,
        Surroundings,
        TableSize,
        Traced,
        Written,
    )

__all__ = [
    "Aim",
    "AppliedMigration",
    "Blocked",
    "Blocker",
    "Build",
    "Catalog",
    "Changed",
    "Chunk",
    "ColumnFacts",
    "Connected",
    "ConstraintFacts",
    "Contents",
    "Dialect",
    "Direction",
    "Directives",
    "Event",
    "Folder",
    "History",
    "HistoryTable",
    "IndexFacts",
    "LargeSource",
    "Lock",
    "LockMode",
    "LogEntry",
    "LogEvent",
    "Migration",
    "NothingToDo",
    "ObjectFacts",
    "Plan",
    "Planned",
    "Progress",
    "ProofEvent",
    "Recovered",
    "RelationFacts",
    "RelationKind",
    "Retrying",
    "Rewrite",
    "RowChange",
    "RowLoss",
    "RunFinished",
    "RunInfo",
    "Scan",
    "Script",
    "ServerNotice",
    "Skipped",
    "Source",
    "State",
    "Statement",
    "StatementDone",
    "StatementTrace",
    "StatusRow",
    "Step",
    "StepDone",
    "StepFailed",
    "StepStarted",
    "StoredFingerprint",
    "Surroundings",
    "TableRows",
    "TableSize",
    "Traced",
    "TransactionMode",
    "Unfilled",
    "Unfinished",
    "Version",
    "WaitingForLock",
    "Warned",
    "Written",
]

if not TYPE_CHECKING:
    __getattr__ = imports_later(
        __name__,
        {
            "events": (
                "Blocked Blocker Connected Event NothingToDo Planned Progress ProofEvent "
                "Recovered Retrying RunFinished ServerNotice Skipped StatementDone StepDone "
                "StepFailed StepStarted WaitingForLock Warned"
            ),
            "locks": "LockMode",
            "log": "HistoryTable LogEntry LogEvent RunInfo",
            "migration": (
                "AppliedMigration Folder History Migration StoredFingerprint Unfinished Version"
            ),
            "plan": "Plan State StatusRow Step TransactionMode",
            "rows": "Contents RowChange RowLoss TableRows Unfilled",
            "source": "Chunk LargeSource Source",
            "text": "Dialect Direction Directives Script Statement",
            "trace": (
                "Aim Build Catalog Changed ColumnFacts ConstraintFacts IndexFacts Lock ObjectFacts "
                "RelationFacts RelationKind Rewrite Scan StatementTrace Surroundings TableSize "
                "Traced Written"
            ),
        },
    )
