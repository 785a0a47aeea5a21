"""The backups of one project: taken, listed, checked, and put back."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from banister.backup.before import BackupFirst
from banister.backup.beside import check_there, manifest_of
from banister.backup.folder import (
    BackupEntry,
    BackupFolder,
    check_backup,
    record_test,
)
from banister.backup.saved_rows import saved_files
from banister.backup.taking import Taker
from banister.backup.trying import ScratchPlace, try_backup
from banister.engines import open_dumps
from banister.errors import BanisterError, DatabaseError, UsageError
from banister.model import Dialect, Event, Plan, RunInfo
from banister.model.backup import (
    BackedUp,
    BackupForm,
    BackupManifest,
    BackupWanted,
    Replaced,
    Restored,
    RowsBack,
)
from banister.model.driving import drive
from banister.project import Settings, Target, TargetKind
from banister.rehearsal import Rehearsal
from banister.rehearsal.losses import may_lose

__all__ = ["Backups", "backup_first"]

_OnEvent = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class Backups:
    """The folder of backups of one project, and the database that they are of."""

    settings: Settings
    target: Target
    #: A server that scratch databases may be made on; None: one is started.
    named: Target | None
    info: RunInfo

    @property
    def shown(self) -> str:
        """The folder, as people should see it."""
        return _folder(self).shown

    @property
    def dialect(self) -> Dialect:
        """What the database speaks."""
        lite = self.target.kind is TargetKind.SQLITE
        return Dialect.SQLITE if lite else Dialect.POSTGRESQL

    def wanted(self) -> BackupWanted:
        """Return how the settings want a backup made."""
        form = BackupForm(self.settings.backup_form)
        return BackupWanted(
            form=BackupForm.SQLITE if self.dialect is Dialect.SQLITE else form,
            compress=self.settings.backup_compress,
            jobs=max(1, self.settings.backup_jobs),
        )

    def take(
        self,
        wanted: BackupWanted | None = None,
        *,
        test: bool = False,
        on_event: _OnEvent | None = None,
    ) -> BackedUp:
        """Write a backup; see `Taker.take`. `test`: it is restored once before it counts."""
        taker = _taker(self)
        return drive(
            taker.take(wanted or self.wanted(), test=test, now=datetime.now(UTC)), on_event
        )

    def entries(self) -> tuple[BackupEntry, ...]:
        """Return the backups of the folder, newest first, also those that do not count."""
        return _folder(self).entries()

    def check(
        self, file: Path, *, test: bool = False, on_event: _OnEvent | None = None
    ) -> BackupManifest:
        """Return the manifest of a backup that is what was written, to the last byte.

        `test`: also that it can be restored, into a scratch database; its manifest says so then.
        Raises UsageError where it is damaged, and what `try_backup` raises.
        """
        path, shown = self._found(file)
        manifest = check_backup(path, shown)
        if not test:
            return manifest
        tool = self.info.tool_version
        tested = drive(try_backup(path, manifest, _place(self), tool), on_event)
        if tested.tested is not None:
            record_test(path, tested.tested)
        return tested

    def about(self, file: Path) -> BackupManifest:
        """Return what the manifest of a backup says; the backup is not looked at."""
        path, shown = self._found(file)
        check_there(path, shown)
        return manifest_of(path, shown)

    def restore(
        self,
        file: Path,
        *,
        replacing: bool = False,
        disconnect: bool = False,
        on_event: _OnEvent | None = None,
    ) -> Restored:
        """Put a backup into the database, which must be empty, or in its place with `replacing`.

        The backup is checked first. On failure everything is as it was. See `Dumps.load` and
        `Dumps.replace`; UsageError for a backup that is damaged, or of another kind of database.
        """
        return drive(self._restore(file, replacing=replacing, disconnect=disconnect), on_event)

    def restore_rows(self, run: str) -> tuple[RowsBack, ...]:
        """Put back the rows that a run has saved; return what came of each table.

        `run`: its number, or the path of its folder. In one transaction: all of them, or none.
        Rows whose key is there stay as they are. Raises UsageError where none are saved or a file
        is damaged, DatabaseError where they do not fit.
        """
        files = saved_files(self.settings.backup_dir, run)
        with open_dumps(self.target, self.settings) as dumps:
            return dumps.put_rows_back(files)

    def _restore(
        self, file: Path, *, replacing: bool, disconnect: bool
    ) -> Generator[Event, None, Restored]:
        path, shown = self._found(file)
        manifest = check_backup(path, shown)
        if manifest.dialect is not self.dialect:
            raise UsageError(
                f"{shown} is a backup of {manifest.server}, and {self.target.display} is another "
                "kind of database",
                hint="name the database that it is for, for example with --url",
            )
        if manifest.clean and not replacing:
            raise UsageError(
                f"{shown} was made with --clean: it drops what is there",
                hint="give it to psql yourself, or use --replace",
            )
        replaced: Replaced | None = None
        with open_dumps(self.target, self.settings) as dumps:
            if replacing:
                with closing(dumps.replace(path, manifest, disconnect=disconnect)) as running:
                    replaced = yield from running
            else:
                dumps.check_empty()
                with closing(dumps.load(path, manifest)) as loading:
                    yield from loading
        # What was replaced was counted before the swap: behind it nothing may fail any more.
        rows = manifest.rows if replacing else self._counted()
        if dict(rows) != dict(manifest.rows):
            raise DatabaseError(
                f"{shown} was restored, and the tables hold other numbers of rows than were dumped",
                code="backup_differs",
                state="the backup is in the database",
                hint="did something else write there?",
            )
        done = Restored(path=shown, rows=rows, replaced=replaced)
        yield done
        return done

    def _counted(self) -> Mapping[str, int]:
        try:
            with open_dumps(self.target, self.settings) as dumps:
                return dumps.count_rows()
        except DatabaseError as error:
            error.state = "the backup is in the database; its rows could not be counted"
            raise

    def _found(self, file: Path) -> tuple[Path, str]:
        """Return where a backup is: as it is written, or by its name in the folder."""
        path, folder = self.settings.start / file, _folder(self)
        with suppress(OSError, ValueError):
            # A name that no file can have is found nowhere.
            inside = folder.path / file.name
            if len(file.parts) == 1 and not path.exists() and inside.exists():
                return inside, folder.shown_path(inside)
        return path, str(file)


def backup_first(
    backups: Backups, *, always: bool, rehearse: Callable[[Plan], Rehearsal]
) -> BackupFirst | None:
    """Return what makes a backup before a run, where the settings or `always` want one.

    Whether a plan may take rows away is seen by `rehearse`; in doubt it may. A SQLite file that the
    run will make holds nothing.
    """
    file = backups.target.path

    def applies(plan: Plan) -> bool:
        if file is not None and not file.exists():
            return False
        if when == "always":
            return True
        try:
            return may_lose(rehearse(plan))
        except BanisterError:
            return True

    when = "always" if always else backups.settings.backup
    if when == "never":
        return None
    return BackupFirst(
        taker=_taker(backups),
        wanted=backups.wanted(),
        test=backups.settings.backup_test,
        command=backups.settings.backup_command,
        applies=applies,
    )


def _folder(backups: Backups) -> BackupFolder:
    path, start = backups.settings.backup_dir, backups.settings.start
    shown = str(path.relative_to(start)) if path.is_relative_to(start) else str(path)
    return BackupFolder(path=path, shown=shown)


def _place(backups: Backups) -> ScratchPlace:
    return ScratchPlace(settings=backups.settings, target=backups.target, named=backups.named)


def _taker(backups: Backups) -> Taker:
    return Taker(
        target=backups.target,
        place=_place(backups),
        folder=_folder(backups),
        info=backups.info,
        keep=backups.settings.backup_keep,
        keep_days=backups.settings.backup_keep_days,
    )
