"""Rules about rows that are written at once, and about the shape of transactions. No I/O."""

from collections.abc import Iterator

from banister.errors import Severity
from banister.model import Lock, LockMode, RelationKind, TableSize, TransactionMode, Written
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.batches import batched
from banister.rehearsal.sizes import size_words
from banister.rehearsal.verdicts import Verdict

__all__ = ["TRANSACTIONS"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_LOCKS = _MANUAL + "explicit-locking.html#LOCKING-TABLES"

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})
#: Seconds after which those who queue behind a waiting migration notice it.
_PATIENCE = 10.0
#: What acts on transactions that begin later.
_NEXT_TRANSACTION = {
    "default_transaction_isolation": "SET TRANSACTION ISOLATION LEVEL",
    "default_transaction_read_only": "SET TRANSACTION READ ONLY or READ WRITE",
    "default_transaction_deferrable": "SET TRANSACTION DEFERRABLE",
}


def _many(seen: Seen, written: Written, rows: int) -> bool:
    """Whether a statement has written so many of the few rows that a large table is in danger."""
    there = written.rows_before or 0
    if not rows or not there or not seen.was_there(written.table_oid):
        return False
    whole = any(scan.table_oid == written.table_oid for scan in seen.trace.scans)
    # One row of one may well be found by its key.
    return whole or (there > 1 and rows * 2 >= there)


def _estimate(seen: Seen, written: Written, rows: int) -> str:
    share = min(rows / (written.rows_before or rows), 1.0)
    known = seen.size(written.table_oid).rows
    if known is not None:
        return f"about {size_words(TableSize(rows=round(known * share)))} of {written.table}"
    return f"all rows of {written.table}" if share == 1 else f"many rows of {written.table}"


def _updated(seen: Seen) -> Iterator[Match]:
    for written in seen.trace.written:
        if _many(seen, written, written.updated):
            yield _rows_match(seen, written, written.updated)


def _deleted(seen: Seen) -> Iterator[Match]:
    for written in seen.trace.written:
        if _many(seen, written, written.deleted):
            yield _rows_match(seen, written, written.deleted)


def _rows_match(seen: Seen, written: Written, rows: int) -> Match:
    names = {
        "table": written.table,
        "rows": _estimate(seen, written, rows),
        "batches": batched(seen, written.table_oid),
    }
    return Match(table_oid=written.table_oid, names=names)


def _exclusive(seen: Seen) -> list[Lock]:
    return [
        lock
        for lock in seen.trace.held
        if lock.mode is LockMode.ACCESS_EXCLUSIVE
        and lock.kind in _TABLES
        and seen.was_there(lock.relation_oid)
    ]


def _work_under_lock(seen: Seen) -> Iterator[Match]:
    trace = seen.trace
    # What rules about NOT VALID and VALIDATE in one transaction are about.
    if any(c.before and c.after and not c.before.validated for c in trace.constraints):
        return
    worked = {scan.table_oid for scan in trace.scans if scan.why in {"read", "foreign key"}}
    worked |= {build.table_oid for build in trace.builds}
    worked |= {each.relation_oid for each in trace.rewrites if each.how == "rewrite"}
    # Whatever writes a table again, or checks it, locks it like that by itself.
    by_itself = {each.relation_oid for each in trace.rewrites}
    by_itself |= {scan.table_oid for scan in trace.scans if scan.why == "verify"}
    held = [lock for lock in _exclusive(seen) if lock.relation_oid not in by_itself]
    large = sorted(oid for oid in worked if seen.was_there(oid))
    if held and large:
        first = held[0]
        line = _line_of(seen, first)
        names = {
            "table": first.table,
            "line": str(line),
            "work": seen.existing[large[0]].name,
        }
        yield Match(table_oid=large[0], names=names)


def _line_of(seen: Seen, lock: Lock) -> int:
    taken = (each for each in seen.earlier if each.number == lock.taken_by)
    return next((each.statement.line for each in taken), 1)


def _second_relation(seen: Seen) -> Iterator[Match]:
    first = _tables_locked(seen, seen.trace.held)
    new = [lock for lock in _tables_locked(seen, seen.trace.locks) if not _among(lock, first)]
    if first and new:
        # Told once a migration, where the second table comes in.
        if len({lock.taken_by for lock in first}) > 1:
            return
        tables = {lock.relation: None for lock in (*first, *new)}
        for later in seen.later:
            tables.update({lock.relation: None for lock in _tables_locked(seen, later.locks)})
        names = {"table": first[0].relation, "second": new[0].relation, "all": ", ".join(tables)}
        yield Match(table_oid=new[0].relation_oid, names=names)


def _tables_locked(seen: Seen, locks: tuple[Lock, ...]) -> list[Lock]:
    return [
        lock
        for lock in locks
        if lock.blocks and lock.kind in _TABLES and seen.was_there(lock.relation_oid)
    ]


