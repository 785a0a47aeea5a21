"""Rules about views, sequences, ownership and properties of tables. No I/O."""

from collections.abc import Iterator
from itertools import pairwise

from banister.errors import Severity
from banister.model import Dialect, LockMode, RelationFacts, RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.verdicts import Verdict
from banister.script.tokens import TokenKind
from banister.script.words import Words

__all__ = ["OBJECTS"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_ALTER_TABLE = _MANUAL + "sql-altertable.html"
_LOCKS = _MANUAL + "explicit-locking.html#LOCKING-TABLES"

_VIEWS = frozenset({RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})
_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})
#: Statements that write a materialized view again for another reason.
_MOVES = frozenset({"ALTER", "CLUSTER", "VACUUM"})
_IDENTITIES = {
    "d": "its primary key",
    "f": "the whole old row",
    "i": "the columns of an index",
    "n": "nothing: publications refuse to update or delete its rows",
}


def _keys(seen: Seen) -> list[str]:
    """Return the keywords and unquoted names of the statement, in upper case."""
    return [word.key for word in Words(seen.trace.statement.text, Dialect.POSTGRESQL)]


def _altered(
    seen: Seen, kinds: frozenset[RelationKind]
) -> Iterator[tuple[RelationFacts, RelationFacts]]:
    """Yield relations of these kinds that were there before the run, as they were and are."""
    for change in seen.trace.relations:
        before, after = change.before, change.after
        if before is None or after is None or after.kind not in kinds:
            continue
        if seen.was_there(after.oid):
            yield before, after


def _refreshed(seen: Seen) -> Iterator[Match]:
    if _MOVES.intersection(seen.trace.statement.text.upper().split(None, 1)[:1]):
        return
    for rewrite in seen.trace.rewrites:
        view = rewrite.relation_oid
        if rewrite.kind is not RelationKind.MATERIALIZED_VIEW or not seen.was_there(view):
            continue
        unique = any(
            index.unique and index.valid and not index.partial and None not in index.columns
            for index in seen.before.indexes.values()
            if index.table_oid == view
        )
        yield Match(
            table_oid=view, names={"table": rewrite.relation, "unique": "yes" if unique else ""}
        )


def _views_replaced(seen: Seen) -> Iterator[Match]:
    gone = {change.any.oid for change in seen.trace.relations if change.dropped}
    for change in seen.trace.objects:
        view, rule = seen.existing.get(change.any.of_oid or 0), change.any
        if rule.kind != "rule" or rule.name != '"_RETURN"' or view is None or view.oid in gone:
            continue
        if view.kind is RelationKind.VIEW and not change.made and not change.dropped:
            yield Match(table_oid=None, names={"table": view.name})


def _views_dropped(seen: Seen) -> Iterator[Match]:
    gone = {c.any.oid: c.any.kind for c in seen.trace.relations if c.dropped}
    of_tables = any(c.any.table_oid not in gone for c in seen.trace.columns)
    if seen.trace.cascaded and (of_tables or _TABLES.intersection(gone.values())):
        return
    for change in seen.trace.relations:
        view = change.before
        if change.dropped and view is not None and view.kind in _VIEWS and seen.was_there(view.oid):
            kind = view.kind.value
            yield Match(table_oid=None, names={"table": view.name, "kind": kind})


def _identity_changed(seen: Seen) -> Iterator[Match]:
    for before, after in _altered(seen, _TABLES):
        if before.replica_identity != after.replica_identity:
            what = _IDENTITIES.get(after.replica_identity, "something else")
            yield Match(table_oid=after.oid, names={"table": after.name, "what": what})


def _inheritance_changed(seen: Seen) -> Iterator[Match]:
    relations = {**seen.existing, **seen.before.relations}
    for before, after in _altered(seen, _TABLES):
        if before.is_partition or after.is_partition:
            continue
        for oid in sorted(set(before.parents) ^ set(after.parents)):
            parent = relations.get(oid)
            if parent is not None:
                gained = oid in after.parents
                names = {
                    "table": after.name,
                    "parent": parent.name,
                    "how": "see and write its rows too" if gained else "no longer see its rows",
                }
                yield Match(table_oid=after.oid, names=names)


def _owner_changed(seen: Seen) -> Iterator[Match]:
    changed = False
    for before, after in _altered(seen, _TABLES | _VIEWS):
        if before.owner != after.owner:
            changed = True
            what = f"{before.owner} is no longer its owner: what that role may do on it changes"
            yield Match(table_oid=after.oid, names={"table": after.name, "what": what})
    trace = seen.trace
    # Naming the owner that it has changes nothing; renaming a column called owner does.
    if changed or trace.relations or trace.columns or trace.constraints or trace.objects:
        return
    if not _names_an_owner(_keys(seen)[:9]):
        return
    for lock in seen.trace.locks:
        exclusive = lock.mode is LockMode.ACCESS_EXCLUSIVE and lock.kind in _TABLES
        if exclusive and seen.was_there(lock.relation_oid):
            names = {"table": lock.relation, "what": "it has that owner already"}
            yield Match(table_oid=lock.relation_oid, names=names)


def _names_an_owner(keys: list[str]) -> bool:
    """Whether it says OWNER TO; a column may be called owner."""
    return ("OWNER", "TO") in pairwise(keys)


def _locked(seen: Seen) -> Iterator[Match]:
    if _keys(seen)[:1] != ["LOCK"]:
        return
    for lock in seen.trace.locks:
        if lock.blocks and lock.kind in _TABLES and seen.was_there(lock.relation_oid):
            who = "read or write" if "reads" in lock.blocks else "write to"
            names = {"table": lock.relation, "mode": lock.mode.words, "who": who}
            yield Match(table_oid=lock.relation_oid, names=names)


