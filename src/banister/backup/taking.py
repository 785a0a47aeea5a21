"""Taking a backup: written, tried where that is wanted, and only then under its own name."""

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from banister.backup.folder import BackupFolder, measure
from banister.backup.trying import ScratchPlace, schema_mark, try_backup
from banister.engines import Database, Engine, open_dumps, open_engine
from banister.model import Event, RunInfo
from banister.model.backup import (
    BackedUp,
    BackingUp,
    BackupDeleted,
    BackupManifest,
    BackupWanted,
    Dumped,
)
from banister.project import Target
from banister.snapshot import Snapshot

__all__ = ["Taker"]

#: What compressing leaves of text at the most, in sane data: one part of so many.
_COMPRESSED_TO = 3


@dataclass(frozen=True, kw_only=True)
class Taker:
    """Takes backups of one database into one folder."""

    target: Target
    place: ScratchPlace
    folder: BackupFolder
    info: RunInfo
    #: How many, and of how many days, stay; 0: all.
    keep: int = 0
    keep_days: int = 0

    def take(
        self, wanted: BackupWanted, *, test: bool, now: datetime, run_id: str | None = None
    ) -> Generator[Event, None, BackedUp]:
        """Write a backup and return it.

        It stands under its own name, with its manifest, only when it is complete, has reached the
        disk and, with `test`, was restored into a scratch database and came out equal. Old ones go
        then, as far as the settings say so. On failure nothing new is left and the older ones stay.
        Raises DatabaseError, ServerError, UsageError for a folder that cannot be written.
        """
        started = time.monotonic()
        with open_engine(self.target, self.place.settings) as engine:
            before, around = engine.snapshot(own=True), engine.surroundings()
            with open_dumps(self.target, self.place.settings) as dumps:
                size = dumps.size_bytes()
                self.folder.check_room(size // _COMPRESSED_TO if wanted.compress else size)
                with self.folder.writing(now, wanted.form, compressed=wanted.compress) as temporary:
                    name = temporary.stem
                    shown = self.folder.shown_path(self.folder.path / name)
                    yield BackingUp(path=shown, form=wanted.form, size_bytes=size)
                    with closing(dumps.dump(wanted, temporary)) as running:
                        dumped = yield from running
                    manifest = replace(
                        self._manifest(engine.database, wanted, dumped, name, before, now),
                        tables_bytes=size,
                        roles=tuple(sorted(around.roles)),
                        past_policies=tuple(sorted(around.roles & around.past_policies)),
                        extensions=tuple(sorted(around.extensions)),
                        run_id=run_id,
                    )
                    manifest = measure(temporary, manifest)
                    if test:
                        manifest = yield from self._try(temporary, manifest, engine, before)
                    took = round((time.monotonic() - started) * 1000)
                    manifest = replace(manifest, duration_ms=took)
                    path = self.folder.finish(temporary, manifest)
        done = BackedUp(path=self.folder.shown_path(path), manifest=manifest)
        yield done
        for removed in self.folder.tidy(path, keep=self.keep, keep_days=self.keep_days, now=now):
            yield BackupDeleted(path=self.folder.shown_path(removed))
        return done

    def _try(
        self, temporary: Path, manifest: BackupManifest, engine: Engine, before: Snapshot
    ) -> Generator[Event, None, BackupManifest]:
        """Try a dump; the schema may have changed on the way: either side of it will do."""
        expected = (before, engine.snapshot(own=True))
        tool = self.info.tool_version
        with closing(try_backup(temporary, manifest, self.place, tool, expected)) as trying:
            return (yield from trying)

    def _manifest(
        self,
        database: Database,
        wanted: BackupWanted,
        dumped: Dumped,
        name: str,
        before: Snapshot,
        now: datetime,
    ) -> BackupManifest:
        return BackupManifest(
            file=name,
            form=wanted.form,
            compressed=wanted.compress,
            clean=wanted.clean,
            dialect=database.dialect,
            database=self.target.display,
            name=dumped.name,
            identity=dumped.identity,
            server=database.server,
            server_version=database.server_version,
            program=dumped.program,
            tool_version=self.info.tool_version,
            taken_at=now,
            duration_ms=0,
            version=dumped.version,
            size_bytes=0,
            sha256="",
            rows=dumped.rows,
            one_transaction=dumped.one_transaction,
            unchecked=dumped.unchecked,
            schema=schema_mark(before, self.info.tool_version),
        )
