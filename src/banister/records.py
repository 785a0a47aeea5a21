"""Changes to the records alone: baseline, accepted edits, decisions. No migration runs here."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from banister.engines import Engine, HistoryChanged
from banister.errors import DatabaseError, UsageError
from banister.model import (
    AppliedMigration,
    Event,
    Folder,
    History,
    LogEntry,
    LogEvent,
    Migration,
    RunInfo,
    Unfinished,
)
from banister.planning import check_history, find_version, version_in
from banister.runner import refuse_errors

__all__ = ["Decision", "Keeper"]

_NONE_APPLIED = "none is applied"


class Decision(StrEnum):
    """What a person says about a statement whose end is not recorded."""

    #: It took effect: go on behind it.
    DONE = "done"
    #: Run on from that statement: it did not, or what it made in its session is gone.
    RETRY = "retry"


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """Changes the records of one database, under the lock that runs take too.

    Each function yields WaitingForLock while another run holds the lock, and returns its result.
    """

    engine: Engine
    info: RunInfo
    #: Seconds to wait for another run.
    lock_wait: float

    def baseline(
        self, folder: Folder, version: str
    ) -> Generator[Event, None, tuple[AppliedMigration, ...]]:
        """Record migrations up to and including `version` as applied; see `Project.baseline`."""
        target = find_version(version, tuple(folder.by_version))
        yield from self.engine.lock(wait_seconds=self.lock_wait)
        history = self.engine.read_history()
        if history.unfinished:
            item = history.unfinished[0]
            raise DatabaseError(
                f"{item.version}_{item.name} ({item.direction}) is half done",
                code="unfinished",
                state="nothing was recorded",
                hint=f"finish it first with `banister {item.direction}`",
            )
        refuse_errors((*folder.findings, *history.findings, *check_history(folder, history)))
        rows = tuple(
            _row_of(migration)
            for migration in folder.migrations
            if migration.version <= target and migration.version not in history.by_version
        )
        self.engine.prepare()
        with _alone():
            self.engine.stamp(rows, self.info)
        return rows

    def accept_edit(self, folder: Folder, version: str) -> Generator[Event, None, AppliedMigration]:
        """Record the text that files have now; see `Project.accept_edit`."""
        yield from self.engine.lock(wait_seconds=self.lock_wait)
        history = self.engine.read_history(stored_downs=True)
        known = tuple(sorted(history.by_version))
        wanted = find_version(version, known, none=_NONE_APPLIED)
        migration = folder.by_version.get(wanted)
        if migration is None:
            raise UsageError(
                f"there is no file for version {version}",
                hint="bring the file back from version control",
            )
        refuse_errors(
            tuple(f for f in folder.findings if f.version and version_in(f.version) == wanted)
        )
        before = history.by_version[wanted]
        row = replace(
            _row_of(migration), applied_at=before.applied_at, duration_ms=before.duration_ms
        )
        if migration.down is None:
            # What the database keeps is the only way down that is left.
            row = replace(
                row,
                down_checksum=before.down_checksum,
                down_text=before.down_text,
                down_kept=before.down_kept,
            )
        self.engine.prepare()
        with _alone():
            self.engine.accept_edit(row, self.info, replaced=before.up_checksum)
        return row

    def decide(
        self, version: str, statement: int, decision: Decision
    ) -> Generator[Event, None, None]:
        """Say what became of a statement of a half-done migration; see `Project.decide`."""
        yield from self.engine.lock(wait_seconds=self.lock_wait)
        unfinished = _in_question(self.engine.read_history(), version, statement, decision)
        entry = LogEntry(
            event=LogEvent.DECIDED,
            version=unfinished.version,
            name=unfinished.name,
            direction=unfinished.direction,
            statement=statement,
            detail=decision.value,
        )
        self.engine.record([entry], self.info)


@contextmanager
def _alone() -> Iterator[None]:
    """Say what to do when another run writes the same record at the same time."""
    try:
        yield
    except HistoryChanged:
        raise DatabaseError(
            "another run changed the history meanwhile",
            code="history_changed",
            state="nothing was recorded",
            hint="look at `banister status`, then run the command again",
        ) from None


def _row_of(migration: Migration) -> AppliedMigration:
    """The row that records a migration's files as they are now."""
    down = migration.down
    down_text = down.source.whole if down else None
    return AppliedMigration(
        version=migration.version,
        name=migration.name,
        up_checksum=migration.up.checksum,
        down_checksum=down.checksum if down else None,
        down_text=down_text,
        down_kept=down_text is not None,
    )


def _in_question(history: History, version: str, statement: int, decision: Decision) -> Unfinished:
    """Return the half-done migration that a decision about `statement` is for."""
    half_done = {item.version: item for item in history.unfinished}
    if not half_done:
        raise UsageError(
            "nothing is to be decided: no migration is half done",
            hint="`banister status` shows where things stand",
        )
    item = half_done[find_version(version, tuple(half_done))]
    next_one = len(item.done) + 1
    if decision is Decision.RETRY and statement <= next_one:
        return item
    if decision is Decision.DONE and statement == next_one and item.in_flight:
        return item
    raise UsageError(
        f"statement {statement} of {item.version} is not in question: {next_one - 1} are done, "
        + (f"and how {next_one} ended is not recorded" if item.in_flight else "and none is open"),
    )
