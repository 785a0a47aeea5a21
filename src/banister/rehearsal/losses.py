"""What a rehearsed plan takes away, statement by statement. Pure: no I/O."""

from collections.abc import Iterator, Mapping

from banister.model import Dialect, LockMode, RelationKind, StatementTrace, TransactionMode, Version
from banister.model.losses import Loss, LossKind
from banister.rehearsal.verdicts import Rehearsal, Verdict
from banister.script import traits

__all__ = ["losses_of", "may_lose", "unsaved"]

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})


def losses_of(rehearsal: Rehearsal) -> Mapping[Version, tuple[Loss, ...]]:
    """Return by version what its statements take away; nothing of tables that the run itself made.

    In doubt more than less: a DELETE counts for every table that it locked for writing.
    """
    made: set[str] = set()
    found: dict[Version, tuple[Loss, ...]] = {}
    for migration in rehearsal.migrations:
        losses: list[Loss] = []
        for statement in migration.statements:
            losses += [loss for loss in _losses(statement.trace) if loss.table not in made]
            made |= {c.any.name for c in statement.trace.relations if c.made}
        if losses:
            found[migration.step.version] = tuple(losses)
    return found


def may_lose(rehearsal: Rehearsal) -> bool:
    """Whether rows or values of the target may be gone or changed afterwards; in doubt they may.

    Values also by UPDATE and MERGE, where a column gets another type and is written again, and
    where a table is copied to a new one and dropped.
    """
    if rehearsal.verdict >= Verdict.LOSES_DATA or rehearsal.not_tried:
        return True
    made: set[str] = set()
    for migration in rehearsal.migrations:
        if any(finding.undecided for finding in migration.all_findings):
            return True
        for statement in migration.statements:
            if not _changed(statement.trace) <= made:
                return True
            made |= {c.any.name for c in statement.trace.relations if c.made}
    return False


def _changed(trace: StatementTrace) -> set[str]:
    """Return the tables with values that are not as they were."""
    retyped = {each.relation for each in trace.rewrites if "type" in each.reasons}
    updated = {each.table for each in trace.written if each.updated}
    dropped = {
        each.any.name for each in trace.relations if each.dropped and each.any.kind in _TABLES
    }
    return retyped | updated | dropped | {aim.table for aim in trace.aims}


def unsaved(rehearsal: Rehearsal) -> tuple[str, ...]:
    """Return the migrations that take rows away outside a transaction, where none can be saved."""
    losing = losses_of(rehearsal)
    return tuple(
        migration.step.label
        for migration in rehearsal.migrations
        if migration.step.mode is TransactionMode.STATEMENTS and migration.step.version in losing
    )


def _losses(trace: StatementTrace) -> Iterator[Loss]:
    gone = {
        change.before.oid: change.before.name
        for change in trace.relations
        if change.dropped and change.before is not None and change.before.kind in _TABLES
    }
    truncated = {
        rewrite.relation_oid: rewrite.relation
        for rewrite in trace.rewrites
        if rewrite.how == "truncate" and rewrite.kind in _TABLES
    }
    whole = {**truncated, **gone}
    for table in whole.values():
        yield Loss(statement=trace.number, kind=LossKind.ALL, table=table)
    columns: dict[str, list[str]] = {}
    for change in trace.columns:
        before = change.before
        lost = change.after is None or change.after.dropped
        if before is not None and lost and not before.dropped and before.table_oid not in whole:
            columns.setdefault(before.table, []).append(before.name)
    for table, names in columns.items():
        yield Loss(statement=trace.number, kind=LossKind.COLUMNS, table=table, columns=tuple(names))
    for table in sorted(_deleted(trace, whole)):
        yield Loss(statement=trace.number, kind=LossKind.GONE, table=table)


def _deleted(trace: StatementTrace, whole: Mapping[int, str]) -> set[str]:
    """Return the tables of which rows may be gone that are not gone as a whole."""
    tables = {each.table_oid: each.table for each in trace.written if each.deleted}
    tables |= {aim.table_oid: aim.table for aim in trace.aims if aim.how == "delete"}
    words = traits(trace.statement, Dialect.POSTGRESQL).words
    if "DELETE" in words:
        text = trace.statement.text.lower()
        tables |= {
            lock.relation_oid: lock.relation
            for lock in trace.all_locks
            if lock.kind in _TABLES
            and lock.mode is LockMode.ROW_EXCLUSIVE
            # One that was held before may be of another statement.
            and (lock in trace.locks or lock.relation.rpartition(".")[2].strip('"').lower() in text)
        }
    return {name for oid, name in tables.items() if oid not in whole}
