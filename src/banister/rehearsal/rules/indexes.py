"""Rules about indexes. No I/O."""

from collections.abc import Iterator

from banister.errors import Severity
from banister.model import LockMode
from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.verdicts import Verdict

__all__ = ["INDEXES"]

_CREATE_INDEX = "https://www.postgresql.org/docs/current/sql-createindex.html"


def _built_while_writers_wait(seen: Seen) -> Iterator[Match]:
    carried = {c.any.index_oid for c in seen.trace.constraints if c.made}
    for change in seen.trace.indexes:
        index = change.after
        if index is None or not change.made or index.oid in carried:
            continue
        if not seen.was_there(index.table_oid) or not seen.holds(index.table_oid, LockMode.SHARE):
            continue
        if not any(build.index_oid == index.oid for build in seen.trace.builds):
            continue
        head, _, rest = index.definition.partition(" INDEX ")
        concurrently = f"{head} INDEX CONCURRENTLY {rest}"
        yield Match(
            table_oid=index.table_oid,
            names={"table": index.table, "index": index.name, "concurrently": concurrently},
        )


INDEXES = (
    Hazard(
        rule="create-index-blocking",
        title="CREATE INDEX without CONCURRENTLY",
        effect="builds {index} while nobody can write to {table}",
        verdict=Verdict.BLOCKS_WRITES,
        severity=Severity.WARNING,
        grows=True,
        safer=(Safer(files=("-- banister: transaction=off\n{concurrently};",)),),
        source=_CREATE_INDEX + "#SQL-CREATEINDEX-CONCURRENTLY",
        meets=_built_while_writers_wait,
    ),
)
