"""Rehearsing a plan: for the database that it is for, or for the files alone."""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from banister.engines import Engine
from banister.errors import DatabaseError
from banister.model import Dialect, Folder, History, Plan, ProofEvent, RunInfo, Step, Version
from banister.planning import not_for_scratch, steps_reach_cluster
from banister.project import Settings, Target
from banister.rehearsal.copying import copy_of_files, copy_of_target
from banister.rehearsal.rehearse import Copy, rehearse
from banister.rehearsal.sizes import SmallTables
from banister.rehearsal.verdicts import Rehearsal
from banister.runner import refuse_errors
from banister.scratch import Scratch, open_scratch

__all__ = ["Rehearser"]

#: Where roles are named: in so many characters of so many statements.
_NAMES_WITHIN = 10_000
_STATEMENTS = 2_000

_Rehearsing = Generator[ProofEvent, None, Rehearsal]


@dataclass(frozen=True, kw_only=True)
class Rehearser:
    """Carries the steps of plans out on scratch copies."""

    folder: Folder
    settings: Settings
    info: RunInfo
    #: The database that the migrations are for; None: none is named.
    target: Target | None
    #: A server that scratch databases may be made on; None: one is started.
    named: Target | None

    def for_target(self, plan: Plan, engine: Engine) -> _Rehearsing:
        """Rehearse a plan on a copy of the database behind `engine`, from which it was made.

        Only reads are sent there. Raises DatabaseError, where another run has changed the history
        meanwhile too, ServerError, FindingsError, MigrationFailed.
        """
        history = engine.read_history()
        if frozenset(history.by_version) != plan.made_from:
            raise DatabaseError(
                "another run has changed the history", code="history_changed", hint="plan again"
            )
        if engine.database.dialect is Dialect.SQLITE:
            return (yield from self._for_file(plan, engine, history))
        around = engine.surroundings()
        roles = around.roles | _named(around.other_roles, plan.steps)
        settings = replace(self.settings, scratch_roles=self.settings.scratch_roles | roles)
        major = engine.database.server_version[0]
        with self._scratch(plan.steps, settings, major) as scratch:
            yield _event("copying the schema")
            half_done = next((s for s in plan.steps if s.half_done), None)
            copy = copy_of_target(
                scratch, engine, history, around, self.folder, self.info, half_done=half_done
            )
            return (yield from self._on(copy, plan.steps))

    def _for_file(self, plan: Plan, engine: Engine, history: History) -> _Rehearsing:
        # Most projects have no such file.
        from banister.rehearsal.sqlite.rehearse import copy_of_file, rehearse_file  # noqa: PLC0415

        half_done = next((s for s in plan.steps if s.half_done), None)
        if half_done is not None:
            raise DatabaseError(
                f"{half_done.label} is half done, and what it left is not in a copy of the schema",
                code="unfinished",
                hint="finish it first: run the command again that was interrupted",
            )
        with open_scratch(self.settings, dialect=Dialect.SQLITE, target=self.target) as scratch:
            yield _event("copying the schema")
            copy = copy_of_file(scratch, engine, history, self.info)
            return (yield from rehearse_file(copy, plan.steps, self.info, small=self._small))

    def for_files(self, plan: Plan, only: Collection[Version] | None) -> _Rehearsing:
        """Rehearse steps on what those before them make, with no database to look at.

        `only`: those that are rehearsed, and whatever is below them counts as deployed; None: all,
        beginning with an empty database. Raises ServerError, FindingsError, MigrationFailed.
        """
        steps = [s for s in plan.steps if only is None or s.version in only]
        first = min((step.version for step in steps), default=None)
        before = [s for s in plan.steps if s not in steps and (first is None or s.version < first)]
        wanted = [s for s in plan.steps if s not in before and (only is None or s in steps)]
        with self._scratch(plan.steps, self.settings, None) as scratch:
            yield _event("the migrations before")
            copy = copy_of_files(scratch, before, self.info, {})
            return (yield from self._on(copy, wanted))

    def _on(self, copy: Copy, steps: Sequence[Step]) -> _Rehearsing:
        return (yield from rehearse(copy, steps, self.info, small=self._small))

    @property
    def _small(self) -> SmallTables:
        return SmallTables(
            rows=self.settings.plan_small_rows, size_bytes=self.settings.plan_small_bytes
        )

    @contextmanager
    def _scratch(
        self, steps: Sequence[Step], settings: Settings, major: int | None
    ) -> Iterator[Scratch]:
        with open_scratch(
            settings,
            dialect=Dialect.POSTGRESQL,
            target=self.target,
            named=self.named,
            major=major,
            apart=steps_reach_cluster(steps),
        ) as scratch:
            refuse_errors(not_for_scratch(steps, shared=scratch.shared))
            yield scratch


def _named(roles: Collection[str], steps: Sequence[Step]) -> frozenset[str]:
    """Return the roles that the text of a step may name."""
    texts = [
        statement.text[:_NAMES_WITHIN].lower()
        for step in steps
        for _, statement in islice(step.to_run(), _STATEMENTS)
    ]
    return frozenset(role for role in roles if any(role.lower() in text for text in texts))


def _event(doing: str) -> ProofEvent:
    return ProofEvent(doing=doing, number=0, total=1)
