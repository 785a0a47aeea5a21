"""Rules about looking rows up: foreign keys without an index, functions without a path. No I/O."""

import re
from collections.abc import Iterator

from banister.errors import Failure, Severity
from banister.model import ConstraintFacts, Dialect, IndexFacts
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import is_partitioned, new_constraints
from banister.rehearsal.rules.texts import ADD_NOT_VALID, VALIDATE, column_definition
from banister.rehearsal.verdicts import Verdict
from banister.script import traits

__all__ = ["LOOKUPS"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_BUILD = "-- banister: transaction=off\nCREATE INDEX CONCURRENTLY ON {table} ({columns});"

#: Statements that go by a search path of their own from 17 on.
#: https://www.postgresql.org/docs/release/17.0/
_MAINTENANCE = frozenset(
    {
        ("ANALYZE",),
        ("CLUSTER",),
        ("CREATE", "INDEX"),
        ("CREATE", "MATERIALIZED"),
        ("CREATE", "UNIQUE"),
        ("REFRESH",),
        ("REINDEX",),
        ("VACUUM",),
    }
)
_SINCE = 17
#: undefined_table, undefined_function.
_NOT_FOUND = frozenset({"42P01", "42883"})
_MISSING = re.compile(r'(?:relation "(?P<relation>[^"]+)"|function (?P<function>[^(]+)\()')
_WITHIN = re.compile(r'(?:PL/pgSQL function (?P<name>[^(]+)\(|SQL function "(?P<sql>[^"]+)")')


def _after_the_migration(seen: Seen) -> list[IndexFacts]:
    indexes = dict(seen.before.indexes)
    for trace in (seen.trace, *seen.later):
        for change in trace.indexes:
            if change.after is not None:
                indexes[change.any.oid] = change.after
            else:
                indexes.pop(change.any.oid, None)
    return list(indexes.values())


def _serves(index: IndexFacts, key: ConstraintFacts) -> bool:
    first = index.columns[: len(key.columns)]
    usable = index.valid and not index.partial and index.table_oid == key.table_oid
    return usable and set(first) == set(key.columns)


def _without_index(seen: Seen) -> Iterator[Match]:
    dropped = {c.any.oid for t in seen.later for c in t.constraints if c.dropped}
    indexes: list[IndexFacts] | None = None
    for key in new_constraints(seen, "foreign key"):
        if indexes is None:
            indexes = _after_the_migration(seen)
        idle = key.oid in dropped or not key.enforced
        if idle or any(_serves(index, key) for index in indexes):
            continue
        yield Match(table_oid=key.table_oid, names=_names(seen, key))


def _names(seen: Seen, key: ConstraintFacts) -> dict[str, str]:
    new = [
        change.any
        for trace in (*seen.earlier, seen.trace)
        for change in trace.columns
        if change.made and change.any.table_oid == key.table_oid and change.any.name in key.columns
    ]
    plain = not any(each.not_null or each.default or each.identity for each in new)
    add = "\n".join(f"ALTER TABLE {key.table} ADD COLUMN {column_definition(c)};" for c in new)
    simple = plain and not is_partitioned(seen, key.table_oid)
    return {
        "table": key.table,
        "constraint": key.name,
        "columns": ", ".join(key.columns),
        "references": key.references or "",
        "condition": key.definition.removesuffix(" NOT VALID"),
        "add": add if simple else "",
        "there": key.table if simple and not new else "",
    }


def _cut_off_from_its_schema(seen: Seen) -> Iterator[Match]:
    failure = seen.trace.failure
    if seen.major < _SINCE or failure is None or failure.sqlstate not in _NOT_FOUND:
        return
    words = traits(seen.trace.statement, Dialect.POSTGRESQL).words
    if not (words[:1] in _MAINTENANCE or words[:2] in _MAINTENANCE) or not _is_there(seen, failure):
        return
    within = _WITHIN.search(failure.context or "")
    name = (within["name"] or within["sql"]) if within else None
    for function in seen.before.objects.values():
        if function.kind == "function" and name is not None and _bare(function.name) == _bare(name):
            yield Match(names={"function": function.name, "message": failure.message})


def _is_there(seen: Seen, failure: Failure) -> bool:
    """Whether what was not found is there all the same, in a schema that was not looked at."""
    missing = _MISSING.search(failure.message)
    if missing is None:
        return False
    if missing["relation"] is not None:
        wanted = missing["relation"]
        return any(each.bare_name == wanted for each in seen.before.relations.values())
    wanted = missing["function"]
    return any(
        each.kind == "function" and _bare(each.name) == wanted
        for each in seen.before.objects.values()
    )


def _bare(function: str) -> str:
    return function.partition("(")[0].rpartition(".")[2]


LOOKUPS = (
    Hazard(
        rule="foreign-key-without-index",
        title="A foreign key without an index over its columns",
        effect="no index begins with ({columns}): for each row that is deleted from {references},"
        " or whose key changes, {table} is read whole",
        verdict=Verdict.SAFE,
        grows=True,
        safer=(
            Safer(files=("{add}", _BUILD, ADD_NOT_VALID, VALIDATE), only_if="add"),
            Safer(files=(_BUILD, ADD_NOT_VALID, VALIDATE), only_if="there"),
        ),
        advice="build the index before the foreign key, and keep it for as long",
        source=_MANUAL + "ddl-constraints.html#DDL-CONSTRAINTS-FK",
        meets=_without_index,
    ),
    Hazard(
        rule="maintenance-search-path",
        title="A function in an index or a materialized view does not find what it names",
        effect="the server refuses it: {message}, for it runs {function} with a search path of"
        " pg_catalog alone",
        verdict=Verdict.CANNOT_RUN,
        severity=Severity.ERROR,
        safer=(Safer(files=("ALTER FUNCTION {function} SET search_path FROM CURRENT;",)),),
        advice="or name the schema of all that {function} uses; the statement itself goes into a"
        " later migration",
        source="https://www.postgresql.org/docs/release/17.0/",
        meets=_cut_off_from_its_schema,
    ),
)
