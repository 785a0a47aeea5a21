"""A rehearsal reaches no server but its own, whatever the target and its migrations name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from banister.errors import FindingsError
from postgres_kit import Site
from servers import PostgresDatabase, Servers

MAJOR = 15


@pytest.fixture
def far(servers: Servers) -> Iterator[PostgresDatabase]:
    """A database that others hold dear."""
    with servers.database(MAJOR) as database:
        database.execute("CREATE TABLE precious AS SELECT generate_series(1, 500) AS id")
        yield database


@pytest.fixture
def site(servers: Servers, far: PostgresDatabase, tmp_path: Path) -> Iterator[Site]:
    with servers.database(MAJOR) as database:
        made = Site(database=database, root=tmp_path)
        database.execute("CREATE SCHEMA ops")
        made.write({"001_own": "CREATE TABLE own (id int);"})
        made.project(history_schema="ops").up()
        socket, port = far.server.socket_dir, far.server.port
        for statement in (
            "CREATE EXTENSION postgres_fdw",
            (
                f"CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{socket}', "
                f"port '{port}', dbname '{far.name}')"
            ),
            (
                "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (\"user\" 'postgres', "
                "password 's3cret', password_required 'false')"
            ),
            "CREATE FOREIGN TABLE precious (id int) SERVER far",
            "CREATE TABLE parted (id int) PARTITION BY LIST (id)",
            (
                "CREATE FOREIGN TABLE parted_1 PARTITION OF parted DEFAULT SERVER far "
                "OPTIONS (table_name 'precious')"
            ),
            (
                "CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM 1; END'"
            ),
            "CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION noted()",
            "SELECT 1",
        ):
            database.execute(statement)
        yield made
        database.execute("DROP EVENT TRIGGER noting")


def rows(far: PostgresDatabase) -> object:
    return far.execute("SELECT count(*), min(id), max(id) FROM precious")


def test_what_is_behind_a_foreign_server_is_neither_read_nor_written(
    site: Site, far: PostgresDatabase
) -> None:
    project = site.project(history_schema="ops")
    site.write({"002_wider": "ALTER TABLE own ADD COLUMN note text;"})
    rehearsal = project.rehearse(project.plan().plan)
    assert rehearsal.copied == "the target's schema, by pg_dump"
    assert rehearsal.lost_probes == ()
    (migration,) = rehearsal.migrations
    assert [f.rule for f in migration.all_findings if f.severity.value == "error"] == []
    assert rows(far) == [(500, 1, 500)]

    site.write({"003_gone": "DELETE FROM precious WHERE id < 400;"})
    rehearsal = project.rehearse(project.plan().plan)
    said = rehearsal.migrations[1].statements[0].trace.failure
    assert said is not None
    assert "has no handler" in said.message
    assert rows(far) == [(500, 1, 500)]


def test_a_subscription_is_not_made_or_dropped_from_a_scratch_database(site: Site) -> None:
    project = site.project(history_schema="ops")
    site.write({"002_off": "-- banister: transaction=off\nDROP SUBSCRIPTION s;"})
    with pytest.raises(FindingsError) as caught:
        project.rehearse(project.plan().plan)
    assert {finding.code for finding in caught.value.findings} == {"reaches_other_server"}


def test_a_server_that_a_pending_file_names_is_not_reached(
    site: Site, far: PostgresDatabase
) -> None:
    socket, port = far.server.socket_dir, far.server.port
    site.database.execute("GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO PUBLIC")
    project = site.project(history_schema="ops")
    site.write(
        {
            "002_far": (
                f"CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{socket}', "
                f"port '{port}', dbname '{far.name}');\n"
                "CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (\"user\" 'postgres', "
                "password 'x');\n"
                "CREATE FOREIGN TABLE reached (id int) SERVER other "
                "OPTIONS (table_name 'precious');\n"
                "DELETE FROM reached;\n"
            )
        }
    )
    found = project.rehearse(project.plan().plan)
    failure = found.migrations[0].statements[-1].trace.failure
    assert failure is not None
    assert failure.message == 'could not connect to server "other"'
    assert [f.rule for f in found.migrations[0].all_findings if f.undecided] == ["needs-server"]
    assert rows(far) == [(500, 1, 500)]
