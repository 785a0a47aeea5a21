"""Watching from inside what each statement of a step does: locks, files, counters, catalogs."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, LiteralString

from banister.engines.base import TryAgain
from banister.engines.postgres.aims import aims_by_locks, aims_by_plan
from banister.engines.postgres.code import code_of
from banister.engines.postgres.effects import Effects
from banister.engines.postgres.onlooker import Onlooker, row_counts
from banister.engines.postgres.probes import Look, changes_between, look_at, probe_queries
from banister.engines.postgres.session import Notice, Session
from banister.errors import Failure, MigrationFailed
from banister.model import (
    Aim,
    Catalog,
    Dialect,
    Event,
    HistoryTable,
    Lock,
    LockMode,
    Statement,
    StatementTrace,
    Step,
    Traced,
    Written,
)
from banister.script import traits

__all__ = ["Tracer"]

#: Statements that may set something without saying so.
_MAY_SET = frozenset({"SELECT", "DO", "CALL", "WITH"})
#: The first row of the counters is about all catalogs.
_CATALOGS = 0
_CASCADED = "drop cascades to "
#: Characters in which a statement names its tables.
_NAMES_WITHIN = 100_000

#: Scans, inserted, updated, deleted rows, by OID.
_Counts = Mapping[int, tuple[int, int, int, int]]


@dataclass(kw_only=True)
class Tracer:
    """Looks on while a session runs steps on a scratch database; one a session."""

    session: Session
    history: HistoryTable
    #: How to connect for a session that may look at, and stand in the way of, everything.
    eyes: str = field(repr=False)
    _look: Look | None = None
    #: OIDs of Banister's own tables.
    _hidden: Sequence[int] = ()
    #: Rows of tables, as far as they are known, by OID.
    _rows: dict[int, int] | None = None
    #: The same, when the open transaction began.
    _rows_begun: Mapping[int, int] = field(default_factory=dict)
    #: Locks of the open transaction, by OID.
    _held: dict[int, Lock] = field(default_factory=dict)
    #: Of the open transaction; None: not read yet.
    _counters: _Counts | None = None
    #: What the session has set, by name.
    _set: Mapping[str, str] = field(default_factory=dict)
    _lock_timeout: float = 0.0

    @property
    def catalog(self) -> Catalog:
        """The catalogs as they were when they were looked at last; empty before `start`."""
        return Catalog() if self._look is None else self._look.catalog

    def start(self) -> None:
        """Look at the database before a step, outside of its transaction. Raises psycopg.Error."""
        tables = [self.history.name, self.history.log_name]
        found = self._ask("hidden", schema=self.history.schema, tables=tables)
        self._hidden = [row[0] for row in found]
        # Between steps nothing is written but the history.
        if self._look is None:
            self._look = look_at(self.session.connection, self._hidden)
        if self._rows is None:
            self._rows = row_counts(self.eyes, self.catalog)
        self._set = self._settings()
        self._lock_timeout = self._waits()
        self.begun()

    def begun(self) -> None:
        """Forget the locks of the transaction before: a new one has begun."""
        self._held.clear()
        self._counters = None
        self._rows_begun = dict(self._rows or {})

    def around(
        self,
        step: Step,
        batch: Sequence[tuple[int, Statement]],
        run: Callable[[], Generator[Event, None, None]],
        *,
        alone: bool,
    ) -> Generator[Event, None, None]:
        """Run statements and yield Traced, also where one fails; what `run` raises goes on.

        Several only write rows, and are told together. `alone`: it runs in no transaction of ours,
        so that only another session sees its locks.
        """
        number, statement = batch[0]
        words = traits(statement, Dialect.POSTGRESQL).words
        before = self.catalog
        # Some settings must come before the first query of their transaction.
        only_sets = words[:1] == ("SET",) and not alone
        if not only_sets and not alone and self._counters is None:
            self._counters = self._count()
        self._speak_up(local=not alone)
        plain = StatementTrace(
            number=number,
            through=batch[-1][0] if len(batch) > 1 else 0,
            statement=statement,
            held=tuple(self._held.values()),
            lock_timeout=self._lock_timeout,
            alone=alone,
        )
        onlooker = Onlooker(conninfo=self.eyes, pid=self.session.connection.info.backend_pid)
        started = time.monotonic()
        try:
            with onlooker if alone else nullcontext():
                yield from run()
        except (MigrationFailed, TryAgain) as error:
            failed = error.error if isinstance(error, TryAgain) else error
            trace = self._refused(plain, onlooker.seen, failed.failure)
            yield Traced(step=step, trace=trace, before=before)
            raise
        took = round((time.monotonic() - started) * 1000)
        notices = tuple(self.session.take_notices())
        if alone:
            self._speak_down()
        plain = replace(
            plain, notices=_texts(notices), cascaded=_cascaded(notices), duration_ms=took
        )
        seen = onlooker.seen if alone else None
        trace = self._completed(plain, words, before, seen, only_sets)
        yield Traced(step=step, trace=trace, before=before)

    def _refused(
        self, trace: StatementTrace, seen: Iterable[tuple[int, str, bool]], failure: Failure
    ) -> StatementTrace:
        """Return the trace of what failed; what it had changed is rolled back."""
        catalog = self.catalog
        self._look = None
        return replace(
            trace,
            locks=tuple(self._taken(seen, trace.number, catalog, catalog)),
            notices=_texts(self.session.take_notices()),
            failure=failure,
        )

    def _completed(
        self,
        trace: StatementTrace,
        words: tuple[str, ...],
        before: Catalog,
        seen: Iterable[tuple[int, str, bool]] | None,
        only_sets: bool,  # noqa: FBT001 -- one caller
    ) -> StatementTrace:
        """Return the trace with what can be asked for now that the statement is done."""
        if only_sets:
            names = traits(trace.statement, Dialect.POSTGRESQL)
            told = dict.fromkeys(names.session_settings, names.setting_value or "")
            return replace(trace, settings=told, lock_timeout=self._lock_timeout)
        alone = seen is not None
        if words[:1] == ("ROLLBACK",) and not alone:
            return self._rolled_back(trace)
        counted = None if alone else self._count()
        changed = alone or self._difference(counted).get(_CATALOGS) is not None
        if changed:
            self._look = look_at(self.session.connection, self._hidden, self._look)
        after = self.catalog
        if seen is None:
            pid = self.session.connection.info.backend_pid
            rows = self._ask("locks", pid=pid)
            seen = [(row[0], row[1], row[2]) for row in rows]
        locks = tuple(self._taken(seen, trace.number, before, after, keep=not alone))
        difference = self._difference(counted)
        effects = Effects(
            before=before,
            after=after,
            said=trace.notices,
            words=words,
            locked={lock.relation_oid for lock in (*trace.held, *locks)},
            scanned={oid for oid, counts in difference.items() if counts[0] > 0},
            emptied=self._emptied(before, after),
            text=trace.statement.text[:_NAMES_WITHIN],
        )
        self._counters = counted
        self._lock_timeout = self._waits()
        written = tuple(self._written(difference, before, after, effects))
        code = code_of(self.session.connection, trace.statement.text, words)
        trace = replace(trace, code=code)
        return replace(
            trace,
            locks=locks,
            rewrites=effects.rewrites,
            scans=effects.scans,
            builds=effects.builds,
            written=written,
            aims=self._aims(trace, words, locks, written),
            relations=changes_between(before.relations, after.relations),
            columns=changes_between(before.columns, after.columns),
            constraints=changes_between(before.constraints, after.constraints),
            indexes=changes_between(before.indexes, after.indexes),
            objects=changes_between(before.objects, after.objects),
            settings=self._settings_left(trace) if _MAY_SET.intersection(words[:1]) else {},
            lock_timeout=self._lock_timeout,
        )

    def _rolled_back(self, trace: StatementTrace) -> StatementTrace:
        """Return the trace of a ROLLBACK TO: what it undoes was never there for anybody else."""
        # What was read anew meanwhile is as old again as before: no later look would find it.
        self._look = look_at(self.session.connection, self._hidden)
        pid = self.session.connection.info.backend_pid
        locks = [(row[0], row[1], row[2]) for row in self._ask("locks", pid=pid)]
        self._taken(locks, trace.number, self.catalog, self.catalog, keep=True)
        self._counters = self._count()
        # Which of the rows are back is not known: in doubt all are.
        for oid, rows in self._rows_begun.items():
            if self._rows is not None:
                self._rows[oid] = max(rows, self._rows.get(oid, 0))
        self._lock_timeout = self._waits()
        return replace(trace, lock_timeout=self._lock_timeout)

    def _aims(
        self,
        trace: StatementTrace,
        words: tuple[str, ...],
        locks: Sequence[Lock],
        written: Sequence[Written],
    ) -> tuple[Aim, ...]:
        text, several = f"{trace.statement.text}\n{trace.code}", bool(trace.through)
        # What runs alone may commit in between, which is what one does to lock rows for less long.
        found = () if trace.alone else aims_by_locks(text, words, locks, written, several=several)
        if not several:
            found += aims_by_plan(self.session.connection, trace.statement, words, self.catalog)
        return found

    def _taken(
        self,
        seen: Iterable[tuple[int, str, bool]],
        number: int,
        before: Catalog,
        after: Catalog,
        *,
        keep: bool = False,
    ) -> list[Lock]:
        """Return the strongest lock on each relation, where it is stronger than what was held."""
        strongest: dict[int, tuple[LockMode, bool]] = {}
        for oid, mode, granted in seen:
            known = strongest.get(oid)
            if mode in set(LockMode) and (known is None or LockMode(mode) > known[0]):
                strongest[oid] = (LockMode(mode), granted)
        found = []
        for oid, (mode, granted) in sorted(strongest.items()):
            relation = before.relations.get(oid) or after.relations.get(oid)
            held = self._held.get(oid)
            if relation is None or (held is not None and held.mode >= mode):
                continue
            table = relation
            if relation.table_oid is not None:
                table = (
                    before.relations.get(relation.table_oid)
                    or after.relations.get(relation.table_oid)
                    or relation
                )
            lock = Lock(
                relation_oid=oid,
                relation=relation.name,
                kind=relation.kind,
                mode=mode,
                table=table.name,
                table_oid=table.oid,
                taken_by=number,
                granted=granted,
            )
            found.append(lock)
            if keep:
                self._held[oid] = lock
        if keep:
            self._forget_released({oid: mode for oid, (mode, _) in strongest.items()})
        return found

    def _forget_released(self, strongest: Mapping[int, LockMode]) -> None:
        """Forget what a ROLLBACK TO has released, and know what it has made weaker."""
        for oid, lock in [*self._held.items()]:
            mode = strongest.get(oid)
            if mode is None:
                del self._held[oid]
            elif mode < lock.mode:
                self._held[oid] = replace(lock, mode=mode)

    def _written(
        self,
        difference: _Counts,
        before: Catalog,
        after: Catalog,
        effects: Effects,
    ) -> Generator[Written, None, None]:
        rows = self._rows if self._rows is not None else {}
        for oid, (_, inserted, updated, deleted) in sorted(difference.items()):
            relation = before.relations.get(oid) or after.relations.get(oid)
            if oid == _CATALOGS or relation is None or not (inserted or updated or deleted):
                continue
            was = rows.get(oid, 0)
            rows[oid] = max(was + inserted - deleted, 0)
            yield Written(
                table_oid=oid,
                table=relation.name,
                inserted=inserted,
                updated=updated,
                deleted=deleted,
                rows_before=was,
            )
        for rewrite in effects.rewrites:
            if rewrite.how == "truncate":
                rows[rewrite.relation_oid] = 0

    def _emptied(self, before: Catalog, after: Catalog) -> frozenset[int]:
        """Return those of the relations with another file in which nothing is."""
        if before.relations is after.relations:
            return frozenset()
        again = [
            oid
            for oid, now in after.relations.items()
            if oid in before.relations and before.relations[oid].filenode not in {0, now.filenode}
        ]
        rows = self._ask("emptied", oids=again) if again else []
        return frozenset(row[0] for row in rows)

    def _difference(self, counted: _Counts | None) -> _Counts:
        """Return what was counted since the last look, of what has changed."""
        found = {}
        for oid, now in (counted or {}).items():
            was = (self._counters or {}).get(oid, (0, 0, 0, 0))
            if now != was:
                a, b, c, d = (max(x - y, 0) for x, y in zip(now, was, strict=True))
                found[oid] = (a, b, c, d)
        return found

    def _count(self) -> _Counts:
        return {row[0]: (row[1], row[2], row[3], row[4]) for row in self._ask("counters")}

    def _settings(self) -> dict[str, str]:
        return {row[0]: row[1] for row in self._ask("session")}

    def _settings_left(self, trace: StatementTrace) -> Mapping[str, str]:
        """Return what the statement has set in passing, and what holds behind its transaction."""
        now = self._settings()
        new = {name: value for name, value in now.items() if self._set.get(name) != value}
        if trace.alone:
            # Ours: with nothing else locked, such a statement may wait longer.
            mine = {"client_min_messages", "lock_timeout"}
            return {name: value for name, value in new.items() if name not in mine}
        # The server does not tell what ends with the transaction: the statement itself must.
        told = traits(trace.statement, Dialect.POSTGRESQL).session_settings
        return {name: value for name, value in new.items() if name in told}

    def _waits(self) -> float:
        rows = self._ask("lock_timeout")
        return float(rows[0][0]) / 1000 if rows else 0.0

    def _speak_up(self, *, local: bool) -> None:
        """Have the server say what it does; a file may have told it to be quiet."""
        self.session.drop_notices()
        how: LiteralString = "SET LOCAL" if local else "SET"
        # A query instead would come before a SET TRANSACTION, which must be the first.
        self.session.connection.execute(how + " client_min_messages = debug1")

    def _speak_down(self) -> None:
        self.session.connection.execute("RESET client_min_messages")

    def _ask(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        text = probe_queries()[query].encode()
        return self.session.connection.execute(text, values or None).fetchall()


def _texts(notices: Iterable[Notice]) -> tuple[str, ...]:
    return tuple(notice.message for notice in notices)


def _cascaded(notices: Iterable[Notice]) -> tuple[str, ...]:
    """Return what was dropped along, from the one line or from the list behind it."""
    found: list[str] = []
    for notice in notices:
        if notice.message.startswith(_CASCADED):
            lines = notice.detail.splitlines() if notice.detail else [notice.message]
            found += [line.removeprefix(_CASCADED) for line in lines if line.startswith(_CASCADED)]
    return tuple(found)
