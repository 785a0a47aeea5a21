"""Statements outside a transaction: what to remember before them, what to find out after a crash.

The state of each kind of work after a failure, as PostgreSQL leaves it:
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY,
https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY and
https://www.postgresql.org/docs/current/sql-altertable.html (DETACH PARTITION).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from banister.engines.postgres.session import Connection
from banister.model import Statement
from banister.script import Work, WorkKind, work_of

__all__ = ["BuildInProgress", "Recovery", "Verdict"]

#: Left behind by REINDEX CONCURRENTLY, numbered where one was there already.
_REINDEX_LEFTOVER = re.compile(r"_cc(new|old)\d*$")

#: First half of the keys of table locks: "bani" in ASCII. The same for all versions of this tool.
_LOCK_SPACE = 0x62616E69


class BuildInProgress(Exception):
    """Another session builds that very index now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a statement, and what was put right."""

    #: True: it took effect. False: it is to be run again.
    done: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """Asks the catalog, over the session that runs the file."""

    connection: Connection
    queries: Mapping[str, str]

    def remember(self, statement: Statement) -> dict[str, Any]:
        """Return what a later run needs to recognise this statement's work, as JSON values.

        The text of a statement that may hold a password, as of a subscription, is not among it.
        """
        work = work_of(statement)
        if work is None:
            return {}
        if work.kind in {WorkKind.CREATE_SHARED, WorkKind.DROP_SHARED}:
            there = self._rows("shared_object", what=work.what, name=work.names[0])[0][0]
            return {"there": there}
        if work.kind is WorkKind.PREPARED:
            return {"there": self._rows("prepared", name=work.names[0])[0][0]}
        return {"statement": statement.text, **self._remember_relations(work)}

    def _remember_relations(self, work: Work) -> dict[str, Any]:
        match work.kind:
            case WorkKind.CREATE_INDEX:
                found = self._rows("table_indexes", name=work.table)
                return {"table": found[0][0], "indexes": found[0][1]} if found else {}
            case WorkKind.DROP_INDEX:
                return {"indexes": [oid for (oid,) in self._oids(*work.names) if oid]}
            case WorkKind.REINDEX:
                return {"invalid": [row[0] for row in self._rows("invalid_indexes")]}
            case WorkKind.DETACH:
                (parent,), (child,) = self._oids(work.table or "", *work.names)
                return {"parent": parent, "child": child}
        return {}

    def clear_the_way(self, statement: Statement) -> str | None:
        """Drop the INVALID index that CREATE INDEX … IF NOT EXISTS would take for the real one.

        Returns what was done, if anything. Raises BuildInProgress when it is being built.
        """
        work = work_of(statement)
        if work is None or work.kind is not WorkKind.CREATE_INDEX or not work.tolerant:
            return None
        table = self._rows("table_indexes", name=work.table)
        for oid, schema, name, valid, building in self._indexes(table):
            if valid or not self._is_named(work, schema, name, oid):
                continue
            if building:
                raise BuildInProgress(name)
            self._drop_index(schema, name)
            return f"dropped the INVALID index {name}, which IF NOT EXISTS would have kept"
        return None

    def table_of(self, statement: Statement) -> int | None:
        """Return the OID of the table that an index is to be built on, None for other work."""
        work = work_of(statement)
        if work is None or work.kind is not WorkKind.CREATE_INDEX:
            return None
        found = self._rows("table_indexes", name=work.table)
        return found[0][0] if found else None

    def lock_table(self, table: int) -> str | None:
        """Take the lock for building on a table; return who holds it where it is not free."""
        space, key = _table_key(table)
        if self._rows("try_table_lock", space=space, table=key)[0][0]:
            return None
        holders = self._rows("table_lock_holder", space=space, table=table)
        return ", ".join(f"session {pid}" for (pid,) in holders) or "a session that has just ended"

    def unlock_table(self, table: int) -> None:
        """Give back the lock for building on a table."""
        space, key = _table_key(table)
        self._rows("table_unlock", space=space, table=key)

    def judge(self, statement: Statement, memory: Mapping[str, Any]) -> Verdict:
        """Find out what became of a statement that was running when its run ended; repair.

        Only called under the runner lock, which the old session holds as long as it works.
        """
        work = work_of(statement) or Work(kind=WorkKind.REPEATABLE)
        match work.kind:
            case WorkKind.CREATE_INDEX:
                return self._judge_build(work, memory)
            case WorkKind.DROP_INDEX:
                left = self._rows("still_there", oids=memory.get("indexes", []))
                if left or not memory.get("indexes"):
                    return _again("the index is still there")
                return _done("the index is gone")
            case WorkKind.REINDEX:
                return self._judge_reindex(memory)
            case WorkKind.DETACH:
                return self._judge_detach(memory)
            case WorkKind.CREATE_SHARED | WorkKind.DROP_SHARED:
                there = self._rows("shared_object", what=work.what, name=work.names[0])[0][0]
                # Only a change since it began is its doing.
                took_effect = there is not memory.get("there", there)
                said = f"{work.what.lower()} {work.names[0]} is {'there' if there else 'not there'}"
                return Verdict(done=took_effect, message=said)
            case WorkKind.PREPARED:
                there = self._rows("prepared", name=work.names[0])[0][0]
                if there is memory.get("there", there):
                    return _again("the prepared transaction is as it was")
                return _done("the prepared transaction is gone")
        return _again("it can be repeated")

    def clear_after_refusal(self, statement: Statement, memory: Mapping[str, Any]) -> str | None:
        """Clear away what a statement left that the server has refused; return what was done.

        Empty: nothing was left. None: it may be half done, and the next run has to look.
        """
        work = work_of(statement)
        if work is None or work.kind is WorkKind.DETACH:
            return None
        if work.kind in {WorkKind.CREATE_INDEX, WorkKind.REINDEX}:
            verdict = self.judge(statement, memory)
            return verdict.message if "dropped" in verdict.message else ""
        return ""

    def _judge_build(self, work: Work, memory: Mapping[str, Any]) -> Verdict:
        before = set(memory.get("indexes", []))
        for oid, schema, name, valid, _ in self._indexes([(memory.get("table"),)]):
            if oid in before or (work.names and not self._is_named(work, schema, name, oid)):
                continue
            if valid:
                return _done(f"index {name} was finished and is valid")
            self._drop_index(schema, name)
            return _again(f"dropped the INVALID index {name} that was left")
        return _again("no index was left")

    def _judge_reindex(self, memory: Mapping[str, Any]) -> Verdict:
        before = set(memory.get("invalid", []))
        dropped = []
        for oid, schema, name in self._rows("invalid_indexes"):
            if oid not in before and _REINDEX_LEFTOVER.search(name):
                self._drop_index(schema, name)
                dropped.append(name)
        if dropped:
            return _again(f"dropped what REINDEX left: {', '.join(dropped)}")
        return _again("nothing was left")

    def _judge_detach(self, memory: Mapping[str, Any]) -> Verdict:
        parent, child = memory.get("parent"), memory.get("child")
        if parent is None or child is None:
            return _again("it had not begun")
        found = self._rows("partition", parent=parent, child=child)
        if not found:
            return _done("the partition is detached")
        if not found[0][0]:
            return _again("the partition is still attached")
        names = [sql.Identifier(*self._rows("qualified", oid=oid)[0]) for oid in (parent, child)]
        self.connection.execute(
            sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE").format(*names)
        )
        return _done("the partition was half detached; that was finished")

    def _is_named(self, work: Work, schema: str, name: str, oid: int) -> bool:
        """Whether an index is the one that a statement names; it stands in its table's schema."""
        written = sql.Identifier(schema).as_string(None) + "." + work.names[0]
        return any(found == oid for (found,) in self._oids(written)) and bool(name)

    def _indexes(self, table: list[Any]) -> list[tuple[Any, ...]]:
        if not table or table[0][0] is None:
            return []
        return self._rows("indexes_of", table=table[0][0])

    def _drop_index(self, schema: str, name: str) -> None:
        self.connection.execute(
            sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(schema, name))
        )

    def _oids(self, *names: str) -> list[tuple[Any, ...]]:
        return self._rows("relation_oids", names=list(names))

    def _rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(self.queries[query].encode(), values).fetchall()


def _table_key(table: int) -> tuple[int, int]:
    """Return the two halves of a table's lock key; an OID has no sign, an integer has."""
    return _LOCK_SPACE, table - (1 << 32) if table >= 1 << 31 else table


def _done(message: str) -> Verdict:
    return Verdict(done=True, message=message)


def _again(message: str) -> Verdict:
    return Verdict(done=False, message=message)
