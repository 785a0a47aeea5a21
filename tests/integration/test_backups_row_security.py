"""Backups of tables whose policies hold back even their owner (FORCE ROW LEVEL SECURITY)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from banister.errors import DatabaseError
from postgres_kit import Site, role
from servers import PostgresDatabase, Servers

FILES = {
    "001_t": "CREATE TABLE t (id int PRIMARY KEY, tenant text); "
    "INSERT INTO t VALUES (1, 'a'), (2, 'b'); "
    "CREATE POLICY own ON t USING (tenant = current_setting('app.tenant', true)); "
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY;",
    "001_t.down": "DROP TABLE t;",
}


@contextmanager
def owning(database: PostgresDatabase, *more: str) -> Iterator[tuple[str, str]]:
    """A role that owns the database, and may do no more than that."""
    owner = f'ALTER DATABASE "{database.name}" OWNER TO {{role}}'
    with role(database, owner, *more) as (name, url):
        try:
            yield name, url
        finally:
            database.execute(f'ALTER DATABASE "{database.name}" OWNER TO CURRENT_USER')


def drop_beside(database: PostgresDatabase) -> list[str]:
    elsewhere = make_conninfo(database.conninfo, dbname="postgres")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        names = [
            str(name)
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{database.name}\\_%",)
            )
        ]
        for name in names:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
    return names


def test_an_owner_who_is_held_back_is_told_what_helps_before_anything_is_made(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    with owning(postgres) as (name, url):
        site = Site(database=postgres, root=tmp_path)
        site.write(FILES)
        site.up(url=url)
        with pytest.raises(DatabaseError, match=r"may not read all rows of public\.t") as caught:
            site.project(url=url).backups().take()
        hint = caught.value.hint or ""
        assert caught.value.code == "unreadable_table"
        assert "FORCE ROW LEVEL SECURITY" in hint
        assert f"ALTER ROLE {name} BYPASSRLS" in hint
        assert "the role that owns" not in hint, "that is the one"
        assert not list((tmp_path / "backups").glob("*"))


@pytest.mark.parametrize("replacing", [False, True])
def test_such_an_owner_restores_a_backup_of_others_and_its_rows_are_counted(
    servers: Servers, postgres: PostgresDatabase, tmp_path: Path, replacing: bool
) -> None:
    with servers.database(postgres.major) as empty, owning(postgres) as (name, url):
        site = Site(database=postgres, root=tmp_path)
        site.write(FILES)
        site.up(url=url)
        path = tmp_path / site.project().backups().take().path
        empty.execute(f'ALTER DATABASE "{empty.name}" OWNER TO {name}')
        postgres.execute(f"ALTER ROLE {name} CREATEDB")
        into = postgres if replacing else empty
        there = make_conninfo(url, dbname=into.name)
        try:
            if not replacing:
                into.execute(f"GRANT ALL ON SCHEMA public TO {name}")
            done = site.project(url=there).backups().restore(path, replacing=replacing)
            assert done.rows["public.t"] == 2
            assert into.execute("SELECT count(*) FROM t") == [(2,)]
            assert into.execute(
                "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 't'"
            ) == [(True, True)]
        finally:
            drop_beside(into)
            empty.execute(f'ALTER DATABASE "{empty.name}" OWNER TO CURRENT_USER')
            empty.execute(f"DROP OWNED BY {name} CASCADE")


def test_what_such_an_owner_cannot_make_anew_leaves_nothing_and_says_who_can(
    servers: Servers, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    with servers.database(postgres.major) as empty, owning(postgres) as (name, url):
        site = Site(database=postgres, root=tmp_path)
        site.write(FILES)
        site.up(url=url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t")
        path = tmp_path / site.project().backups().take().path
        try:
            empty.execute(f"GRANT ALL ON SCHEMA public TO {name}")
            there = make_conninfo(url, dbname=empty.name)
            with pytest.raises(DatabaseError, match="row-level security") as caught:
                site.project(url=there).backups().restore(path)
            assert "BYPASSRLS" in (caught.value.hint or "")
            assert empty.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384") == [(0,)]
        finally:
            empty.execute(f"DROP OWNED BY {name} CASCADE")
