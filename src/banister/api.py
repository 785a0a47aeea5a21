"""The library: one object a project, with the same functions as the commands.

The command line is made of these and of nothing else. Every function is synchronous, prints
nothing, and tells what happens through events handed to a callback.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from banister.access import Access
from banister.errors import Finding, UsageError
from banister.later import imports_later
from banister.model.driving import drive
from banister.model.text import Dialect
from banister.project import (
    has_files_for,
    new_pair,
    read_folder,
)

# Everything else is imported where it is used: a command then pays for what it does, no more.
if TYPE_CHECKING:
    from banister.answers import Preview, Status
    from banister.backup import Backups
    from banister.engines import Engine
    from banister.model import (
        AppliedMigration,
        Event,
        Folder,
        Plan,
        RunFinished,
        RunInfo,
    )
    from banister.project import Settings, Target
    from banister.proof import Drift, ProofEvent, Proven, RollbackTable, StoredDrift
    from banister.records import Decision
    from banister.rehearsal import Rehearsal
    from banister.snapshot import Snapshot

__all__ = ["Decision", "OnEvent", "Preview", "Project", "Status"]

OnEvent = Callable[["Event"], None]
_OnProof = Callable[["ProofEvent"], None] | None


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder of migrations and, where one is named, the database they are for."""

    settings: Settings
    #: None: only what needs no database can be done.
    target: Target | None
    #: None: a server is started where scratch databases are needed.
    scratch: Target | None = None

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of the database that is named; None where none is."""
        return self._access.dialect

    def folder(self) -> Folder:
        """Read the migrations folder. Raises UsageError when there is none."""
        return read_folder(self.settings.dir, self.dialect, shown=self.settings.shown_dir)

    def up(
        self,
        *,
        to: str | None = None,
        out_of_order: bool = False,
        backup: bool = False,
        save_rows: bool = False,
        together: bool | None = None,
        on_event: OnEvent | None = None,
    ) -> RunFinished:
        """Apply what is pending, up to and including version `to`.

        Each migration commits together with its record. When one fails, those before it stay,
        nothing of it is left, those after it do not run; MigrationFailed says so. FindingsError
        is raised before anything is written when a check fails. `backup`: nothing runs before
        there is a good backup, whatever the settings say. `save_rows`: rows that a migration takes
        away are saved first, in its transaction, under the lock that keeps writers out.
        `together`: small migrations may be sent to PostgreSQL together, each still with its own
        transaction; then `on_event`, which is told of them afterwards, cannot stop the run in
        between. None: where there is no `on_event`.
        """
        from banister.planning import make_step, plan_up  # noqa: PLC0415

        folder, options = self.folder(), self._access.options(out_of_order=out_of_order)

        steps = cache(make_step)
        return self._access.run(
            lambda history: plan_up(folder, history, options, to=to, make_step=steps),
            on_event,
            self.rehearse,
            backup=backup,
            save_rows=save_rows,
            together=together,
        )

    def down(
        self,
        count: int = 1,
        *,
        to: str | None = None,
        backup: bool = False,
        save_rows: bool = False,
        together: bool | None = None,
        on_event: OnEvent | None = None,
    ) -> RunFinished:
        """Roll back the last `count` applied migrations, or all above version `to` (0: all).

        In reverse order of application; each down commits together with the removal of its
        record. A migration that cannot be rolled back is found before anything runs. `together`: as
        for `up`.
        """
        from banister.planning import make_step, plan_down  # noqa: PLC0415

        _refuse_no_count(count)
        folder, options = self.folder(), self._access.options()

        steps = cache(make_step)
        return self._access.run(
            lambda history: plan_down(
                folder, history, options, count=count, to=to, make_step=steps
            ),
            on_event,
            self.rehearse,
            stored_downs=True,
            backup=backup,
            save_rows=save_rows,
            together=together,
        )

    def plan(self, *, to: str | None = None, out_of_order: bool = False) -> Preview:
        """Return what `up` would do, with all findings, by reads alone.

        Without a database the files are checked and all of them count as pending.
        """
        from banister.answers import Preview  # noqa: PLC0415
        from banister.model import History  # noqa: PLC0415
        from banister.planning import plan_up  # noqa: PLC0415

        folder, options = self.folder(), self._access.options(out_of_order=out_of_order)
        if self.target is None:
            return Preview(plan=plan_up(folder, History(), options, to=to), database=None)
        with self.engine() as engine:
            plan = plan_up(folder, engine.read_history(), options, to=to)
            return Preview(plan=plan, database=engine.database)

    def rehearse(
        self,
        plan: Plan,
        *,
        since: str | None = None,
        on_event: _OnProof = None,
    ) -> Rehearsal:
        """Carry the steps of a plan out on a scratch copy; return what each does to others.

        The database that is named is only read. Without one, what the migrations below those make
        is the copy; `since` names a commit of git, and only migrations whose files are not as there
        are tried. See `Rehearser` for what is raised; UsageError for a commit that is not there.
        """
        from banister.project import changed_since  # noqa: PLC0415
        from banister.rehearsal.pending import Rehearser  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        rehearser = Rehearser(
            folder=self.folder(),
            settings=self.settings,
            info=run_info(),
            target=self.target,
            named=self.scratch,
        )
        if self.target is None:
            only = None if since is None else changed_since(self.settings.dir, since)
            return drive(rehearser.for_files(plan, only), on_event)
        with self.engine() as engine:
            return drive(rehearser.for_target(plan, engine), on_event)

    def plan_down(self, count: int = 1, *, to: str | None = None) -> Preview:
        """Return what `down` would do, with all findings, by reads alone."""
        from banister.answers import Preview  # noqa: PLC0415
        from banister.planning import plan_down  # noqa: PLC0415

        _refuse_no_count(count)
        with self.engine() as engine:
            history = engine.read_history(stored_downs=True)
            plan = plan_down(self.folder(), history, self._access.options(), count=count, to=to)
            return Preview(plan=plan, database=engine.database)

    def status(self) -> Status:
        """Return where every migration stands, by reads alone."""
        from banister.answers import Status  # noqa: PLC0415
        from banister.planning import check_history, status_rows  # noqa: PLC0415

        folder, options = self.folder(), self._access.options()
        with self.engine() as engine:
            history = engine.read_history()
            findings = (*folder.findings, *history.findings, *check_history(folder, history))
            return Status(
                rows=status_rows(folder, history, options),
                findings=findings,
                database=engine.database,
            )

    def snapshot(self) -> Snapshot:
        """Return the schema of the database as it is now, by reads alone.

        Banister's own tables are left out. A missing SQLite file has an empty schema.
        """
        with self.engine() as engine:
            return engine.snapshot()

    def lint(self, *, squawk: bool = False) -> tuple[Finding, ...]:
        """Return everything the files alone tell: names, numbers, pairs, directives, statements.

        Without a database the plain files are read as PostgreSQL, and `.sqlite.sql` files as
        SQLite. `squawk` adds what that linter says of the up files; UsageError where it is missing.
        """
        from banister.planning import lint  # noqa: PLC0415

        if self.dialect is Dialect.SQLITE:
            return lint(self.folder(), Dialect.SQLITE)
        shown = self.settings.shown_dir
        plain = read_folder(self.settings.dir, Dialect.POSTGRESQL, shown=shown)
        found = lint(plain, Dialect.POSTGRESQL)
        if squawk:
            from banister.project import squawk_folder  # noqa: PLC0415

            found += squawk_folder(plain, self.settings.dir)
        if self.dialect is not None or not has_files_for(self.settings.dir, Dialect.SQLITE):
            return found
        sqlite = read_folder(self.settings.dir, Dialect.SQLITE, shown=shown)
        only = lint(sqlite, Dialect.SQLITE, only_ending=".sqlite.sql")
        return (*found, *(finding for finding in only if finding not in found))

    def verify(
        self,
        *,
        since: str | None = None,
        cache: bool = True,
        on_event: _OnProof = None,
    ) -> Proven:
        """Try every way down on scratch databases, and return what came of it; see `prove`.

        The database that is named is never touched. `since` names a commit of git: only migrations
        whose files are not as there are tried. `cache`: what an earlier run has proven of the same
        texts on the same server is taken from `.banister/`. Raises FindingsError before anything
        runs, MigrationFailed where an up does not run at all, ServerError where no scratch
        database can be had, UsageError for a commit that is not there.
        """
        from banister.project import changed_since  # noqa: PLC0415
        from banister.proof import ProofOptions, Remembered, prove  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        folder, options = self.folder(), self._access.options()
        path = self.settings.root / ".banister" / "verify.json" if cache else None
        wanted = ProofOptions(
            as_one=self.settings.verify_unit == "chain",
            with_rows=self.settings.verify_data,
            only=None if since is None else changed_since(self.settings.dir, since),
            remembered=Remembered(path=path),
        )
        with self._access.scratch_place(folder) as scratch:
            return drive(prove(folder, scratch, run_info(), options, wanted), on_event)

    def rollback_table(self, *, on_event: _OnProof = None) -> RollbackTable:
        """Run every up and every down on a scratch database; return what each down did there.

        The database that is named is never touched. Raises FindingsError before anything runs,
        MigrationFailed where an up or a down does not run, ServerError where no scratch database
        can be had.
        """
        from banister.proof import find_rollbacks  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        folder, options = self.folder(), self._access.options()
        with self._access.scratch_place(folder) as scratch:
            return drive(find_rollbacks(folder, scratch, run_info(), options), on_event)

    def drift(self, *, on_event: _OnProof = None) -> Drift:
        """Compare the schema, by reads alone, with what is applied makes; see `find_drift`."""
        from banister.proof import find_drift, look  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        with self.engine() as engine:
            live = look(engine)
        named = {"target": self.target, "named": self.scratch}
        return drive(find_drift(self.folder(), live, run_info(), self.settings, **named), on_event)

    def stored_drift(self) -> StoredDrift:
        """Say whether the schema is what the last run left, without a scratch database."""
        from banister.proof import compare_stored, look  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        with self.engine() as engine:
            live = look(engine)
        return compare_stored(live, self.settings.drift_ignore, run_info().tool_version)

    def backups(self, info: RunInfo | None = None) -> Backups:
        """Return the backups of the database that is named; UsageError where none is."""
        return self._access.backups(info)

    def new(self, name: str, *, now: datetime) -> tuple[Path, Path]:
        """Create an up and a down file with the next number; nothing is ever overwritten."""
        return new_pair(self.settings.dir, name, shown=self.settings.shown_dir, now=now)

    def baseline(
        self, version: str, *, on_event: OnEvent | None = None
    ) -> tuple[AppliedMigration, ...]:
        """Record every migration up to and including `version` as applied, running none.

        Returns the rows that were written; those applied already are left alone.
        """
        folder = self.folder()
        with self._access.keeper(on_event) as keeper:
            return drive(keeper.baseline(folder, version), on_event)

    def accept_edit(self, version: str, *, on_event: OnEvent | None = None) -> AppliedMigration:
        """Record the text an applied migration's files have now as the one that was applied.

        Returns the row as it is afterwards. The database is not changed otherwise.
        """
        folder = self.folder()
        with self._access.keeper(on_event) as keeper:
            return drive(keeper.accept_edit(folder, version), on_event)

    def decide(
        self,
        version: str,
        statement: int,
        decision: Decision,
        *,
        on_event: OnEvent | None = None,
    ) -> None:
        """Say what became of statement `statement` (from 1) of a half-done migration.

        DONE is for the one statement whose end is not recorded; RETRY for that one or any before
        it. The next `up` or `down` goes on from there. Raises UsageError for any other statement.
        """
        with self._access.keeper(on_event) as keeper:
            drive(keeper.decide(version, statement, decision), on_event)

    def engine(self) -> AbstractContextManager[Engine]:
        """Yield the engine of the database that is named; UsageError where none is.

        An interrupt stays one: what the driver says of a call that it cut short is no failure.
        """
        return self._access.engine()

    @property
    def _access(self) -> Access:
        return Access(settings=self.settings, target=self.target, named=self.scratch)


def _refuse_no_count(count: int) -> None:
    if count < 1:
        raise UsageError("the number of migrations to roll back must be 1 or more")


if not TYPE_CHECKING:
    __getattr__ = imports_later("banister", {"answers": "Preview Status", "records": "Decision"})