def _sequences_changed(seen: Seen) -> Iterator[Match]:
    rewrites = seen.trace.rewrites
    if any(rewrite.how == "truncate" for rewrite in rewrites):
        return
    changed = {
        lock.relation_oid: lock.relation
        for lock in seen.trace.locks
        if lock.kind is RelationKind.SEQUENCE and lock.mode is LockMode.SHARE_ROW_EXCLUSIVE
    }
    # Where an earlier statement holds the lock, the numbers tell.
    changed |= {each.relation_oid: each.relation for each in rewrites if each.how == "reset"}
    for oid, name in changed.items():
        if seen.was_there(oid):
            yield Match(table_oid=None, names={"table": name, "restart": _restart(seen)})


def _restart(seen: Seen) -> str:
    """Return the number behind RESTART, where that is all that the statement does."""
    words = [
        word for word in Words(seen.trace.statement.text, Dialect.POSTGRESQL) if word.key != "WITH"
    ]
    keys = [word.key for word in words]
    if "RESTART" in keys and keys.index("RESTART") == len(words) - 2:
        last = words[-1]
        return last.text if last.kind is TokenKind.NUMBER else ""
    return ""


def _parameters_set(seen: Seen) -> Iterator[Match]:
    if any(lock.blocks for lock in seen.trace.locks):
        return
    for table, what in dict(_parameters(seen)).items():
        names = {"table": seen.existing[table].name, "what": what}
        yield Match(table_oid=table, names=names)


def _parameters(seen: Seen) -> Iterator[tuple[int, str]]:
    for before, after in _altered(seen, _TABLES):
        if before.options != after.options:
            yield after.oid, "storage parameters"
        elif before.in_publication != after.in_publication:
            yield after.oid, "what is published"
    for change in seen.trace.columns:
        was, now = change.before, change.after
        if was is None or now is None or not seen.was_there(now.table_oid):
            continue
        if (was.statistics, was.options) != (now.statistics, now.options):
            yield now.table_oid, f"statistics of {now.name}"
    for other in seen.trace.objects:
        oid = other.any.of_oid
        if other.any.kind == "statistics" and oid is not None and seen.was_there(oid):
            yield oid, f"statistics {other.any.name}"


OBJECTS = (
    Hazard(
        rule="refresh-matview",
        title="REFRESH MATERIALIZED VIEW without CONCURRENTLY",
        effect="writes {table} again while nobody can read it",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(
            Safer(files=("REFRESH MATERIALIZED VIEW CONCURRENTLY {table};",), only_if="unique"),
        ),
        advice="CONCURRENTLY needs a unique index on plain columns of {table}",
        source=_MANUAL + "sql-refreshmaterializedview.html",
        meets=_refreshed,
    ),
    Hazard(
        rule="replace-view",
        title="A view is replaced",
        effect="nobody can read {table} until the commit",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="keep the migration short: the view waits for all who read it, and who comes then"
        " waits for the migration",
        source=_MANUAL + "sql-createview.html",
        meets=_views_replaced,
    ),
    Hazard(
        rule="drop-view",
        title="A view is dropped",
        effect="{kind} {table} is gone: an application that still reads it fails with: relation"
        " {table} does not exist",
        verdict=Verdict.BRIEF_LOCK,
        advice="let no program read it first; to change a view, CREATE OR REPLACE VIEW keeps it and"
        " the rights on it",
        source=_MANUAL + "sql-dropview.html",
        meets=_views_dropped,
    ),
    Hazard(
        rule="replica-identity",
        title="The replica identity of a table is changed",
        effect="to tell which row is meant, {table} sends along {what}, for each row that is"
        " updated or deleted. Needs nobody to use the table for a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="with a primary key the default serves; FULL makes the log larger by every old row",
        source=_MANUAL + "logical-replication-publication.html",
        meets=_identity_changed,
    ),
    Hazard(
        rule="inherit",
        title="A table begins or ceases to inherit from another",
        effect="those who read or write {parent} {how}: {table}. Needs nobody to use that table for"
        " a moment",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        source=_MANUAL + "ddl-inherit.html",
        meets=_inheritance_changed,
    ),
    Hazard(
        rule="owner",
        title="OWNER TO",
        effect="needs nobody to use {table} for a moment; {what}",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        advice="leave it out where the owner is right already: the lock is taken all the same",
        source=_ALTER_TABLE,
        meets=_owner_changed,
    ),
    Hazard(
        rule="lock-table",
        title="LOCK TABLE",
        effect="nobody can {who} {table} until the commit, whatever comes in between: {mode}",
        verdict=Verdict.BRIEF_LOCK,
        advice="statements take the locks that they need; where two must not meet, an advisory lock"
        " stands in nobody else's way",
        source=_MANUAL + "sql-lock.html",
        meets=_locked,
    ),
    Hazard(
        rule="sequence-change",
        title="ALTER SEQUENCE",
        effect="whoever wants a number from {table} waits until the commit",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        safer=(Safer(files=("SELECT setval('{table}', {restart}, false);",), only_if="restart"),),
        advice="to set where it goes on, setval() lets others take numbers meanwhile",
        source=_MANUAL + "sql-altersequence.html",
        meets=_sequences_changed,
    ),
    Hazard(
        rule="storage-parameters",
        title="Storage parameters, statistics targets or publications are changed",
        effect="changes {what} of {table}: others read and write meanwhile, but it waits for"
        " VACUUM, one against wraparound too, and for index builds",
        verdict=Verdict.SAFE,
        severity=Severity.NOTICE,
        advice="rows that are there stay as they are",
        source=_LOCKS,
        meets=_parameters_set,
    ),
)
