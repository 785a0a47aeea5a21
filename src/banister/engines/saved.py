"""Files of rows that a run saves: sealed with a manifest, and told of in the log."""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from banister.model import LogEntry, LogEvent, Step
from banister.model.backup import SavedRows
from banister.model.losses import Loss

__all__ = ["SavedPart", "discard", "manifest_of", "safe_name", "seal"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPart:
    """A table, and what is saved of it."""

    loss: Loss
    schema: str
    table: str
    #: Columns of its primary key; empty: it has none.
    key: tuple[str, ...]
    columns: tuple[str, ...]
    path: Path
    #: Of those that are saved as gone, some may only have been changed.
    moved: bool = False


def seal(part: SavedPart, rows: int, *, step: Step, run_id: str) -> tuple[SavedRows, LogEntry]:
    """Write the manifest of a file that has reached the disk; it has too, with its folder, then.

    Return the event, and what the log is to be told in the migration's own transaction. Raises
    OSError.
    """
    folder, size = part.path.parent, part.path.stat().st_size
    with part.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    told = {
        "format": _FORMAT,
        "run_id": run_id,
        "version": step.version.text,
        "direction": step.direction.value,
        "statement": part.loss.statement,
        "kind": part.loss.kind.value,
        "schema": part.schema,
        "table": part.table,
        "key": list(part.key),
        "columns": list(part.columns),
        "lost_columns": [c for c in part.loss.columns if c in part.columns],
        "moved": part.moved,
        "rows": rows,
        "size_bytes": size,
        "sha256": digest,
    }
    descriptor = os.open(manifest_of(part.path), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(told, file, indent=2, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
    entry = LogEntry(
        event=LogEvent.ROWS_SAVED,
        version=step.version,
        name=step.name,
        direction=step.direction,
        statement=part.loss.statement,
        detail=f"{folder.name}/{part.path.name}: {rows} rows",
    )
    event = SavedRows(
        version=step.version.text, loss=part.loss, path=str(part.path), rows=rows, size_bytes=size
    )
    return event, entry


def manifest_of(path: Path) -> Path:
    """Return where the manifest of a file stands."""
    return path.with_name(f"{path.name}.json")


def discard(files: Sequence[Path], folder: Path) -> None:
    """Remove files of an attempt that was rolled back: its rows are where they were."""
    for path in files:
        for each in (path, manifest_of(path)):
            with suppress(OSError):
                each.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def safe_name(name: str) -> str:
    """Return as much of a name as can stand in the name of a file."""
    return "".join(char if char.isalnum() and char.isascii() else "_" for char in name)[:40]
