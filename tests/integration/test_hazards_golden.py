"""The same statements on every major version: their locks, rewrites, scans and builds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from banister.model import LockMode, StatementTrace
from hazards_kit import Case, Ground
from scratch_kit import open_place, target_of
from servers import PostgresDatabase

GOLDEN = Path(__file__).resolve().parent.parent / "cases" / "hazards-golden"


def test_what_statements_do_is_seen_alike_on_every_major(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    with open_place(tmp_path, named=target_of(every_postgres.url)) as place:
        ground = Ground(scratch=place, major=every_postgres.major)
        found = ground.rehearse(Case(path=GOLDEN), list(changes()))
    traces = [s.trace for migration in found.migrations for s in migration.statements]
    expected = json.loads((GOLDEN / "traces.json").read_text())
    assert {each.statement.text: essence(each) for each in traces} == expected


def changes() -> Iterator[str]:
    """Yield a migration for each statement, outside of a transaction where it has to be."""
    for line in (GOLDEN / "changes.sql").read_text().splitlines():
        alone = "CONCURRENTLY" in line or line.startswith("VACUUM")
        yield f"-- banister: transaction=off\n{line}" if alone else line


def essence(trace: StatementTrace) -> dict[str, Any]:
    """Return what was seen of a statement that is worse than reading."""
    locks = (
        lock
        for lock in trace.locks
        # What a statement outside of a transaction locks last may be given back unseen.
        if lock.mode > LockMode.ACCESS_SHARE and (not trace.alone or lock.relation == lock.table)
    )
    return {
        "locks": {lock.relation: lock.mode.words for lock in locks},
        "rewrites": {each.relation: each.how for each in trace.rewrites},
        "scans": {each.table: each.why for each in trace.scans},
        "builds": {each.index: each.table for each in trace.builds},
    }
