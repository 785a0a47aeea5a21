"""The nouns of backups: what is wanted, what was taken, and what is told on the way. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from banister.model.events import Event
from banister.model.losses import Loss, LossKind
from banister.model.text import Dialect

__all__ = [
    "BackedUp",
    "BackingUp",
    "BackupDeleted",
    "BackupForm",
    "BackupManifest",
    "BackupTest",
    "BackupWanted",
    "CommandSaid",
    "Dumped",
    "Loss",
    "LossKind",
    "Replaced",
    "Restored",
    "RowsBack",
    "SavedFile",
    "SavedRows",
    "TableDumped",
    "TableRestored",
    "TryingBackup",
    "WayBack",
]


class BackupForm(StrEnum):
    """What a backup's file looks like."""

    #: SQL text that `psql` runs.
    PLAIN = "plain"
    #: pg_dump's own archive, for pg_restore.
    CUSTOM = "custom"
    #: A folder with a file a table, written and read by parallel jobs.
    DIRECTORY = "directory"
    #: A SQLite database.
    SQLITE = "sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupWanted:
    """How a backup is to be made."""

    form: BackupForm = BackupForm.PLAIN
    #: PLAIN: as a .gz file; the archives as pg_dump compresses them.
    compress: bool = False
    #: PLAIN: the file drops what is there before it makes it again, instead of refusing.
    clean: bool = False
    #: Whether owners and grants are in it.
    owners: bool = True
    #: DIRECTORY: how many tables are written at once.
    jobs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Dumped:
    """What was written, as the database saw it under the dump's own snapshot."""

    #: For example "pg_dump 18.1"; SQLite: "SQLite 3.45.1".
    program: str
    #: The database's name; of a file, the file's.
    name: str
    #: Rows by table, as `schema.table` with identifiers quoted where SQL needs it.
    rows: Mapping[str, int]
    #: What tells the database from all others; never shown.
    identity: str = ""
    #: The last applied version under that snapshot; None: no history, or nothing applied.
    version: str | None = None
    #: Whether the file is restored whole or not at all.
    one_transaction: bool = True
    #: SQLite: tables that its integrity check could not look at, and why.
    unchecked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupTest:
    """A restore of a backup into a scratch database that came out equal in schema and rows."""

    at: datetime
    #: For example "PostgreSQL 18.1, embedded".
    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """What stands beside a backup, as JSON; it never holds a secret."""

    #: The file's name, without its folder.
    file: str
    form: BackupForm
    compressed: bool = False
    clean: bool = False
    dialect: Dialect
    #: As in `Database.display`, and the name alone.
    database: str
    name: str
    #: What tells it from other databases that are shown alike; empty: not known.
    identity: str = ""
    #: For example "PostgreSQL 18.1".
    server: str
    server_version: tuple[int, ...]
    program: str
    tool_version: str
    taken_at: datetime
    duration_ms: int
    #: The last applied version; None: none.
    version: str | None = None
    size_bytes: int
    #: What the tables held, without indexes; 0: not known.
    tables_bytes: int = 0
    #: Of the file; of a folder, over its sorted names and the files' digests.
    sha256: str
    rows: Mapping[str, int] = field(default_factory=dict)
    one_transaction: bool = True
    #: The fingerprint of the schema's snapshot, which a restored copy must have.
    schema: str | None = None
    #: Roles and extensions that what is in it names: a server without them does not take it.
    roles: tuple[str, ...] = ()
    #: Those of them that policies do not hold back.
    past_policies: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    #: SQLite: tables whose values its integrity check could not look at, and why.
    unchecked: Mapping[str, str] = field(default_factory=dict)
    #: The last test that it passed; None: not tested.
    tested: BackupTest | None = None
    #: The run that it was made for.
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackingUp(Event):
    """A backup begins."""

    #: The path that it will have, as people see it.
    path: str
    form: BackupForm
    #: What the tables hold, in bytes, as the database estimates it.
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDumped(Event):
    """A table's rows are being written."""

    table: str
    #: From 1; SQLite: pages.
    number: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TryingBackup(Event):
    """A backup is being restored into a scratch database, to see whether it can be."""

    #: For example "PostgreSQL 18.1, embedded".
    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSaid(Event):
    """A line of what the program says that makes the backup."""

    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack(Event):
    """What was made before a run, and how it is gone back to."""

    #: What the log keeps: the backup's name, or the program and how it ended.
    detail: str
    #: The one command that restores it; None: it is the platform's own.
    command: str | None
    #: What to know before that.
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp(Event):
    """A backup is complete under its own name; `manifest.tested` says whether it was restored."""

    path: str
    manifest: BackupManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupDeleted(Event):
    """An old backup was removed, as the settings want it."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRestored(Event):
    """A table's rows are being put back."""

    table: str
    #: From 1; SQLite: pages.
    number: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A database that another has taken the place of."""

    #: What the old one is called now; SQLite: the path of its copy. None: there was none.
    before: str | None
    #: What was carried over to the new one, for people.
    carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(Event):
    """A backup is in the database."""

    path: str
    rows: Mapping[str, int]
    replaced: Replaced | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRows(Event):
    """Rows that a statement takes away are in a file that has reached the disk."""

    version: str
    loss: Loss
    path: str
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A file of rows that a run has saved, as its manifest tells it."""

    path: str
    run_id: str
    version: str
    statement: int
    kind: LossKind
    schema: str
    table: str
    #: Columns of the primary key; empty: there was none.
    key: tuple[str, ...]
    #: What is in the file, in its order.
    columns: tuple[str, ...]
    #: COLUMNS: those that were dropped.
    lost_columns: tuple[str, ...]
    rows: int
    #: Of these rows some may only have been changed, and be in the table still.
    moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsBack:
    """What came of the rows of one file."""

    table: str
    kind: LossKind
    #: Put back.
    rows: int
    #: Not put back: their key was there already or, for columns, is there no more.
    there: int
