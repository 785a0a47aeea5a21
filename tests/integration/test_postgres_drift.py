"""Drift where only PostgreSQL has it: functions, schemas, owners, extensions."""

from pathlib import Path

import pytest

import banister
from banister import Project
from servers import MAJORS, PostgresDatabase, Servers

FILES = {
    "001_f.up": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
    "CREATE TABLE t (id int);\n",
    "001_f.down": "DROP TABLE t;\nDROP FUNCTION f();\n",
}


@pytest.fixture
def project(tmp_path: Path, postgres: PostgresDatabase) -> Project:
    return project_on(postgres, tmp_path)


def project_on(database: PostgresDatabase, tmp_path: Path) -> Project:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.sql").write_text(text)
    project = banister.open(database.url, root=tmp_path, environ={})
    project.up()
    return project


def told(project: Project, *ignore: str) -> list[str]:
    again = banister.open(
        project.target.conninfo if project.target else None,
        root=project.settings.root,
        environ={},
        settings={"drift_ignore": list(ignore)},
    )
    return [str(difference) for difference in again.drift().differences]


def test_a_function_that_was_replaced_is_named(
    project: Project, postgres: PostgresDatabase
) -> None:
    assert told(project) == []
    postgres.execute("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'")
    assert [line.partition(":")[0] for line in told(project)] == ["function f()"]
    assert told(project, "function f()") == []


def test_a_schema_is_passed_over_with_all_that_is_in_it(
    project: Project, postgres: PostgresDatabase
) -> None:
    postgres.execute('CREATE SCHEMA "Monitoring"')
    postgres.execute('CREATE TABLE "Monitoring".seen (id int PRIMARY KEY)')
    postgres.execute(
        "CREATE FUNCTION \"Monitoring\".g(a int[]) RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    postgres.execute("CREATE EXTENSION citext")
    assert len(told(project)) == 4
    assert told(project, "schema Monitoring", "extension *") == []
    assert len(told(project, "schema monitoring", "extension *")) == 3
    assert len(told(project, "function Monitoring.g(integer[])")) == 3


def test_who_owns_the_database_does_not_matter_and_another_owner_of_a_table_does(
    project: Project, postgres: PostgresDatabase
) -> None:
    name = f"other_{postgres.url.rpartition('/')[2][-12:]}".replace("-", "_")
    ((database,),) = postgres.execute("SELECT current_database()")
    ((me,),) = postgres.execute("SELECT current_user")
    postgres.execute(f'CREATE ROLE "{name}"')
    try:
        postgres.execute(f'ALTER DATABASE "{database}" OWNER TO "{name}"')
        assert told(project) == []
        postgres.execute(f'ALTER TABLE t OWNER TO "{name}"')
        assert told(project) == [f"table t: owner none → {name}"]
    finally:
        postgres.execute(f'ALTER DATABASE "{database}" OWNER TO "{me}"')
        postgres.execute(f'DROP OWNED BY "{name}"')
        postgres.execute(f'DROP ROLE "{name}"')


def test_another_server_than_the_databases_is_said_and_changes_nothing(
    tmp_path: Path, servers: Servers
) -> None:
    with servers.database(MAJORS[0]) as database:
        project = project_on(database, tmp_path)
        found = project.drift()
        assert (found.good, found.differences) == (True, ())
        assert (found.not_certified is None) == found.server.startswith(f"PostgreSQL {MAJORS[0]}.")
        database.execute("ALTER TABLE t ADD COLUMN note text")
        assert told(project) == ["column t.note: not expected"]


def test_privileges_on_one_object_can_be_passed_over_alone(
    project: Project, postgres: PostgresDatabase
) -> None:
    postgres.execute("CREATE ROLE drift_reader")
    try:
        postgres.execute("GRANT CREATE ON SCHEMA public TO drift_reader")
        postgres.execute("ALTER TABLE t ADD COLUMN more int")
        assert len(told(project)) == 2
        assert told(project, "grants on schema public") == ["column t.more: not expected"]
        postgres.execute("GRANT SELECT ON t TO drift_reader")
        assert len(told(project, "grants on schema public")) == 2, "of the table they count"
        assert told(project, "grants on *") == ["column t.more: not expected"]
    finally:
        postgres.execute("DROP OWNED BY drift_reader")
        postgres.execute("DROP ROLE drift_reader")


def test_default_privileges_of_a_schema_go_with_it(
    project: Project, postgres: PostgresDatabase
) -> None:
    postgres.execute('CREATE SCHEMA "My mon"')
    postgres.execute('ALTER DEFAULT PRIVILEGES IN SCHEMA "My mon" GRANT SELECT ON TABLES TO PUBLIC')
    assert len(told(project)) == 2
    assert told(project, "schema My mon") == []
