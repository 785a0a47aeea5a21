"""A statement that writes many rows → the same, in batches by the key of its table. No I/O."""

from dataclasses import dataclass

from banister.model import Dialect, RelationFacts
from banister.rehearsal.rules.base import Seen
from banister.script.tokens import significant

__all__ = ["Write", "batched", "read_write"]

#: Behind these at the outermost level a batch by key may do something else than the whole.
_TOO_MUCH = frozenset({"RETURNING", "USING", "FROM"})

#: Of a list of columns.
_MARKS = frozenset("()[],.")
#: Where a second run would change rows again.
_ONCE = "-- Not to be run again once a batch is committed: its rows would change a second time.\n"

_BATCHES = """\
-- banister: transaction=off
{once}DO $batches$
#variable_conflict use_column
<<batches>>
DECLARE
    low {table}.{key}%TYPE;
    high {table}.{key}%TYPE;
BEGIN
    LOOP
        SELECT (array_agg({key} ORDER BY {key} DESC))[1] INTO batches.high FROM (
            SELECT {key} FROM {table}
            WHERE batches.low IS NULL OR {key} > batches.low
            ORDER BY {key} LIMIT 10000
        ) AS batch;
        EXIT WHEN batches.high IS NULL;
        {verb}
        WHERE (batches.low IS NULL OR {key} > batches.low) AND {key} <= batches.high{also};
        COMMIT;
        batches.low := batches.high;
    END LOOP;
END
$batches$;"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """An UPDATE or DELETE of one table, in parts as they are written."""

    #: All before WHERE.
    head: str
    #: Behind it; None: all rows.
    condition: str | None


def read_write(text: str) -> Write | None:
    """Return the parts of a plain UPDATE or DELETE; None where it is more than that."""
    found = list(significant(text, Dialect.POSTGRESQL))
    words = [text[token.start : token.end].upper() for token in found]
    if words[:1] not in (["UPDATE"], ["DELETE"]):
        return None
    depth, where = 0, None
    end = found[-1].start if words[-1] == ";" else found[-1].end
    for number, word in enumerate(words):
        depth += word.count("(") - word.count(")") if len(word) == 1 else 0
        if depth or number < 2:
            continue
        if word in _TOO_MUCH:
            return None
        if word == "WHERE" and where is None:
            where = found[number]
    if where is None:
        return Write(head=text[found[0].start : end].rstrip(), condition=None)
    return Write(
        head=text[found[0].start : where.start].rstrip(),
        condition=text[where.end : end].strip(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What stands in an UPDATE or DELETE before its WHERE; names without quotes, in lower case."""

    table: str
    #: Columns that SET writes.
    assigned: frozenset[str] = frozenset()
    #: Names behind the `=` of SET, columns or not.
    read: frozenset[str] = frozenset()


def _parts(head: str) -> _Parts:
    found = [head[token.start : token.end] for token in significant(head, Dialect.POSTGRESQL)]
    upper = [word.upper() for word in found]
    at = 2 if upper[0] == "DELETE" else 1
    at += upper[at : at + 1] == ["ONLY"]
    while found[at + 1 : at + 2] == ["."]:
        at += 2
    behind = found[upper.index("SET", at + 1) + 1 :] if upper[0] == "UPDATE" else []
    assigned, read = set[str](), set[str]()
    depth, is_read = 0, False
    for word in behind:
        depth += (word in {"(", "["}) - (word in {")", "]"})
        if not depth and word in {"=", ","}:
            is_read = word == "="
        elif word not in _MARKS:
            (read if is_read else assigned).add(_bare(word))
    return _Parts(table=_bare(found[at]), assigned=frozenset(assigned), read=frozenset(read))


def _bare(word: str) -> str:
    return word.strip('"').lower()


def batched(seen: Seen, table_oid: int) -> str:
    """Return the statement as a migration that commits batch by batch; empty: it is not known how.

    It takes a primary key of one column that stays as it is, so that each row is written once, and
    that of the table that the statement itself names.
    """
    write = read_write(seen.trace.statement.text)
    key = _key(seen, table_oid)
    table = seen.before.relations.get(table_oid)
    # Several that were looked at together are more than the first of them.
    if write is None or key is None or table is None or seen.trace.through:
        return ""
    parts = _parts(write.head)
    if _bare(key) in parts.assigned or "$batches$" in seen.trace.statement.text:
        return ""
    if parts.table != table.bare_name.lower() or _is_named_like_another(seen, table):
        return ""
    also = f"\n            AND ({write.condition})" if write.condition is not None else ""
    if write.condition is not None and "--" in write.condition:
        also = f"\n            AND ({write.condition}\n            )"
    once = _ONCE if parts.assigned & parts.read else ""
    return _BATCHES.format(table=table.name, key=key, verb=write.head, also=also, once=once)


def _key(seen: Seen, table_oid: int) -> str | None:
    """Return the only column of a primary key, unless the server computes it from others."""
    for each in seen.before.constraints.values():
        if each.table_oid == table_oid and each.kind == "primary key" and len(each.columns) == 1:
            key = each.columns[0]
            columns = (c for c in seen.before.columns.values() if c.table_oid == table_oid)
            return None if any(c.name == key and c.generated for c in columns) else key
    return None


def _is_named_like_another(seen: Seen, table: RelationFacts) -> bool:
    """Whether the statement may mean a table of another schema, and this one be written along."""
    locked = {lock.relation_oid for lock in seen.trace.all_locks} - {table.oid}
    others = (seen.before.relations.get(oid) for oid in locked)
    return any(each and each.bare_name.lower() == table.bare_name.lower() for each in others)
