"""The bounds of partitions as conditions on their rows. No I/O."""

import re

from banister.model import Catalog, RelationFacts

__all__ = ["condition_of"]

_KEY = re.compile(r"(RANGE|LIST) \((.+)\)\Z")
_RANGE = re.compile(r"FOR VALUES FROM \((.+)\) TO \((.+)\)\Z")
_LIST = re.compile(r"FOR VALUES IN \((.+)\)\Z")
_VALUE = re.compile(r"'(?:[^']|'')*'|[^',\s]+")


def condition_of(catalog: Catalog, parent: RelationFacts, partition: RelationFacts) -> str:
    """Return what holds for all rows of a partition, its tables above included.

    The server takes it for proof. Empty where a CHECK cannot say it: for hashes, defaults, and
    keys of several columns or of expressions.
    """
    found = _bounds(catalog, parent, partition.partition_bound or "")
    while found and parent.is_partition:
        above = catalog.relations.get(parent.parents[0]) if parent.parents else None
        outer = _bounds(catalog, above, parent.partition_bound or "") if above else ""
        found = f"{outer} AND {found}" if outer else ""
        if above is None:
            break
        parent = above
    return found


def _bounds(catalog: Catalog, parent: RelationFacts, bound: str) -> str:
    key = _KEY.match(parent.partition_key or "")
    if key is None or not any(
        column.table_oid == parent.oid and column.name == key[2]
        for column in catalog.columns.values()
    ):
        return ""
    return _range(key[2], bound) if key[1] == "RANGE" else _list(key[2], bound)


def _range(column: str, bound: str) -> str:
    ends = _RANGE.match(bound)
    if ends is None:
        return ""
    parts = [f"{column} IS NOT NULL"]
    if ends[1] != "MINVALUE":
        parts.append(f"{column} >= {ends[1]}")
    if ends[2] != "MAXVALUE":
        parts.append(f"{column} < {ends[2]}")
    return " AND ".join(parts)


def _list(column: str, bound: str) -> str:
    listed = _LIST.match(bound)
    if listed is None:
        return ""
    values = _VALUE.findall(listed[1])
    some = [value for value in values if value != "NULL"]
    within = f"{column} IN ({', '.join(some)})"
    if len(some) == len(values):
        return f"{column} IS NOT NULL AND {within}"
    return f"({column} IS NULL OR {within})" if some else f"{column} IS NULL"
