"""The example project with a migration that does five dangerous things, and what is offered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import banister
from banister import HazardFinding, LockMode, Rehearsal, Severity, Verdict
from servers import PostgresDatabase, Servers

EXAMPLE = Path(__file__).parents[2] / "examples/portfolio/backend/src/db/migrations"
#: Rule → statement, the lock that it needs on its table, the table's rows.
DANGERS = {
    "add-column-volatile-default": (
        "ALTER TABLE portfolios ADD COLUMN token uuid DEFAULT gen_random_uuid();",
        ("portfolios", LockMode.ACCESS_EXCLUSIVE, "48 M rows"),
    ),
    "create-index-blocking": (
        "CREATE INDEX events_status ON rebalance_events (status);",
        ("rebalance_events", LockMode.SHARE, "200 M rows"),
    ),
    "add-check": (
        "ALTER TABLE analytics_snapshots ADD CONSTRAINT sane CHECK (total_value < 1e12);",
        ("analytics_snapshots", LockMode.ACCESS_EXCLUSIVE, "5 M rows"),
    ),
    "add-unique-constraint": (
        "ALTER TABLE notification_preferences ADD CONSTRAINT one_each UNIQUE (email_address);",
        ("notification_preferences", LockMode.ACCESS_EXCLUSIVE, "1 M rows"),
    ),
    "set-not-null": (
        "ALTER TABLE rebalance_events ALTER COLUMN gas_used SET NOT NULL;",
        ("rebalance_events", LockMode.ACCESS_EXCLUSIVE, "200 M rows"),
    ),
}
#: Rows and pages, as a large target has them; bytes are those of the files.
SIZES = {
    "portfolios": (48_000_000, 4_000_000),
    "rebalance_events": (200_000_000, 8_000_000),
    "analytics_snapshots": (5_000_000, 200_000),
    "notification_preferences": (1_000_000, 20_000),
}


@pytest.fixture(scope="module")
def target(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, PostgresDatabase]]:
    """The example, applied, on a database that says its tables are large."""
    root = tmp_path_factory.mktemp("example")
    folder = root / "migrations"
    folder.mkdir()
    for file in EXAMPLE.glob("*.sql"):
        (folder / file.name).write_bytes(file.read_bytes())
    with servers.database(18) as database:
        banister.open(database.url, root=root, environ={}).up()
        for table, (rows, pages) in SIZES.items():
            database.execute(
                f"UPDATE pg_class SET reltuples = {rows}, relpages = {pages} "
                f"WHERE oid = '{table}'::regclass"
            )
        yield root, database


def rehearsed(target: tuple[Path, PostgresDatabase], *texts: str) -> Rehearsal:
    root, database = target
    made = [root / "migrations" / f"{n:03}_next.up.sql" for n in range(3, 3 + len(texts))]
    try:
        for path, text in zip(made, texts, strict=True):
            path.write_text(text)
        project = banister.open(database.url, root=root, environ={})
        return project.rehearse(project.plan().plan)
    finally:
        for path in made:
            path.unlink()


def named(found: Rehearsal) -> dict[str, HazardFinding]:
    return {each.rule: each for m in found.migrations for s in m.statements for each in s.findings}


def test_all_five_are_named_with_lock_size_and_a_way_around(
    target: tuple[Path, PostgresDatabase],
) -> None:
    found = rehearsed(target, "\n".join(sql for sql, _ in DANGERS.values()))
    findings = named(found)
    assert findings.keys() >= DANGERS.keys()
    statements = found.migrations[0].statements
    for number, (rule, (sql, (table, mode, rows))) in enumerate(DANGERS.items()):
        statement, finding = statements[number], findings[rule]
        assert statement.trace.statement.text == sql
        assert finding.relation == table
        assert finding.location is not None
        assert finding.location.line == number + 1
        assert rows in finding.message
        assert finding.safer, rule
        assert finding.severity is Severity.WARNING
        held = {lock.table: lock.mode for lock in statement.trace.all_locks if lock.kind == "table"}
        assert held[table] >= mode
    assert found.verdict is Verdict.BLOCKS_ALL


@pytest.mark.parametrize("rule", DANGERS)
def test_what_is_offered_instead_is_safe(target: tuple[Path, PostgresDatabase], rule: str) -> None:
    alone = named(rehearsed(target, DANGERS[rule][0]))[rule]
    found = rehearsed(target, *alone.safer)
    assert found.verdict <= Verdict.BRIEF_LOCK
    findings = [each for m in found.migrations for each in m.all_findings]
    assert [each for each in findings if each.severity is not Severity.NOTICE] == []
