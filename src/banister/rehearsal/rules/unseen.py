"""Rules about rows that statements would write, and the copy's few rows do not show. No I/O."""

from collections.abc import Iterator

from banister.model import Aim
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.batches import batched
from banister.rehearsal.rules.looks import below
from banister.rehearsal.sizes import size_words
from banister.rehearsal.verdicts import Verdict

__all__ = ["UNSEEN"]

_MANUAL = "https://www.postgresql.org/docs/current/"


def _unseen(seen: Seen, how: str) -> Iterator[Match]:
    for aim in seen.trace.aims:
        if aim.how == how and not aim.by_key and _is_told(seen, aim):
            size = size_words(seen.size(aim.table_oid))
            names = {
                "table": aim.table,
                "size": f", which has {size}" if size else "",
                "batches": batched(seen, aim.table_oid),
            }
            yield Match(table_oid=aim.table_oid, names=names)


def _is_told(seen: Seen, aim: Aim) -> bool:
    """Whether the table was there before the run, and too few of its rows were met to tell."""
    if not seen.was_there(aim.table_oid):
        return False
    # Of a partition its table tells.
    locked = {lock.relation_oid for lock in seen.trace.all_locks}
    if any(parent in locked for parent in seen.existing[aim.table_oid].parents):
        return False
    family = {aim.table_oid, *(facts.oid for facts in below(seen.before, aim.table_oid))}
    written = [each for each in seen.trace.written if each.table_oid in family]
    rows = sum(each.updated + each.deleted for each in written)
    if aim.how == "delete":
        return not rows
    there = sum(each.rows_before or 0 for each in written)
    return rows * 2 < there if rows else True


def _updated(seen: Seen) -> Iterator[Match]:
    return _unseen(seen, "update")


def _deleted(seen: Seen) -> Iterator[Match]:
    return _unseen(seen, "delete")


UNSEEN = (
    Hazard(
        rule="unseen-update",
        title="An UPDATE of rows that the copy does not have",
        effect="updates the rows of {table} that its condition finds: how many cannot be told from"
        " the copy's generated rows",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(Safer(files=("{batches}",), only_if="batches"),),
        advice="count them in the target; where they are many, in batches by the primary key",
        source=_MANUAL + "sql-update.html",
        meets=_updated,
    ),
    Hazard(
        rule="unseen-delete",
        title="A DELETE of rows that the copy does not have",
        effect="deletes the rows of {table}{size} that its condition finds: how many cannot be told"
        " from the copy's generated rows",
        verdict=Verdict.LOSES_DATA,
        safer=(Safer(files=("{batches}",), only_if="batches"),),
        advice="count them in the target; where they are many, in batches by the primary key",
        source=_MANUAL + "sql-delete.html",
        meets=_deleted,
    ),
)
