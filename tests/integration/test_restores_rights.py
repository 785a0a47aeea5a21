"""A backup in the place of a database, by roles that are no superusers."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from banister import Event, Warned
from banister.errors import DatabaseError
from banister.model.backup import Restored, TableRestored
from postgres_kit import Site, role, wait_until
from servers import PostgresDatabase

FILES = {
    "001_t": "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2);",
    "001_t.down": "DROP TABLE t;",
}
LEFT = "SELECT datname FROM pg_database WHERE datname LIKE %s ORDER BY 1"


def made_by(database: PostgresDatabase, root: Path, url: str) -> tuple[Site, Path]:
    """A project whose migrations, and a backup, were made by the role of a URL."""
    site = Site(database=database, root=root)
    site.write(FILES)
    site.up(url=url)
    return site, root / site.project(url=url).backups().take(test=False).path


def beside(site: Site) -> list[str]:
    with psycopg.connect(make_conninfo(site.database.conninfo, dbname="postgres")) as connection:
        return [row[0] for row in connection.execute(LEFT, (f"{site.database.name}\\_%",))]


def drop_beside(site: Site) -> None:
    elsewhere = make_conninfo(site.database.conninfo, dbname="postgres")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        for name in beside(site):
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def owner_of(database: PostgresDatabase) -> str:
    return f'ALTER DATABASE "{database.name}" OWNER TO {{role}}'


def test_an_owner_who_may_create_databases_needs_no_more(
    old_and_new_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    database = old_and_new_postgres
    may = ("ALTER ROLE {role} CREATEDB", owner_of(database))
    with role(database, *may) as (name, url):
        site, path = made_by(database, tmp_path, url)
        site.database.execute("INSERT INTO t VALUES (3)")
        try:
            done = site.project(url=url).backups().restore(path, replacing=True)
            assert isinstance(done, Restored)
            assert site.rows("SELECT id FROM t") == [(1,), (2,)]
            assert (
                site.value(
                    "SELECT datdba::regrole::text FROM pg_database "
                    "WHERE datname = current_database()"
                )
                == name
            )
        finally:
            drop_beside(site)
            database.execute(f'ALTER DATABASE "{database.name}" OWNER TO CURRENT_USER')


def test_what_this_role_may_not_carry_over_is_told_before_anything_is_loaded(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    may = ("ALTER ROLE {role} CREATEDB", owner_of(postgres))
    with role(postgres, *may) as (_, url):
        site, path = made_by(postgres, tmp_path, url)
        postgres.execute(f"ALTER DATABASE \"{postgres.name}\" SET log_statement = 'ddl'")
        loaded: list[Event] = []
        try:
            with pytest.raises(DatabaseError, match="log_statement") as caught:
                site.project(url=url).backups().restore(
                    path, replacing=True, on_event=loaded.append
                )
            assert caught.value.code == "cannot_replace"
            assert not any(isinstance(event, TableRestored) for event in loaded)
            assert beside(site) == []
        finally:
            drop_beside(site)
            postgres.execute(f'ALTER DATABASE "{postgres.name}" OWNER TO CURRENT_USER')


def test_a_restore_that_is_killed_at_the_swap_leaves_a_database_that_is_known_as_its_own(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site, path = made_by(postgres, tmp_path, postgres.url)
    code = (
        "import banister, pathlib\n"
        f"project = banister.open({postgres.url!r}, dir={str(site.folder)!r}, "
        f"root={str(site.root)!r}, environ={{}})\n"
        f"project.backups().restore(pathlib.Path({str(path)!r}), replacing=True)\n"
    )
    elsewhere = make_conninfo(postgres.conninfo, dbname="postgres")
    with psycopg.connect(elsewhere) as holder:
        # RENAME waits for this.
        holder.execute(f'COMMENT ON DATABASE "{postgres.name}" IS NULL'.encode())
        with subprocess.Popen([sys.executable, "-c", code]) as running:
            wait_until(lambda: bool(renaming(postgres)), "the swap waits")
            running.kill()
        wait_until(lambda: not renaming(postgres, terminate=True), "the swap is given up")
        holder.rollback()
    (left,) = beside(site)
    warned: list[Event] = []
    try:
        assert site.rows("SELECT id FROM t") == [(1,), (2,)]
        site.project().backups().restore(path, replacing=True, on_event=warned.append)
        told = [event.finding.message for event in warned if isinstance(event, Warned)]
        assert any(left in message for message in told)
    finally:
        drop_beside(site)


def renaming(database: PostgresDatabase, *, terminate: bool = False) -> list[tuple[object, ...]]:
    what = "pg_terminate_backend(pid)" if terminate else "pid"
    # From elsewhere: whoever connects to the database waits behind the RENAME.
    elsewhere = make_conninfo(database.conninfo, dbname="postgres")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        statement = (
            f"SELECT {what} FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            f"AND query LIKE 'ALTER DATABASE \"{database.name}\" RENAME%'"
        )
        return connection.execute(statement.encode()).fetchall()


def test_sessions_that_may_not_be_ended_are_named_and_none_is_ended(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    may = ("ALTER ROLE {role} CREATEDB", owner_of(postgres))
    with role(postgres, *may) as (_, url):
        site, path = made_by(postgres, tmp_path, url)
        try:
            with (
                psycopg.connect(url, autocommit=True, application_name="the app") as own,
                postgres.connect(application_name="the boss") as theirs,
            ):
                with pytest.raises(DatabaseError, match=str(theirs.info.backend_pid)) as caught:
                    site.project(url=url).backups().restore(path, replacing=True, disconnect=True)
                assert caught.value.code == "cannot_replace"
                assert "--disconnect" not in (caught.value.hint or "")
                assert own.execute("SELECT 1").fetchall() == [(1,)]
                assert theirs.execute("SELECT 1").fetchall() == [(1,)]
            assert beside(site) == []
        finally:
            drop_beside(site)
            postgres.execute(f'ALTER DATABASE "{postgres.name}" OWNER TO CURRENT_USER')


def test_what_is_told_of_a_backup_that_does_not_load_is_true_of_the_database_that_stays(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site, path = made_by(postgres, tmp_path, postgres.url)
    with role(postgres, "ALTER TABLE t OWNER TO {role}"):
        path = tmp_path / site.project(backup_form="directory").backups().take(test=False).path
        postgres.execute("ALTER TABLE t OWNER TO CURRENT_USER")
    with pytest.raises(DatabaseError, match=r"role .* does not exist") as caught:
        site.project().backups().restore(path, replacing=True)
    assert caught.value.state == "the database is as it was"
    assert "make the role" in (caught.value.hint or "")
    assert beside(site) == []


def test_a_security_label_that_cannot_be_carried_over_is_told_and_not_lost(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site, path = made_by(postgres, tmp_path, postgres.url)
    # As it is where the module of the provider is not loaded any more.
    label = (
        "INSERT INTO pg_shseclabel SELECT oid, 'pg_database'::regclass, 'nobody', 'secret' "
        "FROM pg_database WHERE datname = current_database()"
    )
    postgres.execute(label)
    try:
        with pytest.raises(DatabaseError, match="nobody") as caught:
            site.project().backups().restore(path, replacing=True)
        assert caught.value.code == "cannot_replace"
        assert beside(site) == []
    finally:
        drop_beside(site)
        postgres.execute("DELETE FROM pg_shseclabel WHERE provider = 'nobody'")


@pytest.mark.parametrize("where", ["", 'IN DATABASE "{database}"', "the URL", "a setting"])
def test_the_role_is_named_that_would_have_to_make_the_database(
    postgres: PostgresDatabase, tmp_path: Path, where: str
) -> None:
    """Who logs in is not always who works, and not the same in every database."""
    site, path = made_by(postgres, tmp_path, postgres.url)
    with role(postgres) as (worker, _), role(postgres, f"GRANT {worker} TO {{role}}") as (own, url):
        settings: dict[str, object] = {}
        named = own if where.startswith("IN") else worker
        options = f"-c role={worker}" if where == "the URL" else None
        if where == "a setting":
            settings["role"] = worker
        elif options is None:
            whose = where.format(database=postgres.name)
            postgres.execute(f"ALTER ROLE {own} {whose} SET role = {worker}")
        there = make_conninfo(url, options=options)
        with pytest.raises(DatabaseError, match=f"role {named} may not create") as caught:
            site.project(url=there, **settings).backups().restore(path, replacing=True)
        assert caught.value.hint == f"ALTER ROLE {named} CREATEDB"
