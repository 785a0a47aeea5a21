"""Which tables a statement updates or deletes rows of, also where it met none: by its plan."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg

from banister.engines.postgres.session import Connection
from banister.model import Aim, Catalog, Lock, LockMode, RelationKind, Statement, Written

__all__ = ["aims_by_locks", "aims_by_plan"]

#: Statements that have a plan.
_PLANNED = frozenset({"UPDATE", "DELETE", "MERGE", "WITH", "INSERT"})
#: Statements that run others, of which only locks and counters tell.
_RUNS_OTHERS = frozenset({"DO", "CALL", "SELECT"})
_OPERATIONS = {"Update": "update", "Delete": "delete", "Merge": "update"}
_WRITES = re.compile(r"\b(?:UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
#: What is put together may be anything.
_MAY_DELETE = re.compile(r"\b(?:DELETE|TRUNCATE|MERGE|EXECUTE)\b", re.IGNORECASE)
_DELETES = re.compile(r"\bDELETE\b", re.IGNORECASE)
#: Where such a word is looked for, in characters.
_WITHIN = 100_000
#: So many rows are a batch.
_BATCH = 10_000
#: What gives no more rows than stand in the statement.
_WRITTEN_OUT = frozenset({"Values Scan", "Result"})
_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})

_Node = Mapping[str, Any]


def aims_by_plan(
    connection: Connection, statement: Statement, words: tuple[str, ...], catalog: Catalog
) -> tuple[Aim, ...]:
    """Return the tables that an UPDATE, DELETE or MERGE, also one in a WITH, is for.

    The planner tells, and nothing is run. Empty for other statements, and where it does not say.
    """
    text = statement.text
    if not _PLANNED.intersection(words[:1]) or not _WRITES.search(text, 0, _WITHIN):
        return ()
    try:
        # A savepoint, so that a refusal costs the rehearsed transaction nothing.
        with connection.transaction():
            query = f"EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) {text}"
            found = connection.execute(query.encode()).fetchone()
    except psycopg.Error:
        if connection.closed:
            raise
        return ()
    # What a rule makes of a statement may be nothing, or a statement without a plan.
    parts = found[0] if found else []
    plans = [each["Plan"] for each in parts if isinstance(each, dict) and "Plan" in each]
    return tuple(dict.fromkeys(aim for plan in plans for aim in _aims(plan, text, catalog)))


def aims_by_locks(
    text: str,
    words: tuple[str, ...],
    locks: Iterable[Lock],
    written: Iterable[Written],
    *,
    several: bool,
) -> tuple[Aim, ...]:
    """Return the tables that code has locked to write, and has written no row of.

    `text` is that of the statement and of the code that it leads to. `several`: it is the first of
    several statements that were looked at together.
    """
    if not several and not _RUNS_OTHERS.intersection(words[:1]):
        return ()
    touched = {each.table_oid for each in written}
    how = "delete" if _MAY_DELETE.search(text, 0, _WITHIN) else "update"
    return tuple(
        Aim(table_oid=lock.relation_oid, table=lock.relation, how=how)
        for lock in locks
        if lock.mode is LockMode.ROW_EXCLUSIVE
        and lock.kind in _TABLES
        and lock.relation_oid not in touched
    )


def _aims(plan: _Node, text: str, catalog: Catalog) -> Iterator[Aim]:
    for node in _below(plan):
        how = _OPERATIONS.get(node.get("Operation", ""))
        if node["Node Type"] != "ModifyTable" or how is None:
            continue
        if node["Operation"] == "Merge" and _DELETES.search(text, 0, _WITHIN):
            how = "delete"
        oid = _named(catalog, node.get("Schema"), node.get("Relation Name"))
        if oid is not None:
            found = catalog.relations[oid]
            by_key = _by_key(node, catalog, few=how == "update")
            yield Aim(table_oid=oid, table=found.name, how=how, by_key=by_key)
            if how == "delete":
                for along in _cascaded(catalog, {oid}):
                    name = catalog.relations[along].name
                    # Of one row here there may be any number there.
                    yield Aim(table_oid=along, table=name, how=how)


def _cascaded(catalog: Catalog, oids: set[int]) -> set[int]:
    """Return the tables whose rows go along with rows of these, by ON DELETE CASCADE.

    https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
    """
    found: set[int] = set()
    while True:
        from_here = {
            key.table_oid
            for key in catalog.constraints.values()
            if key.kind == "foreign key"
            and key.references_oid in oids | found
            and "ON DELETE CASCADE" in key.definition
            and key.table_oid in catalog.relations
        }
        if from_here <= oids | found:
            return found
        found |= from_here - oids


def _below(node: _Node, *, subplans: bool = True) -> Iterator[_Node]:
    yield node
    for each in node.get("Plans", ()):
        if subplans or each.get("Parent Relationship") not in {"InitPlan", "SubPlan"}:
            yield from _below(each, subplans=subplans)


def _named(catalog: Catalog, schema: str | None, name: str | None) -> int | None:
    for oid, facts in catalog.relations.items():
        if facts.bare_name == name and facts.schema == schema:
            return oid
    return None


def _by_key(node: _Node, catalog: Catalog, *, few: bool) -> bool:
    """Whether rows are found by keys that stand in the statement: no more of them than of those.

    `few`: or by bounds of a key that hold few rows.
    """
    if any(each["Node Type"] == "ProjectSet" for each in _below(node)):
        return False
    scans = [
        each
        for each in _below(node, subplans=False)
        if each is not node and each["Node Type"].endswith(" Scan")
        if each["Node Type"] not in {*_WRITTEN_OUT, "Bitmap Heap Scan", "Subquery Scan"}
    ]
    return bool(scans) and all(_is_keyed(each, catalog, few=few) for each in scans)


def _is_keyed(scan: _Node, catalog: Catalog, *, few: bool) -> bool:
    condition = scan.get("Index Cond", "")
    name = scan.get("Index Name")
    return any(
        all(column is not None and _fixes(condition, column) for column in index.columns)
        or (few and len(index.columns) == 1 and _few(condition, index.columns[0] or ""))
        for oid, index in catalog.indexes.items()
        if index.unique and oid in catalog.relations and catalog.relations[oid].bare_name == name
    )


def _fixes(condition: str, column: str) -> bool:
    """Whether a condition compares a column with values of the statement."""
    # Of an array only what stands there tells how many there are.
    equals = rf"[(.]{re.escape(column)}\)?(?:::[\w ]+)? = (?!ANY \((?!'))"
    return re.search(equals, condition) is not None


def _few(condition: str, column: str) -> bool:
    """Whether a condition bounds a key of whole numbers to few of them on both sides."""
    between = re.fullmatch(
        rf"\(\((?:\w+\.)?{re.escape(column)} >=? '?(-?\d+)'?(?:::\w+)?\) AND "
        rf"\((?:\w+\.)?{re.escape(column)} <=? '?(-?\d+)'?(?:::\w+)?\)\)",
        condition,
    )
    return between is not None and int(between[2]) - int(between[1]) <= _BATCH
