"""Rules about index work that lets others read and write, and what it leaves behind. No I/O."""

from collections.abc import Iterator

from banister.errors import Severity
from banister.model import Build, StatementTrace
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.verdicts import Verdict
from banister.script import WorkKind, work_of

__all__ = ["CONCURRENTLY"]

_MANUAL = "https://www.postgresql.org/docs/current/"
_CREATE_INDEX = _MANUAL + "sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY"
_OUTSIDE = "-- banister: transaction=off\n"
#: active_sql_transaction: what was asked for needs to be outside of a transaction, or to begin one.
_IN_TRANSACTION = "25001"
#: https://www.postgresql.org/docs/release/14.4/
_MENDED = (14, 4)
_WORKS_ON_INDEXES = frozenset({WorkKind.CREATE_INDEX, WorkKind.REINDEX})


def _refused_in_a_transaction(seen: Seen) -> Iterator[Match]:
    failure = seen.trace.failure
    # "must be called before any query": that is SET TRANSACTION, which belongs into one.
    if failure is None or failure.sqlstate != _IN_TRANSACTION or " must " in failure.message:
        return
    what = failure.message.split(" cannot ")[0]
    yield Match(names={"what": what, "message": failure.message})


def _is_concurrent(trace: StatementTrace) -> bool:
    """Whether it makes or makes again indexes CONCURRENTLY; nothing else says that it does so."""
    work = work_of(trace.statement) if trace.alone else None
    return (
        work is not None
        and work.kind in _WORKS_ON_INDEXES
        and "CONCURRENTLY" in trace.statement.text.upper()
    )


def _built(seen: Seen, trace: StatementTrace) -> Iterator[Build]:
    """Yield what it builds CONCURRENTLY on tables that were there before the run."""
    if _is_concurrent(trace):
        yield from (build for build in trace.builds if seen.was_there(build.table_oid))


def _names(build: Build, **more: str) -> Match:
    names = {"table": build.table, "index": build.index, **more}
    return Match(table_oid=build.table_oid, names=names)


def _left_invalid(seen: Seen) -> Iterator[Match]:
    failure = seen.trace.failure_on_rows
    if failure is not None:
        for build in _built(seen, seen.trace):
            yield _names(build, message=failure.message)


def _taken_for_the_real_one(seen: Seen) -> Iterator[Match]:
    work = work_of(seen.trace.statement) if seen.trace.alone else None
    if work is None or work.kind is not WorkKind.CREATE_INDEX or not work.tolerant:
        return
    made = {change.any.oid: change.any for change in seen.trace.indexes if change.made}
    for build in _built(seen, seen.trace):
        if build.index_oid in made:
            definition = made[build.index_oid].definition
            plain = definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
            yield _names(build, concurrently=plain)


def _beside_another(seen: Seen) -> Iterator[Match]:
    earlier = [each for trace in seen.earlier for each in _built(seen, trace)]
    for build in _built(seen, seen.trace):
        others = [each.index for each in earlier if each.table_oid == build.table_oid]
        if others:
            yield _names(build, others=", ".join(others))


def _on_early_14(seen: Seen) -> Iterator[Match]:
    if seen.major == _MENDED[0] and (seen.version is None or seen.version < _MENDED):
        which = ".".join(map(str, seen.version)) if seen.version else "14.0 to 14.3"
        for build in _built(seen, seen.trace):
            yield _names(build, which=which)


CONCURRENTLY = (
    Hazard(
        rule="concurrently-in-transaction",
        title="A statement that cannot run in a transaction",
        effect="the server refuses it: {message}",
        verdict=Verdict.CANNOT_RUN,
        severity=Severity.ERROR,
        advice="write the {what} itself into a file, not into a function or DO, with"
        ' "-- banister: transaction=off" as its first line',
        source=_CREATE_INDEX,
        meets=_refused_in_a_transaction,
    ),
    Hazard(
        rule="concurrently-leftover-invalid",
        title="An index build that may fail half-way leaves an invalid index",
        effect="fails on rows like the generated ones ({message}), and an invalid {index} stays:"
        " no query uses it, and each write to {table} still pays for it",
        verdict=Verdict.SAFE,
        # The rows are ours, not the target's.
        severity=Severity.NOTICE,
        advice="look for such rows first; Banister drops what its own run leaves, for any other"
        " the way is DROP INDEX CONCURRENTLY",
        source=_CREATE_INDEX,
        meets=_left_invalid,
    ),
    Hazard(
        rule="concurrently-if-not-exists-trap",
        title="CREATE INDEX CONCURRENTLY IF NOT EXISTS may keep an invalid index",
        effect="where a build has failed before, finds an invalid {index}, and keeps it as it is",
        verdict=Verdict.SAFE,
        severity=Severity.NOTICE,
        safer=(
            Safer(
                files=(
                    _OUTSIDE + "DROP INDEX CONCURRENTLY IF EXISTS {index};",
                    _OUTSIDE + "{concurrently};",
                )
            ),
        ),
        advice="Banister drops an invalid index of that name before; psql and others do not",
        source=_CREATE_INDEX,
        meets=_taken_for_the_real_one,
    ),
    Hazard(
        rule="concurrent-index-same-table-race",
        title="Several indexes are built CONCURRENTLY on one table",
        effect="builds {index} on {table}, as others of this file: {others}; two at once would be"
        " a deadlock, and one of them left invalid",
        verdict=Verdict.SAFE,
        severity=Severity.NOTICE,
        advice="Banister builds one after the other, also for two runs: start none by hand beside"
        " it; in a file each, a failure leaves the others done",
        source=_CREATE_INDEX,
        meets=_beside_another,
    ),
    Hazard(
        rule="index-corruption-14",
        title="PostgreSQL 14.0 to 14.3 lose rows from indexes that are built CONCURRENTLY",
        effect="on {which}, {index} may silently lack rows of {table} that were written meanwhile",
        verdict=Verdict.SAFE,
        advice="see that the server is 14.4 or later first; where it is not, upgrade it, and build"
        " such indexes again",
        source="https://www.postgresql.org/docs/release/14.4/",
        meets=_on_early_14,
    ),
)