def _among(lock: Lock, others: list[Lock]) -> bool:
    return any(lock.relation_oid == other.relation_oid for other in others)


def _no_timeout(seen: Seen) -> Iterator[Match]:
    if seen.trace.alone or 0 < seen.trace.lock_timeout <= _PATIENCE:
        return
    before = [lock for trace in seen.earlier for lock in _tables_locked(seen, trace.locks)]
    locks = _tables_locked(seen, seen.trace.locks)
    if locks and not before:
        seconds = seen.trace.lock_timeout
        names = {
            "table": locks[0].relation,
            "how": f"for up to {seconds:g} s" if seconds else "without end",
            "statement": seen.trace.statement.text.rstrip().rstrip(";") + ";",
        }
        yield Match(table_oid=locks[0].relation_oid, names=names)


def _leaked(seen: Seen) -> Iterator[Match]:
    if seen.step.mode is not TransactionMode.WHOLE:
        return
    for name, value in seen.trace.settings.items():
        if name not in _NEXT_TRANSACTION:
            quoted = value.replace("'", "''")
            yield Match(table_oid=None, names={"setting": name, "value": quoted})


def _too_late(seen: Seen) -> Iterator[Match]:
    if seen.step.mode is not TransactionMode.WHOLE or seen.trace.alone:
        return
    for name in seen.trace.settings:
        if name in _NEXT_TRANSACTION:
            names = {"setting": name, "instead": _NEXT_TRANSACTION[name]}
            yield Match(table_oid=None, names=names)


TRANSACTIONS = (
    Hazard(
        rule="unbatched-update",
        title="Many rows are updated in one transaction",
        effect="updates {rows}, an estimate, in one transaction: whoever else writes one of them"
        " waits until the commit, replicas fall behind, and the table grows by all the old rows",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(Safer(files=("{batches}",), only_if="batches"),),
        advice="in batches by the primary key, some thousand rows a transaction",
        source=_MANUAL + "mvcc-intro.html",
        meets=_updated,
    ),
    Hazard(
        rule="unbatched-delete",
        title="Many rows are deleted in one transaction",
        effect="deletes {rows}, an estimate, in one transaction: whoever else writes one of them"
        " waits until the commit, and replicas fall behind",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(Safer(files=("{batches}",), only_if="batches"),),
        advice="in batches by the primary key, some thousand rows a transaction",
        source=_MANUAL + "sql-delete.html",
        meets=_deleted,
    ),
    Hazard(
        rule="statement-after-access-exclusive",
        title="Rows are worked on while an earlier statement's lock keeps everybody out",
        effect="works on the rows of {work} while nobody can read or write {table}: its lock, taken"
        " in line {line}, lasts until the commit",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        advice="put this into a migration of its own; what takes such a lock comes last, and alone",
        source=_LOCKS,
        meets=_work_under_lock,
    ),
    Hazard(
        rule="many-relations",
        title="Several tables are locked in one transaction",
        effect="waits for {second} while {table} is locked already (in all: {all}): each wait may"
        " last as long as the lock timeout, and who locks them in another order meets a deadlock",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="one table a migration; where they must change together, begin with LOCK TABLE for"
        " all of them, in the order in which the application writes them",
        source=_MANUAL + "explicit-locking.html#LOCKING-DEADLOCKS",
        meets=_second_relation,
    ),
    Hazard(
        rule="missing-lock-timeout",
        title="A lock is waited for without end, or for long",
        effect="waits for its lock on {table} {how}: all who come later queue behind it, also those"
        " who only read, as long as one slow reader takes",
        verdict=Verdict.BLOCKS_ALL,
        safer=(Safer(files=("-- banister: lock_timeout=2s\n{statement}",)),),
        advice="a migration that cannot have its lock soon fails, changes nothing and is run again",
        source=_MANUAL + "runtime-config-client.html#GUC-LOCK-TIMEOUT",
        meets=_no_timeout,
    ),
    Hazard(
        rule="session-setting-leak",
        title="A setting that outlives its transaction",
        effect="{setting} holds beyond this transaction: behind a pooler, or in another tool, the"
        " next one in the session runs with it too",
        verdict=Verdict.SAFE,
        severity=Severity.NOTICE,
        safer=(Safer(files=("SET LOCAL {setting} = '{value}';",)),),
        source=_MANUAL + "sql-set.html",
        meets=_leaked,
    ),
    Hazard(
        rule="read-only-guc-late",
        title="A default for transactions is set inside one",
        effect="{setting} acts on transactions that begin later, not on this one",
        verdict=Verdict.SAFE,
        advice="for this transaction: {instead}, as the first statement of the file",
        source=_MANUAL + "sql-set-transaction.html",
        meets=_too_late,
    ),
)
