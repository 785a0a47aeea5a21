"""Rehearsals of migrations that an earlier run has begun: what is left of them is looked at."""

from pathlib import Path

import pytest

from banister import DatabaseError, MigrationFailed, Verdict
from postgres_kit import Site, role
from servers import PostgresDatabase

HALF = """-- banister: transaction=off
CREATE TABLE orders (id bigint PRIMARY KEY, state text);
ALTER TABLE customers ADD COLUMN state text;
CREATE INDEX CONCURRENTLY by_state ON customers (state);
"""


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresDatabase) -> Site:
    """A site whose second migration stops behind its second statement."""
    found = Site(database=postgres, root=tmp_path)
    found.write({"001_customers": "CREATE TABLE customers (id bigint PRIMARY KEY);"})
    found.up()
    found.write({"002_half": HALF + "DROP TABLE nowhere;"})
    with pytest.raises(MigrationFailed):
        found.up()
    return found


def test_what_is_left_is_rehearsed_on_what_is_there(site: Site) -> None:
    site.write(
        {"002_half": HALF + "DROP TABLE orders;\n", "003_more": "ALTER TABLE customers DROP state;"}
    )
    project = site.project()
    found = project.rehearse(project.plan().plan)
    half, more = found.migrations
    assert [each.trace.number for each in half.statements] == [4]
    assert [f.rule for f in half.statements[0].findings] == ["drop-table"]
    assert [f.rule for f in more.statements[0].findings] == ["drop-column"]
    assert found.verdict is Verdict.LOSES_DATA
    assert not found.not_tried


def test_what_is_left_may_fail(site: Site) -> None:
    project = site.project()
    found = project.rehearse(project.plan().plan)
    (half,) = found.migrations
    assert half.verdict is Verdict.CANNOT_RUN
    assert [each.trace.number for each in half.statements] == [4]
    assert half.statements[0].location.line == 5


@pytest.mark.parametrize("took_effect", [True, False])
def test_a_statement_that_a_run_was_cut_off_in_is_tried_unless_it_took_effect(
    site: Site, *, took_effect: bool
) -> None:
    # As a crash leaves it: the index was begun, and nobody knows whether it was finished.
    site.database.execute(
        "DELETE FROM schema_migrations_log WHERE event = 'failed' OR statement > 3"
        " OR (statement = 3 AND event = 'statement_done')"
    )
    if not took_effect:
        site.database.execute("DROP INDEX by_state")
    site.write({"002_half": HALF + "DROP TABLE orders;\n"})
    project = site.project()
    plan = project.plan().plan
    assert plan.steps[0].in_question is not None
    (half,) = project.rehearse(plan).migrations
    assert [each.trace.number for each in half.statements] == ([4] if took_effect else [3, 4])
    assert half.verdict is Verdict.LOSES_DATA
    assert not any(each.trace.failure for each in half.statements)


def test_where_tables_cannot_be_dumped_nothing_knows_what_is_there(site: Site) -> None:
    reads = "GRANT SELECT ON schema_migrations, schema_migrations_log TO {role}"
    with role(site.database, reads) as (_, url):
        project = site.project(url=url)
        with pytest.raises(DatabaseError) as caught:
            project.rehearse(project.plan().plan)
    assert caught.value.code == "unfinished"
    assert "002_half is half done" in caught.value.message
