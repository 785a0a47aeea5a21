"""What several statements, or several migrations, do to each other. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from banister.errors import Location, Severity
from banister.model import RelationKind, TransactionMode
from banister.rehearsal.accepting import accepted
from banister.rehearsal.verdicts import (
    HazardFinding,
    HeldLock,
    MigrationRehearsal,
    StatementRehearsal,
    Verdict,
)

__all__ = ["across", "with_splits"]

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})

#: Rules that say of a statement that it had better be in a migration of its own.
_SAYS_SO = frozenset(
    {
        "statement-after-access-exclusive",
        "validate-foreign-key-in-same-transaction",
        "validate-in-same-transaction",
    }
)


def across(migrations: Sequence[MigrationRehearsal]) -> tuple[HazardFinding, ...]:
    """Return the tables that two migrations lock in another order, each in one transaction.

    Two such transactions, on two runners or beside an application, can end in a deadlock.
    """
    return tuple(
        finding
        for first, second in combinations(migrations, 2)
        for finding in accepted(tuple(_crossing(first, second)), second.step)
    )


def with_splits(migration: MigrationRehearsal) -> MigrationRehearsal:
    """Return the migration with the places where it had better be two."""
    if migration.step.mode is not TransactionMode.WHOLE:
        return migration
    found = accepted(tuple(_splits(migration)), migration.step)
    verdict = max((migration.verdict, *(each.verdict for each in found)))
    return replace(migration, findings=(*migration.findings, *found), verdict=verdict)


def _crossing(first: MigrationRehearsal, second: MigrationRehearsal) -> Iterator[HazardFinding]:
    one, other = _order(first), _order(second)
    for a, b in combinations(sorted(one.keys() & other.keys()), 2):
        if (one[a] - one[b]) * (other[a] - other[b]) < 0:
            early, late = (a, b) if one[a] < one[b] else (b, a)
            yield HazardFinding(
                rule="lock-order",
                severity=Severity.WARNING,
                verdict=Verdict.BRIEF_LOCK,
                message=f"{first.step.label} locks {early} and then {late}, {second.step.label} "
                "the other way round: where both run at once, on two runners or beside an "
                "application that does the same, one of them is the victim of a deadlock",
                advice="lock the tables in the same order everywhere, or one table a migration",
                relation=early,
                location=Location(path=second.step.script.source.path),
            )


def _order(migration: MigrationRehearsal) -> dict[str, int]:
    """Return the statement that locks each table first, against writers at least."""
    found: dict[str, int] = {}
    if migration.step.mode is TransactionMode.WHOLE:
        for statement in migration.statements:
            for lock in statement.locks:
                if lock.blocks and lock.kind in _TABLES:
                    found.setdefault(lock.relation, statement.trace.number)
    return found


def _splits(migration: MigrationRehearsal) -> Iterator[HazardFinding]:
    """Yield a proposal where a lock of an earlier statement is held through long work."""
    held: list[tuple[HeldLock, StatementRehearsal]] = []
    for statement in migration.statements:
        # A ROLLBACK TO releases locks.
        held = [pair for pair in held if pair[0].held_through >= statement.trace.number]
        told = _SAYS_SO.intersection(each.rule for each in statement.findings)
        if statement.work and held and not told:
            tables = ", ".join(dict.fromkeys(lock.relation for lock, _ in held))
            since = held[0][1].location.line
            reads = any("reads" in lock.blocks for lock, _ in held)
            yield HazardFinding(
                rule="split-here",
                severity=Severity.WARNING,
                verdict=Verdict.BLOCKS_ALL if reads else Verdict.BLOCKS_WRITES,
                message=f"the lock on {tables}, taken in line {since}, is held while "
                f"{' and '.join(statement.work)}",
                advice=f"begin a migration of its own with line {statement.location.line}",
                relation=held[0][0].relation,
                location=statement.location,
            )
            return
        held += [
            (lock, statement) for lock in statement.locks if lock.blocks and lock.kind in _TABLES
        ]
