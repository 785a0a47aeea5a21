"""What the functions of a project work on: its database, scratch places, and runs over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from banister.errors import interrupts_let_out
from banister.model.driving import drive
from banister.model.text import Dialect
from banister.project import TargetKind, no_target_error

# Everything else is imported where it is used: a command then pays for what it does, no more.
if TYPE_CHECKING:
    from banister.backup import Backups
    from banister.engines import Engine
    from banister.model import Event, Folder, History, Plan, RunFinished, RunInfo
    from banister.planning import PlanOptions
    from banister.project import Settings, Target
    from banister.records import Keeper
    from banister.rehearsal import Rehearsal
    from banister.scratch import Scratch

__all__ = ["Access"]

_OnEvent = Callable[["Event"], None] | None


@dataclass(frozen=True, kw_only=True)
class Access:
    """The way from a project's settings to its database, and to databases beside it."""

    settings: Settings
    #: None: only what needs no database can be done.
    target: Target | None
    #: A server that scratch databases may be made on; None: one is started.
    named: Target | None

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of the database that is named; None where none is."""
        if self.target is None:
            return None
        return Dialect.SQLITE if self.target.kind is TargetKind.SQLITE else Dialect.POSTGRESQL

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Yield the engine of the database; see `Project.engine`."""
        from banister.engines import open_engine  # noqa: PLC0415

        if self.target is None:
            raise no_target_error()
        with interrupts_let_out(), open_engine(self.target, self.settings) as engine:
            yield engine

    @contextmanager
    def introduced(self, on_event: _OnEvent) -> Iterator[Engine]:
        """Yield the engine, and tell which database it speaks to and what to think of the way."""
        from banister.model import Connected, Warned  # noqa: PLC0415

        with self.engine() as engine:
            database = engine.database
            if on_event is not None:
                on_event(Connected(display=database.display, server=database.server))
                for warning in database.warnings:
                    on_event(Warned(finding=warning))
            yield engine

    @contextmanager
    def keeper(self, on_event: _OnEvent) -> Iterator[Keeper]:
        """Yield what changes the records of the database alone."""
        from banister.records import Keeper  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        with self.introduced(on_event) as engine:
            yield Keeper(engine=engine, info=run_info(), lock_wait=self.settings.lock_wait)

    def options(self, *, out_of_order: bool = False) -> PlanOptions:
        """Return how the settings want plans made."""
        from banister.planning import PlanOptions  # noqa: PLC0415

        dialect = self.dialect or Dialect.POSTGRESQL
        seeds = self.settings.seed_when_empty if dialect is Dialect.SQLITE else frozenset[str]()
        return PlanOptions(
            dialect=dialect,
            skip_tags=self.settings.skip_tags,
            seed_tags=seeds,
            out_of_order=out_of_order or self.settings.out_of_order,
        )

    def scratch_place(self, folder: Folder) -> AbstractContextManager[Scratch]:
        """Return a place where all migrations of the folder can be tried."""
        from banister.planning import reaches_cluster  # noqa: PLC0415
        from banister.scratch import open_scratch  # noqa: PLC0415

        dialect = self.dialect or Dialect.POSTGRESQL
        return open_scratch(
            self.settings,
            dialect=dialect,
            target=self.target,
            named=self.named,
            apart=dialect is Dialect.POSTGRESQL and reaches_cluster(folder),
        )

    def backups(self, info: RunInfo | None = None) -> Backups:
        """Return the backups of the database; UsageError where none is named."""
        from banister.backup import Backups  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        if self.target is None:
            raise no_target_error()
        return Backups(
            settings=self.settings,
            target=self.target,
            named=self.named,
            info=info or run_info(),
        )

    def run(
        self,
        make_plan: Callable[[History], Plan],
        on_event: _OnEvent,
        rehearse: Callable[[Plan], Rehearsal],
        *,
        stored_downs: bool = False,
        backup: bool,
        save_rows: bool,
        together: bool | None,
    ) -> RunFinished:
        """Carry a plan out on the database; see `runner.run`.

        `rehearse` tells what a plan takes away, where the settings or the flags ask for that.
        """
        from banister.runner import Job, run  # noqa: PLC0415
        from banister.who import run_info  # noqa: PLC0415

        with self.introduced(on_event) as engine:
            job = Job(
                engine=engine,
                info=run_info(),
                make_plan=make_plan,
                lock_wait=self.settings.lock_wait,
                lock_retry=self.settings.lock_retry,
                together=on_event is None if together is None else together,
                stored_downs=stored_downs,
                ignore=self.settings.drift_ignore,
            )
            if backup or self.settings.backup != "never":
                from banister.backup import backup_first  # noqa: PLC0415

                job.first = backup_first(self.backups(job.info), always=backup, rehearse=rehearse)
            if save_rows or self.settings.backup_rows:
                from banister.backup import LossFinder  # noqa: PLC0415

                dialect = self.dialect or Dialect.POSTGRESQL
                job.find_losses = LossFinder(dialect=dialect, rehearse=rehearse)
            return drive(run(job), on_event)
