"""Scratch databases on a server that the user named: what is made there, and what is left alone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from banister.errors import BanisterError, ConnectionFailed, DatabaseError
from banister.project import Target
from postgres_kit import role, wait_until
from scratch_kit import ask, killed_run, open_place, project_on, target_of, waiting_run
from servers import PostgresDatabase

FILES = {"001_a.up": "CREATE TABLE a (id int);"}
OURS = "SELECT count(*) FROM pg_database WHERE datname LIKE 'banister\\_scratch\\_%'"
COMMENT = (
    "SELECT description FROM pg_shdescription s JOIN pg_database d ON d.oid = s.objoid "
    "WHERE classoid = 'pg_database'::regclass AND datname = current_database()"
)


@pytest.fixture
def maker(postgres: PostgresDatabase) -> Iterator[Target]:
    """The URL of an ordinary role that may make databases; the database of the URL is another's."""
    with role(postgres, "ALTER ROLE {role} CREATEDB") as (_, url):
        yield target_of(url)


def name_of(conninfo: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])


def exists(postgres: PostgresDatabase, name: str) -> bool:
    return bool(postgres.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))


def count(postgres: PostgresDatabase) -> int:
    ((number,),) = postgres.execute(OURS)
    return int(number)


def test_databases_are_marked_made_and_dropped_and_the_one_of_the_url_is_not_touched(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    postgres.execute("CREATE TABLE theirs (id int)")
    tables = "SELECT relname, xmin FROM pg_class WHERE relnamespace <> 11 ORDER BY oid"
    before, found = postgres.execute(tables), count(postgres)
    with open_place(tmp_path, named=maker) as scratch:
        database = scratch.create()
        project_on(scratch, database, FILES).up()
        copy = scratch.clone(database)
        assert count(postgres) == found + 2
        for each in (database, copy):
            assert name_of(each.conninfo).startswith("banister_scratch_")
            assert str(ask(each, COMMENT)).startswith("banister scratch: run ")
            assert ask(each, "SELECT count(*) FROM a") == 0
        assert scratch.warnings == ()
        assert scratch.settings.role is None
    assert count(postgres) == found
    assert postgres.execute(tables) == before


def test_sessions_that_are_still_there_do_not_keep_a_database(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    with open_place(tmp_path, named=maker) as scratch:
        database = scratch.create()
        session = psycopg.connect(database.conninfo)
    with closing(session):
        assert not exists(postgres, name_of(database.conninfo))


def test_a_database_without_our_mark_is_never_dropped(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    with open_place(tmp_path, named=maker) as scratch:
        database = scratch.create()
        name = name_of(database.conninfo)
        postgres.execute(f"COMMENT ON DATABASE {name} IS 'mine now'")
        scratch.drop(database)
    try:
        assert exists(postgres, name)
        # Nor by a later run, whatever its name.
        with open_place(tmp_path, named=maker):
            assert exists(postgres, name)
        # Nor with a mark that is not that of its name.
        mark = "banister scratch: run 0123456789abcdef, then"
        postgres.execute(f"COMMENT ON DATABASE {name} IS '{mark}'")
        with open_place(tmp_path, named=maker):
            assert exists(postgres, name)
    finally:
        postgres.execute(f"DROP DATABASE {name}")


def test_what_a_killed_run_left_is_dropped_by_the_next(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    left = name_of(killed_run(tmp_path, maker.conninfo))
    assert exists(postgres, left)
    wait_until_alone(postgres, left)
    with open_place(tmp_path, named=maker):
        assert not exists(postgres, left)


def wait_until_alone(postgres: PostgresDatabase, name: str) -> None:
    """Wait until the server has seen that the run which made a database is gone."""
    run = name.removeprefix("banister_scratch_").partition("_")[0]
    held = (
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND "
        f"(classid::bigint << 32 | objid::bigint) = ('x{run}')::bit(64)::bigint"
    )
    wait_until(lambda: not postgres.execute(held), "the end of the session")


def test_databases_of_a_living_run_are_left_alone(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    # Its session is in another database of the server: locks of one are not seen from another.
    elsewhere = psycopg.conninfo.make_conninfo(maker.conninfo, dbname="postgres")
    with waiting_run(tmp_path, elsewhere) as (process, conninfo):
        with open_place(tmp_path, named=maker):
            assert exists(postgres, name_of(conninfo))
        assert ask(target_of(conninfo), "SELECT 1") == 1
        process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert not exists(postgres, name_of(conninfo))


def test_a_database_in_which_somebody_is_stays_until_they_are_gone(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    with waiting_run(tmp_path, maker.conninfo) as (process, conninfo):
        name = name_of(conninfo)
        with closing(psycopg.connect(conninfo)):
            process.kill()
            process.wait()
            wait_until_alone(postgres, name)
            with open_place(tmp_path, named=maker):
                assert exists(postgres, name)
    wait_until(
        lambda: not postgres.execute(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}'"),
        "the end of the visit",
    )
    with open_place(tmp_path, named=maker):
        assert not exists(postgres, name)


def test_databases_of_other_roles_are_left_alone(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    left = name_of(killed_run(tmp_path, postgres.url))
    wait_until_alone(postgres, left)
    with open_place(tmp_path, named=maker):
        assert exists(postgres, left)
    with open_place(tmp_path, named=target_of(postgres.url)):
        assert not exists(postgres, left)


def test_all_is_dropped_also_where_our_session_was_ended(
    postgres: PostgresDatabase, maker: Target, tmp_path: Path
) -> None:
    with open_place(tmp_path, named=maker) as scratch:
        names = [name_of(scratch.create().conninfo) for _ in range(2)]
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = current_database() AND usename = '{user_of(maker)}'"
        )
    assert not [name for name in names if exists(postgres, name)]


def user_of(target: Target) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(target.conninfo)["user"])


def test_a_superuser_is_warned_about(postgres: PostgresDatabase, tmp_path: Path) -> None:
    with open_place(tmp_path, named=target_of(postgres.url)) as scratch:
        assert [finding.code for finding in scratch.warnings] == ["scratch_superuser"]


def test_a_role_that_may_make_no_databases_is_told_so(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    with role(postgres) as (name, url):
        with pytest.raises(DatabaseError) as caught, open_place(tmp_path, named=target_of(url)):
            pass
        assert caught.value.message == "the server: the role may not make databases"
        assert str(caught.value.hint).startswith(f'ALTER ROLE "{name}" CREATEDB')


def test_the_role_that_lacks_it_is_named_where_it_is_not_the_one_that_logs_in(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    with role(postgres) as (worker, _), role(postgres, f"GRANT {worker} TO {{role}}") as (_, url):
        named = target_of(psycopg.conninfo.make_conninfo(url, options=f"-c role={worker}"))
        with pytest.raises(DatabaseError) as caught, open_place(tmp_path, named=named):
            pass
        assert str(caught.value.hint).startswith(f'ALTER ROLE "{worker}" CREATEDB')


def test_a_server_that_takes_no_writes_is_refused(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    settings = ("CREATEDB", "SET default_transaction_read_only = on")
    with role(postgres, *(f"ALTER ROLE {{role}} {each}" for each in settings)) as (_, url):
        with pytest.raises(ConnectionFailed) as caught, open_place(tmp_path, named=target_of(url)):
            pass
        assert caught.value.message.startswith("the server takes no scratch databases: ")


def test_another_major_is_said(postgres: PostgresDatabase, tmp_path: Path) -> None:
    with open_place(tmp_path, named=target_of(postgres.url), major=16) as scratch:
        assert scratch.not_certified == f"not certified on 16: tried on {scratch.display}"


def test_no_password_is_in_what_is_said(tmp_path: Path) -> None:
    named = target_of("postgresql://app:s3cr3t-pass@127.0.0.1:1/app")
    with pytest.raises(BanisterError) as caught, open_place(tmp_path, named=named):
        pass
    assert "s3cr3t-pass" not in f"{caught.value} {caught.value.hint} {named!r}"


def test_every_supported_server_serves(every_postgres: PostgresDatabase, tmp_path: Path) -> None:
    with open_place(tmp_path, named=target_of(every_postgres.url)) as scratch:
        database = scratch.create()
        project_on(scratch, database, FILES).up()
        assert ask(scratch.clone(database), "SELECT count(*) FROM a") == 0
        name = name_of(database.conninfo)
        assert scratch.major == every_postgres.major
    assert not exists(every_postgres, name)
