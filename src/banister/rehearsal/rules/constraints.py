"""Rules about CHECK and foreign key constraints. No I/O."""

import re
from collections.abc import Iterator

from banister.errors import Severity
from banister.model import ConstraintFacts, LockMode, RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.looks import (
    below,
    is_table,
    new_columns,
    new_constraints,
    rewritten,
    scanned,
)
from banister.rehearsal.rules.texts import ADD_NOT_VALID, VALIDATE
from banister.rehearsal.verdicts import Verdict

__all__ = ["CONSTRAINTS"]

_ALTER_TABLE = "https://www.postgresql.org/docs/current/sql-altertable.html"
_NOTES = _ALTER_TABLE + "#SQL-ALTERTABLE-NOTES"
_NOT_VALID = " NOT VALID"
_NOT_ENFORCED = " NOT ENFORCED"
_ADD = "ALTER TABLE {table} ADD CONSTRAINT {constraint} {condition};"
_DROP = "ALTER TABLE {table} DROP CONSTRAINT {constraint};"

#: What the server says of NOT VALID where it cannot do it.
_PARTITIONED = re.compile(
    r"cannot add NOT VALID foreign key on partitioned table \"(.+)\" referencing relation \"(.+)\""
)
_KEY = re.compile(
    r"(?:CONSTRAINT\s+(?P<name>\S+)\s+)?"
    r"(?P<definition>FOREIGN\s+KEY\s*\([^()]*\)\s*REFERENCES\s+.*?)\s+NOT\s+VALID",
    re.IGNORECASE | re.DOTALL,
)


def _match(constraint: ConstraintFacts, **names: str) -> Match:
    plain = {
        "table": constraint.table,
        "constraint": constraint.name,
        "condition": constraint.definition,
        "parent": constraint.references or "",
    }
    return Match(table_oid=constraint.table_oid, names={**plain, **names})


def _of_new_column(seen: Seen, constraint: ConstraintFacts) -> bool:
    return any(
        column.table_oid == constraint.table_oid and column.name in constraint.columns
        for column in new_columns(seen)
    )


def _check_added(seen: Seen) -> Iterator[Match]:
    for check in new_constraints(seen, "check"):
        oid = check.table_oid
        if not check.validated or not check.enforced or _of_new_column(seen, check):
            continue
        if scanned(seen, oid, "verify") and not rewritten(seen, oid):
            yield _match(check)


def _key_added(seen: Seen) -> Iterator[Match]:
    for key in new_constraints(seen, "foreign key"):
        if not key.validated or not key.enforced or _of_new_column(seen, key):
            continue
        if scanned(seen, key.table_oid, "foreign key"):
            yield _match(key, **_per_partition(seen, key))


def _per_partition(seen: Seen, key: ConstraintFacts) -> dict[str, str]:
    """Return the names of `_BY_PARTITION`; empty: the table has no partitions."""
    leaves = [
        facts.name
        for facts in below(seen.before, key.table_oid)
        if facts.is_partition and facts.kind is RelationKind.TABLE
    ]
    return {
        "each_added": "\n".join(
            ADD_NOT_VALID.format(table=leaf, constraint=key.name, condition=key.definition)
            for leaf in leaves
        ),
        "each_validated": "\n".join(
            VALIDATE.format(table=leaf, constraint=key.name) for leaf in leaves
        ),
    }


def _not_valid_on_partitioned(seen: Seen) -> Iterator[Match]:
    failure = seen.trace.failure
    found = _PARTITIONED.search(failure.message) if failure is not None else None
    if found is None:
        return
    written = _KEY.search(seen.trace.statement.text)
    for facts in seen.existing.values():
        if facts.bare_name == found[1] and facts.kind is RelationKind.PARTITIONED_TABLE:
            key = ConstraintFacts(
                oid=0,
                name=(written and written["name"]) or f"{facts.bare_name}_fkey",
                kind="foreign key",
                table_oid=facts.oid,
                table=facts.name,
                references=found[2],
                definition=written["definition"] if written else "",
            )
            yield _match(key, **(_per_partition(seen, key) if written else {}))


