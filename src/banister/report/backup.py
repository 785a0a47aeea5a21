"""Backups → lines for people, and JSON. No I/O."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from banister.model import Event
from banister.model.backup import (
    BackedUp,
    BackingUp,
    BackupDeleted,
    BackupManifest,
    CommandSaid,
    Restored,
    RowsBack,
    SavedRows,
    TryingBackup,
)
from banister.model.losses import LossKind
from banister.report.style import Style, columns, duration, plural, size

if TYPE_CHECKING:
    from banister.backup import BackupEntry

__all__ = [
    "backup_entry_json",
    "backup_event_lines",
    "backup_json",
    "backup_lines",
    "entry_lines",
    "rows_back_json",
    "rows_back_lines",
    "saved_rows_json",
]


def backup_event_lines(event: Event, style: Style) -> list[str]:
    """Return what an event about a backup says."""
    match event:
        case BackingUp():
            held = "" if event.size_bytes is None else f", {size(event.size_bytes)} in its tables"
            return [style.dim(f"backup    {event.path}{held}")]
        case TryingBackup():
            return [style.dim(f"tried on  {event.server}")]
        case CommandSaid():
            return [style.dim(f"  {event.line}")]
        case BackupDeleted():
            return [style.dim(f"  removed {event.path}")]
        case SavedRows():
            rows = plural(event.rows, "row")
            return [
                style.dim(f"  {event.version}  saved {rows} of {event.loss.table}: {event.path}")
            ]
        case BackedUp():
            return backup_lines(event.path, event.manifest, style)
        case Restored():
            return _restored(event, style)
    return []


def backup_lines(path: str, manifest: BackupManifest, style: Style) -> list[str]:
    """Return what is to be said of a backup that is whole."""
    rows = sum(manifest.rows.values())
    tested = (
        style.good("restored once, and equal")
        if manifest.tested is not None
        else style.warn("not tested")
    )
    at = f", at {manifest.version}" if manifest.version else ""
    said = (
        f"{path}  {size(manifest.size_bytes)}, {plural(len(manifest.rows), 'table')}, "
        f"{plural(rows, 'row')}{at}, in {duration(manifest.duration_ms)}  {tested}"
    )
    if manifest.unchecked:
        said += ", " + style.warn(f"{plural(len(manifest.unchecked), 'table')} not checked")
    return [said]


def entry_lines(entries: "Sequence[BackupEntry]", shown: str, style: Style) -> list[str]:
    """Return the table of backups."""
    if not entries:
        return [f"there are no backups in {shown}"]
    lines: list[list[tuple[str, str]]] = []
    problems: list[str] = []
    for entry in entries:
        manifest = entry.manifest
        if manifest is None or entry.problem is not None:
            problems.append(f"  {style.bad('does not count:')} {entry.problem}")
            continue
        tested = "tested" if manifest.tested else "not tested"
        cells = [
            entry.path.name,
            manifest.name,
            f"at {manifest.version}" if manifest.version else "no version",
            size(manifest.size_bytes),
            plural(sum(manifest.rows.values()), "row"),
        ]
        mark = style.good if manifest.tested else style.warn
        lines.append([*((cell, cell) for cell in cells), (tested, mark(tested))])
    return [*columns(lines), *problems]


def backup_json(manifest: BackupManifest) -> dict[str, Any]:
    """Return a backup."""
    tested = manifest.tested
    return {
        "file": manifest.file,
        "form": manifest.form.value,
        "compressed": manifest.compressed,
        "clean": manifest.clean,
        "database": manifest.database,
        "server": manifest.server,
        "program": manifest.program,
        "taken_at": manifest.taken_at.isoformat(),
        "duration_ms": manifest.duration_ms,
        "version": manifest.version,
        "size_bytes": manifest.size_bytes,
        "tables_bytes": manifest.tables_bytes,
        "sha256": manifest.sha256,
        "rows": dict(manifest.rows),
        "one_transaction": manifest.one_transaction,
        "unchecked": dict(manifest.unchecked),
        "tested": None
        if tested is None
        else {"at": tested.at.isoformat(), "server": tested.server},
        "run_id": manifest.run_id,
    }


def backup_entry_json(entry: "BackupEntry") -> dict[str, Any]:
    """Return a backup of the folder, whether it counts or not."""
    told = {} if entry.manifest is None else backup_json(entry.manifest)
    return {**told, "file": entry.path.name, "problem": entry.problem}


def rows_back_lines(back: "Sequence[RowsBack]", style: Style) -> list[str]:
    """Return what came of saved rows."""
    lines = []
    for each in back:
        there = ""
        if each.there:
            why = "without their row" if each.kind is LossKind.COLUMNS else "there already"
            there = style.dim(f", {each.there} {why}")
        lines.append(f"  {each.table}  {style.good(plural(each.rows, 'row') + ' put back')}{there}")
    return lines


def rows_back_json(back: RowsBack) -> dict[str, Any]:
    """Return what came of the rows of one file."""
    return {
        "table": back.table, "kind": back.kind.value, "put_back": back.rows, "left": back.there,
    }  # fmt: skip


def saved_rows_json(event: SavedRows) -> dict[str, Any]:
    """Return a file of rows that were saved."""
    return {
        "version": event.version,
        "statement": event.loss.statement,
        "kind": event.loss.kind.value,
        "table": event.loss.table,
        "columns": list(event.loss.columns),
        "file": event.path,
        "rows": event.rows,
        "size_bytes": event.size_bytes,
    }


def _restored(event: Restored, style: Style) -> list[str]:
    rows = f"{plural(len(event.rows), 'table')}, {plural(sum(event.rows.values()), 'row')}"
    lines = [f"{event.path}  {style.good('restored')}  {rows}"]
    if event.replaced is not None and event.replaced.before is not None:
        lines.append(f"what was there is {event.replaced.before}")
    return lines
