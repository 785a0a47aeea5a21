"""Rules about partitions that come and go. No I/O."""

from collections.abc import Iterator

from banister.errors import Severity
from banister.model import LockMode, RelationFacts
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.bounds import condition_of
from banister.rehearsal.rules.looks import below
from banister.rehearsal.rules.texts import joined
from banister.rehearsal.verdicts import Verdict

__all__ = ["PARTITIONS"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_MAINTENANCE = _MANUAL + "ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE"
_DETACH = _MANUAL + "sql-altertable.html#SQL-ALTERTABLE-DETACH-PARTITION"
_OUTSIDE = "-- banister: transaction=off\n"
#: object_not_in_prerequisite_state.
_NOT_NOW = "55000"
_WITH_DEFAULT = "cannot detach partitions concurrently when a default partition exists"
_CONCURRENTLY = _OUTSIDE + "ALTER TABLE {parent} DETACH PARTITION {partition} CONCURRENTLY;"
_PLAINLY = "ALTER TABLE {parent} DETACH PARTITION {partition};"


def _parent(seen: Seen, partition: RelationFacts) -> RelationFacts | None:
    """Return the table that it is a partition of, where that was there before the run."""
    if not partition.is_partition or not partition.parents:
        return None
    return seen.before.relations.get(partition.parents[0], seen.existing.get(partition.parents[0]))


def _default(seen: Seen, parent: RelationFacts) -> RelationFacts | None:
    return seen.before.relations.get(parent.default_partition or 0)


def _read(seen: Seen, table: RelationFacts | None) -> bool:
    """Whether a table that was there before the run, or a partition of it, was read whole."""
    if table is None:
        return False
    family = {table.oid, *(facts.oid for facts in below(seen.before, table.oid))}
    return any(
        seen.was_there(scan.table_oid) for scan in seen.trace.scans if scan.table_oid in family
    )


def _checks(
    seen: Seen, parent: RelationFacts, partition: RelationFacts, *tables: RelationFacts
) -> dict[str, str]:
    """Return the SQL that lets the server know, without a look, what rows each table holds.

    Empty where no CHECK can tell it.
    """
    condition = condition_of(seen.before, parent, partition)
    add, validate, drop = [], [], []
    for table in tables:
        inside = table.oid == partition.oid
        name = joined(partition.bare_name, "inside" if inside else "outside")
        check = condition if inside else f"NOT ({condition})"
        add.append(f"ALTER TABLE {table.name} ADD CONSTRAINT {name} CHECK ({check}) NOT VALID;")
        validate.append(f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {name};")
        drop.append(f"ALTER TABLE {table.name} DROP CONSTRAINT {name};")
    told = {"add": "\n".join(add), "validate": "\n".join(validate), "drop": "\n".join(drop)}
    return told if condition else dict.fromkeys(told, "")


def _attached(seen: Seen) -> Iterator[Match]:
    for change in seen.trace.relations:
        before, after = change.before, change.after
        if before is None or after is None or before.is_partition or not after.is_partition:
            continue
        parent = _parent(seen, after)
        if parent is None or not seen.was_there(after.oid):
            continue
        default = _default(seen, parent)
        read = [table for table in (after, default) if table is not None and _read(seen, table)]
        built = [build for build in seen.trace.builds if build.table_oid == after.oid]
        if not read and not built:
            continue
        work = [f"reads {table.name} whole" for table in read]
        work += [f"builds {build.index}" for build in built]
        names = {
            "table": after.name,
            "parent": parent.name,
            "work": " and ".join(work),
            "tables": " and ".join(dict.fromkeys([after.name, *(t.name for t in read)])),
            "attach": f"ALTER TABLE {parent.name} ATTACH PARTITION {after.name}"
            f" {after.partition_bound};",
            **_checks(seen, parent, after, *read),
        }
        largest = max((after, *read), key=lambda table: seen.size(table.oid).rows or 0)
        yield Match(table_oid=largest.oid, names={**names, **_ways(seen, after, names)})


def _ways(seen: Seen, partition: RelationFacts, names: dict[str, str]) -> dict[str, str]:
    """Return how indexes are built before, and which of the ways that are offered fits."""
    definitions = {c.any.oid: c.any.definition for c in seen.trace.indexes if c.made}
    builds = "\n".join(
        definitions[build.index_oid].replace(" INDEX ", " INDEX CONCURRENTLY ", 1) + ";"
        for build in seen.trace.builds
        if build.table_oid == partition.oid and build.index_oid in definitions
    )
    # A constraint of the parent that the table lacks is made for it, and that takes its time too.
    lacks = any(c.made and c.any.table_oid == partition.oid for c in seen.trace.constraints)
    read = "reads" in names["work"]
    possible = not lacks and (bool(names["add"]) or not read)
    return {
        "builds": builds,
        "both": "yes" if possible and read and builds else "",
        "only_checks": "yes" if possible and read and not builds else "",
        "only_builds": "yes" if possible and not read else "",
    }


def _made(seen: Seen) -> Iterator[tuple[RelationFacts, RelationFacts, RelationFacts | None]]:
    """Yield partitions that were made in place, with their tables and the default partitions."""
    for change in seen.trace.relations:
        after = change.after
        if after is None or not change.made or not seen.took(after.oid, LockMode.ACCESS_EXCLUSIVE):
            continue
        parent = _parent(seen, after)
        if parent is not None and seen.was_there(parent.oid) and after.table_oid is None:
            yield after, parent, _default(seen, parent)


def _made_names(seen: Seen, partition: RelationFacts, parent: RelationFacts) -> dict[str, str]:
    columns = seen.before.columns.values()
    identity = any(each.table_oid == parent.oid and each.identity for each in columns)
    like = f"LIKE {parent.name} INCLUDING ALL" + (" EXCLUDING IDENTITY" if identity else "")
    below = f" PARTITION BY {partition.partition_key}" if partition.partition_key else ""
    return {
        "table": parent.name,
        "partition": partition.name,
        "create": f"CREATE TABLE {partition.name} ({like}){below};\n"
        f"ALTER TABLE {parent.name} ATTACH PARTITION {partition.name}"
        f" {partition.partition_bound};",
    }


def _made_in_place(seen: Seen) -> Iterator[Match]:
    for partition, parent, default in _made(seen):
        if not _read(seen, default):
            yield Match(table_oid=parent.oid, names=_made_names(seen, partition, parent))


def _made_beside_default(seen: Seen) -> Iterator[Match]:
    for partition, parent, default in _made(seen):
        if default is not None and _read(seen, default):
            checks = _checks(seen, parent, partition, default)
            names = {**_made_names(seen, partition, parent), **checks, "default": default.name}
            yield Match(table_oid=default.oid, names=names)


def _gone(seen: Seen, *, dropped: bool) -> Iterator[Match]:
    lost = {c.any.oid for c in seen.trace.relations if c.dropped}
    for change in seen.trace.relations:
        before, after = change.before, change.after
        if before is None or not seen.was_there(before.oid) or before.table_oid is not None:
            continue
        parent = _parent(seen, before)
        if parent is None or parent.oid in lost or not seen.was_there(parent.oid):
            continue
        if change.dropped if dropped else (after is not None and not after.is_partition):
            yield Match(
                table_oid=before.oid,
                names={
                    "table": before.name,
                    "partition": before.name,
                    "parent": parent.name,
                    "alone": "" if parent.default_partition else before.name,
                },
            )


def _detached(seen: Seen) -> Iterator[Match]:
    if not seen.trace.alone:
        yield from _gone(seen, dropped=False)


def _dropped(seen: Seen) -> Iterator[Match]:
    yield from _gone(seen, dropped=True)


def _half_detached(seen: Seen) -> Iterator[Match]:
    failure = seen.trace.failure
    if failure is None or failure.sqlstate != _NOT_NOW:
        return
    for facts in seen.before.relations.values():
        parent = _parent(seen, facts) if facts.detach_pending else None
        if parent is not None and f'"{facts.bare_name}"' in failure.message:
            names = {"table": facts.name, "parent": parent.name, "message": failure.message}
            yield Match(table_oid=facts.oid, names=names)


def _refused_beside_default(seen: Seen) -> Iterator[Match]:
    failure = seen.trace.failure
    if failure is not None and failure.message == _WITH_DEFAULT:
        yield Match(names={"message": failure.message})


PARTITIONS = (
    Hazard(
        rule="attach-partition-scan",
        title="ATTACH PARTITION reads the table, and the default partition, under its lock",
        effect="{work} while nobody can read or write {tables}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(
            Safer(
                files=("{add}", "{validate}", _OUTSIDE + "{builds}", "{attach}\n{drop}"),
                only_if="both",
            ),
            Safer(files=("{add}", "{validate}", "{attach}\n{drop}"), only_if="only_checks"),
            Safer(files=(_OUTSIDE + "{builds}", "{attach}"), only_if="only_builds"),
        ),
        advice="give {table} the indexes, keys and a CHECK like its bounds before, and the default"
        " partition the opposite CHECK: what they prove is not looked up again",
        source=_MAINTENANCE,
        meets=_attached,
    ),
    Hazard(
        rule="create-partition-of",
        title="CREATE TABLE … PARTITION OF locks the whole partitioned table",
        effect="makes {partition}; nobody can read or write {table} meanwhile",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        safer=(Safer(files=("{create}",)),),
        advice="ATTACH lets others read and write {table}",
        source=_MAINTENANCE,
        meets=_made_in_place,
    ),
    Hazard(
        rule="create-partition-beside-default",
        title="A new partition has the default partition read whole",
        effect="reads {default} whole for rows that belong into {partition}, while nobody can read"
        " or write {table}",
        verdict=Verdict.BLOCKS_ALL,
        grows=True,
        safer=(Safer(files=("{add}", "{validate}", "{create}\n{drop}"), only_if="add"),),
        advice="it fails where {default} holds such rows: move them out before; a valid CHECK on"
        " {default} that there are none spares the look",
        source=_MAINTENANCE,
        meets=_made_beside_default,
    ),
    Hazard(
        rule="detach-partition",
        title="DETACH PARTITION without CONCURRENTLY",
        effect="takes {partition} out of {parent}; nobody can read or write either meanwhile, and"
        " what reads {parent} does not find those rows from then on",
        verdict=Verdict.BRIEF_LOCK,
        severity=Severity.NOTICE,
        safer=(Safer(files=(_CONCURRENTLY,), only_if="alone"),),
        advice="CONCURRENTLY is not possible beside a default partition, and leaves a CHECK like"
        " the bounds on {partition}",
        source=_DETACH,
        meets=_detached,
    ),
    Hazard(
        rule="drop-partition",
        title="DROP TABLE of a partition locks the whole partitioned table",
        effect="the rows of {partition} are lost, and nobody can read or write {parent} meanwhile",
        verdict=Verdict.LOSES_DATA,
        safer=(Safer(files=(_CONCURRENTLY,), only_if="alone"), Safer(files=(_PLAINLY,))),
        advice="drop {partition} in a later migration, when nobody misses its rows: that locks"
        " {parent} no more",
        source=_DETACH,
        meets=_dropped,
    ),
    Hazard(
        rule="detach-pending",
        title="A DETACH … CONCURRENTLY that was given up half-way is in the way",
        effect="the server refuses it: {message}",
        verdict=Verdict.CANNOT_RUN,
        severity=Severity.ERROR,
        safer=(Safer(files=("ALTER TABLE {parent} DETACH PARTITION {table} FINALIZE;",)),),
        advice="Banister finishes what its own runs have begun; this was begun by others",
        source=_DETACH,
        meets=_half_detached,
    ),
    Hazard(
        rule="detach-concurrently-beside-default",
        title="DETACH … CONCURRENTLY of a table with a default partition",
        effect="the server refuses it: {message}",
        verdict=Verdict.CANNOT_RUN,
        severity=Severity.ERROR,
        advice="detach without CONCURRENTLY, alone in its migration and with a short lock_timeout",
        source=_DETACH,
        meets=_refused_beside_default,
    ),
)