def _table_with_key(seen: Seen) -> Iterator[Match]:
    made = {change.any.oid for change in seen.trace.relations if change.made}
    for change in seen.trace.constraints:
        key = change.after
        if key is None or key.kind != "foreign key" or key.table_oid not in made:
            continue
        parent = key.references_oid
        if parent is None or not is_table(seen, parent) or key.parent_oid is not None:
            continue
        if seen.took(parent, LockMode.SHARE_ROW_EXCLUSIVE):
            yield Match(
                table_oid=parent,
                names={"table": key.references or "", "child": key.table, "key": key.name},
            )


def _validated(seen: Seen, *kinds: str) -> Iterator[ConstraintFacts]:
    """Yield constraints that this statement has validated, as they were before."""
    for change in seen.trace.constraints:
        before, after = change.before, change.after
        if before is None or after is None or before.validated or not after.validated:
            continue
        told = before.kind not in kinds or before.parent_oid is not None or not before.enforced
        if not told and is_table(seen, before.table_oid) and any(seen.trace.scans):
            yield before


def _held_before(seen: Seen, oid: int) -> LockMode:
    """Return the strongest lock that earlier statements have left on a table."""
    modes = (lock.mode for lock in seen.trace.held if lock.relation_oid == oid)
    return max(modes, default=LockMode.ACCESS_SHARE)


def _validated_under_lock(seen: Seen) -> Iterator[Match]:
    for check in _validated(seen, "check", "not null", "foreign key"):
        if _held_before(seen, check.table_oid) is LockMode.ACCESS_EXCLUSIVE:
            yield _match(check)


def _key_validated_under_lock(seen: Seen) -> Iterator[Match]:
    for key in _validated(seen, "foreign key"):
        mode = _held_before(seen, key.table_oid)
        if LockMode.SHARE <= mode < LockMode.ACCESS_EXCLUSIVE:
            yield _match(key)


def _key_dropped(seen: Seen) -> Iterator[Match]:
    gone = {change.any.oid for change in seen.trace.relations if change.dropped}
    again = {(c.any.table_oid, c.any.name) for c in seen.trace.constraints if c.made}
    for change in seen.trace.constraints:
        key = change.before
        if key is None or not change.dropped or key.kind != "foreign key":
            continue
        remade = (key.table_oid, key.name) in again
        if key.parent_oid is not None or remade or gone & {key.table_oid, key.references_oid}:
            continue
        if is_table(seen, key.table_oid) and seen.was_there(key.references_oid):
            yield _match(key)


def _table_dropped_with_key(seen: Seen) -> Iterator[Match]:
    gone = {change.any.oid for change in seen.trace.relations if change.dropped}
    for change in seen.trace.constraints:
        key = change.before
        if key is None or not change.dropped or key.kind != "foreign key":
            continue
        parent = key.references_oid
        if key.table_oid not in gone or parent is None or parent in gone:
            continue
        if key.parent_oid is None and is_table(seen, parent) and is_table(seen, key.table_oid):
            yield Match(
                table_oid=parent,
                names={"table": key.references or "", "child": key.table, "constraint": key.name},
            )


def _altered(seen: Seen) -> Iterator[tuple[ConstraintFacts, ConstraintFacts]]:
    for change in seen.trace.constraints:
        before, after = change.before, change.after
        if before is None or after is None or after.parent_oid is not None:
            continue
        if is_table(seen, after.table_oid):
            yield before, after


def _enforced(seen: Seen) -> Iterator[Match]:
    for before, after in _altered(seen):
        if after.enforced and not before.enforced and any(seen.trace.scans):
            condition = after.definition.removesuffix(_NOT_VALID).removesuffix(_NOT_ENFORCED)
            yield _match(after, condition=condition)


def _no_longer_enforced(seen: Seen) -> Iterator[Match]:
    for before, after in _altered(seen):
        if before.enforced and not after.enforced:
            yield _match(after)


def _deferrable(seen: Seen) -> Iterator[Match]:
    for before, after in _altered(seen):
        if before.deferrable != after.deferrable:
            what = "at COMMIT at the latest" if after.deferrable else "with each statement"
            yield _match(after, when=what)


_IN_TWO = (Safer(files=(_ADD, VALIDATE)),)

