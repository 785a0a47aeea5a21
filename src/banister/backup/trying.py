"""Restoring a backup into a scratch database, which shows whether it can be."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from banister.engines import open_dumps
from banister.errors import DatabaseError
from banister.model import Dialect, Event
from banister.model.backup import BackupManifest, BackupTest, TryingBackup
from banister.project import Settings, Target
from banister.scratch import open_scratch
from banister.snapshot import Change, Difference, Snapshot, compare, fingerprint_without

__all__ = ["ScratchPlace", "schema_mark", "try_backup"]

#: So many differences are told.
_TOLD = 5


@dataclass(frozen=True, kw_only=True)
class ScratchPlace:
    """Where backups of a database are tried."""

    settings: Settings
    #: What the backups are of; it is never connected to from here.
    target: Target | None
    #: A server that scratch databases may be made on; None: one is started.
    named: Target | None


def schema_mark(snapshot: Snapshot, tool_version: str) -> str:
    """Return what a restored schema is known by; the same version of Banister makes the same."""
    checksum, basis = fingerprint_without(snapshot, frozenset(), tool_version)
    return f"{basis} {checksum}"


def try_backup(
    source: Path,
    manifest: BackupManifest,
    place: ScratchPlace,
    tool_version: str,
    expected: Sequence[Snapshot] = (),
) -> Generator[Event, None, BackupManifest]:
    """Restore a backup into a scratch database; return its manifest, which says that it was.

    Every table has as many rows as when it was dumped, and the schema is one of `expected`, or has
    the mark of the manifest. On another major version than the backup's, and where the database has
    no history, the schema is not compared.
    Raises DatabaseError where the backup cannot be restored or differs, ServerError where no
    scratch database can be had, which says nothing about the backup.
    """
    settings = replace(
        place.settings, scratch_roles=place.settings.scratch_roles | frozenset(manifest.roles)
    )
    major = manifest.server_version[0]
    with open_scratch(
        settings, dialect=manifest.dialect, target=place.target, named=place.named, major=major
    ) as scratch:
        yield TryingBackup(server=scratch.display)
        database = scratch.create()
        if manifest.dialect is Dialect.POSTGRESQL:
            # It brings the driver with it, which costs more to import than an offline command may.
            from banister.scratch.loading import check_extensions, let_past_policies  # noqa: PLC0415

            check_extensions(scratch, database, manifest.extensions)
            # Materialized views are filled by their owners.
            let_past_policies(scratch, database, manifest.past_policies)
        with open_dumps(scratch.privileged(database), scratch.settings) as dumps:
            try:
                yield from dumps.load(source, manifest)
            except DatabaseError as error:
                error.state = "only a scratch database was touched, which is gone"
                raise
            rows = dumps.count_rows()
        _same_rows(manifest.rows, rows)
        mark = manifest.schema
        # Without a history nothing says whose objects go without saying: owners would differ.
        if scratch.major in {None, major} and manifest.version is not None:
            with scratch.open(database) as engine:
                found = engine.snapshot(own=True)
            mark = _same_schema(found, manifest, tool_version, expected)
        tested = BackupTest(at=datetime.now(UTC), server=scratch.display)
        return replace(manifest, tested=tested, schema=mark)


def _same_rows(wanted: Mapping[str, int], found: Mapping[str, int]) -> None:
    wrong = [
        f"{table}: {found.get(table, 'missing')} instead of {wanted.get(table, 'missing')}"
        for table in sorted({*wanted, *found})
        if wanted.get(table) != found.get(table)
    ]
    if wrong:
        more = f", and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise _differs("other numbers of rows", ", ".join(wrong[:_TOLD]) + more)


def _same_schema(
    found: Snapshot, manifest: BackupManifest, tool_version: str, expected: Sequence[Snapshot]
) -> str:
    """Return the mark of a restored schema. Raises DatabaseError where it is another one."""
    mark = schema_mark(found, tool_version)
    if not expected:
        comparable = manifest.schema is not None and manifest.tool_version == tool_version
        if comparable and manifest.schema != mark:
            raise _differs("another schema", "than the database had when it was dumped")
        return mark
    differences: list[Difference] = []
    for snapshot in expected:
        differences = [
            each for each in compare(snapshot, found) if not _is_left_out(each, snapshot)
        ]
        if not differences:
            return mark
    told = ", ".join(str(each) for each in differences[:_TOLD])
    raise _differs("another schema", told)


def _is_left_out(difference: Difference, snapshot: Snapshot) -> bool:
    """Whether it is an index that was not finished, which no dump holds."""
    expected = snapshot.objects.get(difference.identity)
    return (
        difference.change is Change.MISSING
        and expected is not None
        and expected.properties.get("valid") == "no"
    )


def _differs(what: str, told: str) -> DatabaseError:
    return DatabaseError(
        f"the restored backup has {what}: {told}",
        code="backup_differs",
        state="the database is as it was; the backup does not count",
    )
