"""Seeing the locks of a statement that runs in no transaction, from other sessions.

Such a statement takes and gives back its locks before anybody could ask. So a session stands in its
way, with an old snapshot and the weakest lock on every table; another notes what the statement
holds and waits for, and lets it go on.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from banister.engines.postgres.probes import probe_queries
from banister.model import Catalog, RelationKind

__all__ = ["Onlooker", "row_counts"]

#: Seconds between two looks.
_LOOK_EVERY = 0.003
#: Looks without a wait after which nobody stands in the way any more: it may run for long.
_LOOKS = 700
_NOT_TO_BE_READ = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,
)


@dataclass(kw_only=True)
class Onlooker:
    """Looks at one statement of the session `pid`, for as long as the block lasts.

    Without the right to look or to lock it sees less, and nothing fails for that.
    """

    conninfo: str = field(repr=False)
    pid: int
    #: OID of the relation, mode, granted.
    seen: set[tuple[int, str, bool]] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Stand in the way, and begin to look."""
        self._thread = threading.Thread(target=self._look_on, name="banister-onlooker", daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Step aside."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look_on(self) -> None:
        try:
            with suppress(psycopg.Error), psycopg.connect(self.conninfo, autocommit=True) as eyes:
                with psycopg.connect(self.conninfo, autocommit=True) as blocker:
                    _stand_in_the_way(blocker)
                    self._ready.set()
                    self._until_it_waits(eyes)
                while not self._over.wait(_LOOK_EVERY):
                    self._note(eyes)
        finally:
            self._ready.set()

    def _until_it_waits(self, eyes: "psycopg.Connection[tuple[object, ...]]") -> None:
        query = probe_queries()["waits"].encode()
        for _ in range(_LOOKS):
            if self._over.wait(_LOOK_EVERY):
                return
            row = eyes.execute(query, {"pid": self.pid}).fetchone()
            self._note(eyes)
            if row is not None and row[0] == "active" and row[1] == "Lock":
                # What it takes between the first look and the wait is there only now.
                self._note(eyes)
                return

    def _note(self, eyes: "psycopg.Connection[tuple[object, ...]]") -> None:
        rows = eyes.execute(probe_queries()["locks"].encode(), {"pid": self.pid}).fetchall()
        self.seen.update((int(str(row[0])), str(row[1]), bool(row[2])) for row in rows)


def _stand_in_the_way(blocker: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Begin a transaction with a snapshot and the weakest lock on every table; nothing may wait."""
    blocker.execute("SET lock_timeout = '2s'")
    blocker.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    tables = blocker.execute(probe_queries()["tables"].encode()).fetchall()
    for schema, name, is_view in tables:
        table = sql.Identifier(str(schema), str(name))
        # The server locks no materialized view by name, and reads none that holds no data yet.
        text = "SELECT FROM {} LIMIT 0" if is_view else "LOCK TABLE ONLY {} IN ACCESS SHARE MODE"
        refused = (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.ObjectNotInPrerequisiteState,
        )
        with suppress(*refused), blocker.transaction():
            blocker.execute(sql.SQL(text).format(table))


def row_counts(conninfo: str, catalog: Catalog) -> dict[int, int]:
    """Return how many rows tables hold, by OID, as a session that may read all of them sees it."""
    with psycopg.connect(conninfo, autocommit=True) as eyes:
        tables = [each for each in catalog.relations.values() if each.kind is RelationKind.TABLE]
        counts = {}
        with eyes.pipeline():
            for table in tables:
                name = sql.Identifier(table.schema, table.bare_name)
                counts[table.oid] = eyes.execute(
                    sql.SQL("SELECT count(*) FROM ONLY {}").format(name)
                )
        return {oid: row[0] for oid, each in counts.items() if (row := each.fetchone())}