CONSTRAINTS = (
    Hazard(
        rule="add-check",
        title="A CHECK is added and checked at once",
        effect="reads all of {table} while nobody can read or write it, to check {constraint}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=(ADD_NOT_VALID, VALIDATE)),),
        advice="new rows are checked from the first migration on, old ones by the second",
        source=_NOTES,
        meets=_check_added,
    ),
    Hazard(
        rule="add-foreign-key",
        title="A foreign key is added and checked at once",
        effect="reads {table} and {parent} while nobody can write to either, to check {constraint}",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=(
            Safer(files=("{each_added}", "{each_validated}", _ADD), until=17, only_if="each_added"),
            Safer(files=(ADD_NOT_VALID, VALIDATE)),
        ),
        advice="new rows are checked from the first migration on, old ones by the second",
        source=_NOTES,
        meets=_key_added,
    ),
    Hazard(
        rule="foreign-key-not-valid-partitioned",
        title="A NOT VALID foreign key on a partitioned table",
        effect="fails: before PostgreSQL 18 a foreign key of the partitioned table {table} cannot"
        " be NOT VALID",
        verdict=Verdict.CANNOT_RUN,
        severity=Severity.ERROR,
        safer=(
            Safer(files=("{each_added}", "{each_validated}", _ADD), until=17, only_if="each_added"),
        ),
        advice="the partitions can have it NOT VALID; when all are validated, the table takes"
        " theirs over and reads nothing",
        source=_ALTER_TABLE,
        meets=_not_valid_on_partitioned,
    ),
    Hazard(
        rule="create-table-references",
        title="A table is created with a foreign key to one that is in use",
        effect="nobody can write to {table} from here to the commit, because {child} refers to it"
        " by {key}",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="keep this migration short, or give {child} its foreign key in one of its own",
        source=_ALTER_TABLE,
        meets=_table_with_key,
    ),
    Hazard(
        rule="validate-in-same-transaction",
        title="A constraint is validated under the lock of the statement that added it",
        effect="reads all of {table} to check {constraint} while nobody can read or write it: the"
        " lock of an earlier statement is held until the commit",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=_IN_TWO,
        advice="validate in a migration of its own",
        source=_NOTES,
        meets=_validated_under_lock,
    ),
    Hazard(
        rule="validate-foreign-key-in-same-transaction",
        title="A foreign key is validated under the lock of the statement that added it",
        effect="reads {table} and {parent} to check {constraint} while nobody can write to either:"
        " the lock of an earlier statement is held until the commit",
        verdict=Verdict.BLOCKS_WRITES,
        grows=True,
        safer=_IN_TWO,
        advice="validate in a migration of its own",
        source=_NOTES,
        meets=_key_validated_under_lock,
    ),
    Hazard(
        rule="drop-foreign-key",
        title="A foreign key is dropped",
        effect="needs nobody to use {table} and {parent} for a moment, both at once; from then on"
        " nothing stops rows that {constraint} forbids",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="let it be the only statement of its migration",
        source=_ALTER_TABLE,
        meets=_key_dropped,
    ),
    Hazard(
        rule="drop-table-with-foreign-key",
        title="A table is dropped that refers to another",
        effect="nobody can read or write {table} either, from here to the commit: {child} refers"
        " to it by {constraint}",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        safer=(Safer(files=("ALTER TABLE {child} DROP CONSTRAINT {constraint};",)),),
        advice="drop the foreign key in a migration of its own, and the table in the next",
        source="https://www.postgresql.org/docs/current/sql-droptable.html",
        meets=_table_dropped_with_key,
    ),
    Hazard(
        rule="alter-constraint-enforced",
        title="A foreign key is enforced again",
        effect="reads {table} and {parent} to check {constraint}, while nobody can read or write"
        " {table}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=(_DROP + "\n" + ADD_NOT_VALID, VALIDATE), since=18),),
        source=_ALTER_TABLE,
        meets=_enforced,
    ),
    Hazard(
        rule="constraint-not-enforced",
        title="A constraint is no longer enforced",
        effect="nothing checks {constraint} from the commit on, and {table} takes rows that it"
        " forbids",
        verdict=Verdict.BRIEF_LOCK,
        advice="to enforce it again all rows have to be read",
        source=_ALTER_TABLE,
        meets=_no_longer_enforced,
    ),
    Hazard(
        rule="alter-constraint-deferrable",
        title="A foreign key is checked at another moment",
        effect="{constraint} is checked {when} from the commit on; needs nobody to use {table} for"
        " a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="an application that counts on an error with its statement gets it with COMMIT, or"
        " the other way round",
        source=_ALTER_TABLE,
        meets=_deferrable,
    ),
)
