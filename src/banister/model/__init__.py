"""The nouns everything else speaks of: frozen, without I/O."""

from banister.model.events import (
    Event,
    NothingToDo,
    Planned,
    RunFinished,
    ServerNotice,
    Skipped,
    StatementDone,
    StepDone,
    StepFailed,
    StepStarted,
    WaitingForLock,
)
from banister.model.log import HistoryTable, LogEntry, LogEvent, RunInfo
from banister.model.migration import (
    AppliedMigration,
    Folder,
    History,
    Migration,
    Unfinished,
    Version,
)
from banister.model.plan import Plan, State, StatusRow, Step, TransactionMode
from banister.model.text import Dialect, Direction, Directives, Script, Source, Statement

__all__ = [
    "AppliedMigration",
    "Dialect",
    "Direction",
    "Directives",
    "Event",
    "Folder",
    "History",
    "HistoryTable",
    "LogEntry",
    "LogEvent",
    "Migration",
    "NothingToDo",
    "Plan",
    "Planned",
    "RunFinished",
    "RunInfo",
    "Script",
    "ServerNotice",
    "Skipped",
    "Source",
    "State",
    "Statement",
    "StatementDone",
    "StatusRow",
    "Step",
    "StepDone",
    "StepFailed",
    "StepStarted",
    "TransactionMode",
    "Unfinished",
    "Version",
    "WaitingForLock",
]
