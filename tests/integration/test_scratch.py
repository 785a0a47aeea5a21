"""Scratch databases: made, cloned, dropped; what others made on the same server stays."""

from pathlib import Path

import pytest

import banister
from banister.api import Project
from banister.errors import FindingsError
from banister.model import Dialect
from banister.scratch import open_scratch
from servers import PostgresDatabase

MARKED = "SELECT datname FROM pg_database WHERE datname LIKE 'banister_scratch%' ORDER BY datname"


def project(root: Path, **options: str | None) -> Project:
    folder = root / "migrations"
    folder.mkdir(exist_ok=True)
    (folder / "001_t.up.sql").write_text("CREATE TABLE t (id int);")
    (folder / "001_t.down.sql").write_text("DROP TABLE t;")
    return banister.open(root=root, environ={}, scratch_url=options.get("scratch_url"))


def tables(postgres: PostgresDatabase) -> list[str]:
    rows = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [name for (name,) in rows]


def test_on_a_named_server_databases_come_and_go_and_the_named_one_is_not_touched(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    opened = project(tmp_path, scratch_url=postgres.url)
    with open_scratch(opened.settings, dialect=Dialect.POSTGRESQL, named=opened.scratch) as scratch:
        assert scratch.shared
        first = scratch.create()
        Project(settings=scratch.settings, target=first).up()
        second = scratch.clone(first)
        (row,) = Project(settings=scratch.settings, target=second).status().rows
        assert row.state == "applied"
        assert len(postgres.execute(MARKED)) == 2
        scratch.drop(second)
        assert len(postgres.execute(MARKED)) == 1
    assert postgres.execute(MARKED) == []
    assert tables(postgres) == []


def test_what_a_killed_run_left_is_removed_and_nothing_without_the_mark(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    opened = project(tmp_path, scratch_url=postgres.url)
    postgres.execute("CREATE DATABASE banister_scratch_of_mine")
    left = "banister_scratch_0123456789abcdef_1"
    postgres.execute(f"CREATE DATABASE {left}")
    postgres.execute(f"COMMENT ON DATABASE {left} IS 'banister scratch: run 0123456789abcdef, x'")
    try:
        with open_scratch(
            opened.settings, dialect=Dialect.POSTGRESQL, named=opened.scratch
        ) as living:
            living.create()
            with open_scratch(opened.settings, dialect=Dialect.POSTGRESQL, named=opened.scratch):
                names = [name for (name,) in postgres.execute(MARKED)]
                assert left not in names
                assert len(names) == 2
        assert postgres.execute(MARKED) == [("banister_scratch_of_mine",)]
    finally:
        postgres.execute("DROP DATABASE IF EXISTS banister_scratch_of_mine")
        postgres.execute(f"DROP DATABASE IF EXISTS {left}")


def test_what_reaches_the_whole_named_server_is_refused_before_anything_runs(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    opened = project(tmp_path, scratch_url=postgres.url)
    (tmp_path / "migrations" / "002_role.up.sql").write_text("SELECT 1;\nCREATE ROLE of_verify;")
    (tmp_path / "migrations" / "002_role.down.sql").write_text("DROP ROLE of_verify;")
    with pytest.raises(FindingsError) as caught:
        opened.verify()
    places = [str(finding.location) for finding in caught.value.findings]
    assert places == ["migrations/002_role.up.sql:2:1", "migrations/002_role.down.sql:1:1"]
    assert postgres.execute("SELECT 1 FROM pg_roles WHERE rolname = 'of_verify'") == []


def test_verify_runs_on_the_named_server(postgres: PostgresDatabase, tmp_path: Path) -> None:
    proven = project(tmp_path, scratch_url=postgres.url).verify()
    assert proven.good
    assert str(postgres.major) in proven.server
    assert postgres.execute(MARKED) == []
    assert tables(postgres) == []


def test_on_a_server_of_our_own_migrations_run_without_superuser_rights(tmp_path: Path) -> None:
    opened = project(tmp_path)
    with open_scratch(opened.settings, dialect=Dialect.POSTGRESQL) as scratch:
        assert not scratch.shared
        (tmp_path / "migrations" / "001_t.up.sql").write_text(
            "DO $$ BEGIN ASSERT NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user); "
            "END $$;"
        )
        Project(settings=scratch.settings, target=scratch.create()).up()


def test_sqlite_has_files_of_its_own(tmp_path: Path) -> None:
    opened = project(tmp_path)
    with open_scratch(opened.settings, dialect=Dialect.SQLITE) as scratch:
        first = scratch.create()
        Project(settings=scratch.settings, target=first).up()
        second = scratch.clone(first)
        Project(settings=scratch.settings, target=second).down()
        (row,) = Project(settings=scratch.settings, target=first).status().rows
        assert row.state == "applied"
        folder = first.path and first.path.parent
    assert folder is not None
    assert not folder.exists()
