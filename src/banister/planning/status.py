"""Files + history → one row a migration. No I/O."""

from banister.model import AppliedMigration, Folder, History, Migration, State, StatusRow
from banister.planning.plan import PlanOptions, left_out

__all__ = ["status_rows"]


def status_rows(folder: Folder, history: History, options: PlanOptions) -> tuple[StatusRow, ...]:
    """Return where every migration stands, by version; also those whose files are gone."""
    rows = {
        row.version: _applied(
            row,
            folder.by_version.get(row.version),
            unreadable=row.version in folder.unreadable,
        )
        for row in history.applied
    }
    unfinished = {item.version: item for item in history.unfinished}
    for migration in folder.migrations:
        if migration.version in unfinished:
            state = State.UNFINISHED
        elif migration.version in rows:
            continue
        else:
            skipped = left_out(migration, history, options)
            state = State.SKIPPED if skipped else State.PENDING
        rows[migration.version] = StatusRow(
            version=migration.version,
            name=migration.name,
            state=state,
            tags=migration.tags,
            reversible=_reversible(migration),
        )
    for version, item in unfinished.items():
        if version not in rows:
            rows[version] = StatusRow(
                version=version, name=item.name, state=State.UNFINISHED, reversible=False
            )
    return tuple(row for _, row in sorted(rows.items()))


def _applied(row: AppliedMigration, migration: Migration | None, *, unreadable: bool) -> StatusRow:
    kept = row.down_kept
    if migration is None:
        state = State.UNREADABLE if unreadable else State.MISSING
    elif row.up_checksum is not None and row.name != migration.name:
        state = State.RENAMED
    elif row.up_checksum not in {None, migration.up.checksum}:
        state = State.EDITED
    else:
        state = State.APPLIED
    return StatusRow(
        version=migration.version if migration else row.version,
        name=migration.name if migration else row.name,
        state=state,
        tags=migration.tags if migration else frozenset(),
        applied_at=row.applied_at,
        duration_ms=row.duration_ms,
        reversible=_reversible(migration, kept=kept) if migration else kept,
        down_kept=kept or row.down_checksum is None,
    )


def _reversible(migration: Migration, *, kept: bool = False) -> bool:
    has_down = migration.down is not None or kept
    return has_down and not migration.up.directives.irreversible
