"""A statement that writes many rows → the same, in batches by the key of its table. No I/O."""

from dataclasses import dataclass
from itertools import pairwise

from banister.model import Dialect
from banister.rehearsal.rules.base import Seen
from banister.script.tokens import significant

__all__ = ["Write", "batched", "read_write"]

#: Behind these at the outermost level a batch by key may do something else than the whole.
_TOO_MUCH = frozenset({"RETURNING", "USING", "FROM"})

_BATCHES = """\
-- banister: transaction=off
DO $batches$
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


def _parts(head: str) -> tuple[str, frozenset[str]]:
    """Return the table of an UPDATE or DELETE, and all names behind its SET, as far as is told."""
    found = [head[token.start : token.end] for token in significant(head, Dialect.POSTGRESQL)]
    upper = [word.upper() for word in found]
    at = 2 if upper[0] == "DELETE" else 1
    at += upper[at : at + 1] == ["ONLY"]
    while found[at + 1 : at + 2] == ["."]:
        at += 2
    behind = found[upper.index("SET") :] if "SET" in upper else []
    # What is only read there is no harm, and no names of columns that are written are missed.
    assigned = (word for word, after in pairwise(behind) if after in {"=", ",", ")"})
    return _bare(found[at]), frozenset(_bare(word) for word in assigned)


def _bare(word: str) -> str:
    return word.strip('"').lower()


def batched(seen: Seen, table_oid: int) -> str:
    """Return the statement as a migration that commits batch by batch; empty: it is not known how.

    It takes a primary key of one column that stays as it is, so that each row is written once, and
    that of the table that the statement itself names.
    """
    write = read_write(seen.trace.statement.text)
    keys = [
        each
        for each in seen.before.constraints.values()
        if each.table_oid == table_oid and each.kind == "primary key" and len(each.columns) == 1
    ]
    table = seen.before.relations.get(table_oid)
    if write is None or not keys or table is None or "$batches$" in write.head:
        return ""
    key = keys[0].columns[0]
    target, assigned = _parts(write.head)
    bare = key.strip('"').lower()
    if target != table.bare_name.lower() or bare in assigned:
        return ""
    also = f"\n            AND ({write.condition})" if write.condition is not None else ""
    if write.condition is not None and "--" in write.condition:
        also = f"\n            AND ({write.condition}\n            )"
    return _BATCHES.format(table=table.name, key=key, verb=write.head, also=also)
