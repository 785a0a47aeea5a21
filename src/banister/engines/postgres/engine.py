"""The PostgreSQL engine: connection, runner lock and records; steps are carried out by apply."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime

import psycopg
from psycopg import sql

from banister.engines.base import Committed, Database, HistoryChanged, SessionSettings
from banister.engines.postgres.apply import carry_out
from banister.engines.postgres.catalog import catalog_snapshot
from banister.engines.postgres.dumps.programs import find_program
from banister.engines.postgres.dumps.schema import dump_schema, pattern, read_surroundings
from banister.engines.postgres.faults import first_line
from banister.engines.postgres.fill import fill_tables
from banister.engines.postgres.history import HistoryStore, Identity
from banister.engines.postgres.lock import RunnerLock, lock_key
from banister.engines.postgres.observer import Observer
from banister.engines.postgres.pooler import refuse_behind_pooler, refuse_without_transactions
from banister.engines.postgres.rows import contents_of
from banister.engines.postgres.saving import saver_for
from banister.engines.postgres.session import Connection, connect
from banister.engines.postgres.stage import Stage
from banister.engines.postgres.together import Together, fitting
from banister.engines.postgres.tracing import Tracer
from banister.engines.postgres.transport import needs_tls
from banister.engines.queries import load_queries
from banister.errors import BanisterError, DatabaseError, HistoryError, Location
from banister.model import (
    AppliedMigration,
    Contents,
    Direction,
    Event,
    History,
    HistoryTable,
    LogEntry,
    RunInfo,
    Step,
    Surroundings,
    Unfilled,
    Version,
)
from banister.model.records import baseline_entry, edit_entry
from banister.snapshot import Snapshot

__all__ = ["PostgresEngine"]


class PostgresEngine:
    """One PostgreSQL database over one connection."""

    def __init__(
        self,
        conninfo: str,
        *,
        display: str,
        history: HistoryTable,
        settings: SessionSettings,
        eyes: str | None = None,
    ) -> None:
        """Connect. Raises ConnectionFailed.

        `eyes`: for a scratch database, what a session connects with that may look at everything;
        `apply` then yields Traced for each statement.
        """
        self._queries = {
            **load_queries(__package__, "queries.sql"),
            **load_queries(__package__, "recovery.sql"),
        }
        self._store = HistoryStore(table=history, queries=self._queries)
        self._settings = settings
        self._key = lock_key(history)
        #: None until the tables are known to be there.
        self._identity: Identity | None = None
        self._lock_wait = 0.0
        #: No application so far is later than this, by the server's clock.
        self._last_applied: datetime | None = None
        self._conninfo = conninfo
        self._display = display
        self._eyes = eyes
        self._begin(None)

    @property
    def database(self) -> Database:
        """What this engine talks to."""
        return self._session.database

    def read_history(self, *, stored_downs: bool = False) -> History:
        """Return what the database remembers; see `Engine.read_history`."""
        try:
            with self._session.reading() as connection:
                history = self._store.read(connection, stored_downs=stored_downs)
        except psycopg.Error as error:
            if self._session.pooled and error.sqlstate == "08P01":
                raise refuse_without_transactions(self.database.display) from error
            raise HistoryError(
                f"the history table {self._store.table} cannot be read: {first_line(error)}",
                hint=self._reading_hint(error),
            ) from error
        times = [row.applied_at for row in history.applied if row.applied_at is not None]
        self._last_applied = max(times, default=None)
        return history

    def snapshot(self, *, own: bool = False, within: float | None = None) -> Snapshot:
        """Return the schema, by reads alone; see `Engine.snapshot`."""
        bound = self._settings.lock_timeout
        settings = replace(self._settings, lock_timeout=min(bound, within or bound))
        return catalog_snapshot(self._session, settings, self._store.table, own=own)

    def surroundings(self) -> Surroundings:
        """Return what a copy needs to know; see `Engine.surroundings`."""
        try:
            with self._session.reading() as connection:
                return read_surroundings(connection)
        except psycopg.Error as error:
            raise DatabaseError(
                f"the catalogs of {self.database.display} cannot be read: {first_line(error)}"
            ) from error

    def dump_schema(self, *, for_major: int, with_owners: bool = True) -> str:
        """Return the SQL that makes the schema again; see `Engine.dump_schema`."""
        table, database = self._store.table, self.database
        return dump_schema(
            find_program("pg_dump", database.server_version[0], needs_tls=needs_tls(database)),
            self._session.conninfo,
            role=self._session.role,
            without=tuple(pattern(table.schema, n) for n in (table.name, table.log_name)),
            for_major=for_major,
            with_owners=with_owners,
        )

    def contents(self, *, limit: int = 200) -> Contents:
        """Return the rows of every table, by reads alone; see `Engine.contents`."""
        return contents_of(self._session, self._store.table, limit=limit)

    def fill(self, wanted: frozenset[str] | None = None) -> tuple[Unfilled, ...]:
        """Put generated rows into tables; see `Engine.fill`."""
        self._session.reset(self._settings, lock_timeout=self._settings.lock_timeout)
        return fill_tables(self._session, self._store.table, wanted)

    def lock(self, *, wait_seconds: float) -> Generator[Event, None, None]:
        """Take the runner lock, polling; see `Engine.lock`.

        Never the blocking form: a session that waits in pg_advisory_lock holds a snapshot, and
        another session's CREATE INDEX CONCURRENTLY then waits for it while it waits for us.
        """
        unfit = self.unfit()
        if unfit is not None:
            raise unfit
        self._lock_wait = wait_seconds
        if self._session.pooled:
            # Each transaction takes the lock for itself: a session lock would stay in the pool.
            return
        try:
            self._session.mind_the_wire()
            yield from self._lock.poll(wait_seconds)
        except psycopg.Error as error:
            raise DatabaseError(
                f"the lock on {self.database.display} cannot be taken: {first_line(error)}",
                state="nothing was run",
                hint="run the same command again",
            ) from error

    def unlock(self) -> None:
        """Give the runner lock back; see `Engine.unlock`."""
        self._lock.give_back()

    def unfit(self, steps: Sequence[Step] = ()) -> BanisterError | None:
        """Return why nothing can be written here; see `Engine.unfit`."""
        if self._session.read_only is not None:
            return DatabaseError(
                f"{self.database.display}: {self._session.read_only}",
                code="read_only",
                state="nothing was run",
                hint=self._session.read_only_hint,
            )
        if self._session.pooled:
            refusal = refuse_behind_pooler(steps, self.database.display)
            if refusal is not None:
                return refusal
        return self._without_room(steps) if steps else None

    def _without_room(self, steps: Sequence[Step]) -> HistoryError | None:
        """Return why the table there could not hold the records of these steps."""
        try:
            with self._session.reading() as connection:
                self._store.check_room(connection, steps)
        except HistoryError as error:
            return error
        except psycopg.Error as error:
            return HistoryError(
                f"the history table {self._store.table} cannot be read: {first_line(error)}",
                state="nothing was run",
                hint="run the same command again",
            )
        return None

    def prepare(self) -> None:
        """Make or extend the history tables; see `Engine.prepare`."""
        try:
            self._session.reset(self._settings, lock_timeout=self._settings.lock_timeout)
            try:
                self._make_tables()
            except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable):
                # Behind a pooler two runs may make them at once: then they are there now.
                self._make_tables()
        except psycopg.Error as error:
            raise HistoryError(
                f"the history table {self._store.table} cannot be made or extended: "
                f"{first_line(error)}"
            ) from error

    def _make_tables(self) -> None:
        with self._session.writing() as connection:
            self._identity = self._store.prepare(connection, user=self._session.user)

    def apply(
        self,
        step: Step,
        run: RunInfo,
        *,
        expected: frozenset[Version],
        seed: bool | None = None,
        attempt: int = 1,
    ) -> Generator[Event, None, AppliedMigration | None]:
        """Carry out a step and record it; see `Engine.apply`."""
        stage = self._stage(step, run, expected=expected, seed=seed, attempt=attempt)
        try:
            row = yield from carry_out(stage)
        except HistoryChanged:
            self._refuse_standstill(step, expected)
            raise
        if row is not None:
            self._last_applied = row.applied_at
        return row

    def apply_together(
        self, steps: Sequence[Step], run: RunInfo
    ) -> Generator[Event | Committed, None, None]:
        """Carry out the first steps together; see `Engine.apply_together`."""
        alone = self._session.pooled or self._tracer is not None
        stages = () if alone else fitting(self._stage(step, run) for step in steps)
        if not stages:
            return
        with closing(Together(stages=stages).carry_out()) as events:
            for event in events:
                if isinstance(event, Committed) and event.row is not None:
                    self._last_applied = event.row.applied_at
                yield event

    def _stage(
        self,
        step: Step,
        run: RunInfo,
        *,
        expected: frozenset[Version] = frozenset(),
        seed: bool | None = None,
        attempt: int = 1,
    ) -> Stage:
        return Stage(
            step=step,
            session=self._session,
            observer=self._observer,
            queries=self._queries,
            store=self._store,
            identity=self._prepared(),
            key=self._key,
            settings=self._settings,
            run=run,
            not_before=self._last_applied,
            seed=seed,
            expected=expected,
            lock_wait=self._lock_wait,
            attempt=attempt,
            tracer=self._tracer,
            saver=saver_for(step, run, self._session.connection, self._settings.backup_dir),
        )

    def record(self, entries: Sequence[LogEntry], run: RunInfo) -> None:
        """Add events to the log; see `Engine.record`."""
        self._prepared()
        with self._recording() as connection:
            self._store.log(connection, entries, run)

    def stamp(self, rows: Sequence[AppliedMigration], run: RunInfo) -> None:
        """Record migrations as applied without running them; see `Engine.stamp`."""
        identity = self._prepared()
        with self._recording() as connection:
            for row in rows:
                inserted = self._store.insert(
                    connection, row, run, identity, not_before=self._last_applied
                )
                self._last_applied = inserted()
                self._store.log(connection, [baseline_entry(row)], run)

    def accept_edit(self, row: AppliedMigration, run: RunInfo, *, replaced: str | None) -> None:
        """Replace a row's checksums and kept down text; see `Engine.accept_edit`."""
        self._prepared()
        with self._recording() as connection:
            self._store.accept(connection, row)
            self._store.log(connection, [edit_entry(row, replaced)], run)

    def reconnect(self) -> None:
        """Connect anew; see `Engine.reconnect`."""
        self.close()
        # What was told once is not told again.
        self._begin(self._observer)

    def close(self) -> None:
        """Close the connection, and with it give up the lock. Never raises."""
        self._observer.close()
        self._session.connection.close()

    def _begin(self, last: Observer | None) -> None:
        """Connect, with all that belongs to one session and no other."""
        self._session = connect(
            self._conninfo,
            display=self._display,
            facts_query=self._queries["facts"],
            settings=self._settings,
        )
        self._lock = RunnerLock(
            connection=self._session.connection,
            display=self._display,
            queries=self._queries,
            key=self._key,
        )
        self._observer = Observer(
            conninfo=self._session.conninfo,
            pid=self._session.connection.info.backend_pid,
            enabled=not self._session.pooled,
            show_queries=self._settings.show_queries,
            lacks=self._session.database.lacks if last is None else last.lacks,
        )
        self._tracer = None
        if self._eyes is not None:
            table = self._store.table
            self._tracer = Tracer(session=self._session, history=table, eyes=self._eyes)

    def _membership(self) -> str | None:
        if self._settings.role is None:
            return None
        role, user = map(sql.Identifier, (self._settings.role, self._session.user))
        grant = sql.SQL("GRANT {} TO {};").format(role, user).as_string(None)
        return f"{grant} or take `role` out of the settings"

    def _refuse_standstill(self, step: Step, expected: frozenset[Version]) -> None:
        """Raise where nobody has changed the history: the same plan would fail again for ever."""
        with self._recording() as connection:
            if self._store.versions(connection) != expected:
                return
        path = step.script.source.path
        raise HistoryError(
            f"the history table {self._store.table} does not take the record of {step.label} "
            f"({step.direction}), though its version "
            + ("is not there" if step.direction is Direction.UP else "is there"),
            location=Location(path=path),
            state=f"{step.version} was rolled back whole",
            hint="look for a unique key other than the one on version, and for triggers and rules "
            "on that table",
        )

    def _prepared(self) -> Identity:
        if self._identity is None:
            self.prepare()
        assert self._identity is not None  # noqa: S101 -- prepare() sets it or raises
        return self._identity

    @contextmanager
    def _recording(self) -> Iterator[Connection]:
        """A transaction of our own, in a session that no file has changed."""
        try:
            self._session.reset(self._settings, lock_timeout=self._settings.lock_timeout)
            with self._session.writing() as connection:
                yield connection
        except psycopg.errors.UniqueViolation:
            raise HistoryChanged from None
        except psycopg.Error as error:
            raise DatabaseError(
                f"the history table {self._store.table} cannot be written: {first_line(error)}",
                hint="if the connection was lost, run `banister status` to see where things stand",
            ) from error

    def _reading_hint(self, error: psycopg.Error) -> str | None:
        match error.sqlstate:
            case "42501" | "22023":
                return self._membership()
            case "55P03":
                return (
                    "another session has locked that table, and pg_locks tells which; run again "
                    "when it is done"
                )
        return None
