"""A backup in the place of a database, and a run that has one made first, on real servers."""

import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import banister
from banister.errors import BackupCommandFailed, DatabaseError, MigrationFailed
from banister.model.backup import TableRestored
from postgres_kit import Site, role
from servers import PostgresDatabase

UP = "CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'a'), (2, 'b');"


@pytest.fixture
def site(old_and_new_postgres: PostgresDatabase, tmp_path: Path) -> Iterator[Site]:
    made = Site(database=old_and_new_postgres, root=tmp_path)
    made.write({"001_t": UP, "001_t.down": "DROP TABLE t;"})
    made.up()
    yield made
    with psycopg.connect(elsewhere(made), autocommit=True) as connection:
        for name in others(made):
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def one(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    made = Site(database=postgres, root=tmp_path)
    made.write({"001_t": UP, "001_t.down": "DROP TABLE t;"})
    made.up()
    return made


def elsewhere(site: Site) -> str:
    return psycopg.conninfo.make_conninfo(site.database.conninfo, dbname="postgres")


def others(site: Site) -> list[str]:
    """The databases that restores have made beside the site's own."""
    name = site.database.name
    with psycopg.connect(elsewhere(site), autocommit=True) as connection:
        rows = connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()
    return [row[0] for row in rows if row[0].startswith(f"{name}_")]


def facts(site: Site) -> list[tuple[object, ...]]:
    """What no dump of one database holds."""
    return site.rows(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, "
        "datconnlimit, datistemplate, datacl::text, shobj_description(oid, 'pg_database'), "
        "(SELECT string_agg(setrole::regrole::text || setconfig::text, ';' ORDER BY setrole) "
        "FROM pg_db_role_setting WHERE setdatabase = d.oid) "
        "FROM pg_database d WHERE datname = current_database()"
    )


def test_a_backup_takes_the_place_of_a_database_and_is_like_it(site: Site) -> None:
    name = site.database.name
    with role(site.database, f'GRANT CONNECT ON DATABASE "{name}" TO {{role}}') as (other, _):
        for statement in (
            f'ALTER DATABASE "{name}" SET search_path = "$user", public, "odd ""one"""',
            f"ALTER DATABASE \"{name}\" SET work_mem = '7MB'",
            f"ALTER ROLE {other} IN DATABASE \"{name}\" SET statement_timeout = '9s'",
            f'ALTER DATABASE "{name}" CONNECTION LIMIT 37',
            f'REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC',
            f'ALTER DATABASE "{name}" IS_TEMPLATE true',
            f"COMMENT ON DATABASE \"{name}\" IS 'it''s ours'",
        ):
            site.database.execute(statement)
        before = facts(site)
        path = site.root / site.project().backups().take().path
        site.database.execute("DROP TABLE t")
        done = site.project().backups().restore(path, replacing=True)
        assert site.rows("SELECT * FROM t") == [(1, "a"), (2, "b")]
        assert facts(site) == before
        assert done.replaced is not None
        assert others(site) == [done.replaced.before]
        assert site.project().status().findings == ()
        # The old one would keep the role's setting. It is a template still, as it was.
        with psycopg.connect(elsewhere(site), autocommit=True) as connection:
            for each in (name, done.replaced.before):
                connection.execute(f'ALTER DATABASE "{each}" IS_TEMPLATE false'.encode())
            connection.execute(f'DROP DATABASE "{done.replaced.before}"'.encode())
        site.database.execute(f'ALTER ROLE {other} IN DATABASE "{name}" RESET ALL')


def test_others_are_named_and_left_alone(one: Site) -> None:
    path = one.root / one.project().backups().take().path
    with one.database.connect(application_name="the app") as other:
        with pytest.raises(DatabaseError, match="the app") as caught:
            one.project().backups().restore(path, replacing=True)
        assert caught.value.code == "cannot_replace"
        assert "--disconnect" in (caught.value.hint or "")
        assert other.execute("SELECT 1").fetchall() == [(1,)]
    assert others(one) == []


def test_clients_that_come_back_all_the_time_find_the_old_one_or_the_new_one(one: Site) -> None:
    path = one.root / one.project().backups().take().path
    one.database.execute("INSERT INTO t VALUES (3, 'c')")
    stop, seen, wrong = threading.Event(), set[int](), list[str]()

    def client() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(one.database.conninfo, autocommit=True) as connection:
                    for _ in range(20):
                        row = connection.execute("SELECT count(*) FROM t").fetchone()
                        seen.add(row[0] if row else -1)
            except psycopg.OperationalError as error:
                # Ended, or the name it waited for was given to the new database meanwhile.
                known = ("terminating connection", "renamed", "does not exist", "server closed")
                if not any(words in str(error) for words in known):
                    wrong.append(str(error))
            except psycopg.Error as error:
                wrong.append(str(error))

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        one.project().backups().restore(path, replacing=True, disconnect=True)
        assert one.value("SELECT count(*) FROM t") == 2
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen <= {2, 3}
    assert len(others(one)) == 1


def test_a_restore_that_fails_leaves_everything_as_it_was(one: Site) -> None:
    path = one.root / one.project().backups().take().path
    before = facts(one)

    def stop(event: banister.Event) -> None:
        if isinstance(event, TableRestored):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.project().backups().restore(path, replacing=True, on_event=stop)
    assert others(one) == []

    manifest = path.with_name(f"{path.name}.json")
    manifest.write_text(manifest.read_text().replace('"public.t": 2', '"public.t": 3'))
    with pytest.raises(DatabaseError, match=r"other numbers of rows.*public\.t"):
        one.project().backups().restore(path, replacing=True)
    assert others(one) == []
    assert facts(one) == before
    assert one.rows("SELECT id FROM t") == [(1,), (2,)]


def test_what_would_stay_behind_is_told_before_anything_is_made(one: Site) -> None:
    path = one.root / one.project().backups().take().path
    one.database.execute("ALTER TABLE t OWNER TO CURRENT_USER")
    with role(one.database, "GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}") as (name, url):
        with pytest.raises(DatabaseError, match="may not create databases") as caught:
            one.project(url=url).backups().restore(path, replacing=True)
        assert f"ALTER ROLE {name} CREATEDB" in (caught.value.hint or "")
        one.database.execute(f"ALTER ROLE {name} CREATEDB")
        with pytest.raises(DatabaseError, match="does not own the database"):
            one.project(url=url).backups().restore(path, replacing=True)
    assert others(one) == []


def test_a_killed_restore_is_named_by_the_next_one_and_nothing_is_lost(one: Site) -> None:
    path = one.root / one.project().backups().take().path
    one.database.execute("INSERT INTO t SELECT i, 'x' FROM generate_series(3, 9) AS i")
    code = (
        "import os, banister\n"
        f"project = banister.open({one.database.url!r}, dir={str(one.folder)!r}, "
        f"root={str(one.root)!r}, environ={{}})\n"
        "project.backups().restore(__import__('pathlib').Path("
        f"{str(path)!r}), replacing=True, on_event=lambda event: os.kill(os.getpid(), 9))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -9
    assert one.value("SELECT count(*) FROM t") == 9
    (left,) = others(one)
    with psycopg.connect(elsewhere(one), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (left,)
        )
    warned: list[banister.Event] = []
    one.project().backups().restore(path, replacing=True, on_event=warned.append)
    told = [event.finding.message for event in warned if isinstance(event, banister.Warned)]
    assert any(left in message for message in told)
    assert left in others(one), "it is named, not dropped"


def test_a_run_has_a_backup_made_first_and_its_failure_says_the_way_back(one: Site) -> None:
    one.write({"002_b": "ALTER TABLE t DROP COLUMN note;", "003_c": "SELECT 1/0;"})
    with pytest.raises(MigrationFailed) as caught:
        one.project(backup="when-destructive").up()
    command = caught.value.way_back or ""
    assert command.startswith("banister restore backups/backup_")
    assert command.endswith(f" --replace --url {shlex.quote(one.database.url)}")
    ((detail,),) = one.rows("SELECT detail FROM schema_migrations_log WHERE event = 'backed_up'")
    assert detail in command
    assert one.applied() == ["001", "002"]
    file = command.split()[2]
    one.project().backups().restore(Path(file), replacing=True)
    assert one.rows("SELECT note FROM t ORDER BY id") == [("a",), ("b",)]
    assert one.applied() == ["001"]


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE t ALTER COLUMN note TYPE varchar(1) USING left(note, 1);",
        "ALTER TABLE t ALTER COLUMN note TYPE int USING length(note);",
        "UPDATE t SET note = NULL;",
        "UPDATE t SET note = NULL WHERE id = 2;",
        "DO $$ BEGIN IF EXISTS (SELECT FROM t WHERE note = '?') THEN TRUNCATE t; END IF; END $$;",
    ],
)
def test_a_run_that_may_change_values_has_a_backup_made_first(one: Site, text: str) -> None:
    one.write({"002_b": text})
    one.project(backup="when-destructive", backup_test=False).up()
    assert len(one.project().backups().entries()) == 1


def test_a_run_that_loses_nothing_makes_none_unless_it_always_does(one: Site) -> None:
    one.write({"002_b": "CREATE TABLE more (id int);"})
    one.project(backup="when-destructive").up()
    assert not (one.root / "backups").exists()
    one.write({"003_c": "CREATE TABLE again (id int);"})
    one.project(backup="always", backup_test=False).up()
    assert len(one.project().backups().entries()) == 1
    one.project(backup="always").up()
    assert len(one.project().backups().entries()) == 1, "nothing was to be done"


def test_nothing_runs_without_a_good_backup(one: Site) -> None:
    one.write({"002_b": "CREATE TABLE more (id int);"})
    (one.root / "backups").write_text("in the way")
    with pytest.raises(banister.UsageError, match="folder of backups") as caught:
        one.project(backup="always").up()
    assert "nothing was run" in (caught.value.state or "")
    assert one.applied() == ["001"]


def test_the_platforms_own_command_is_run_and_its_end_recorded(one: Site) -> None:
    one.write({"002_b": "CREATE TABLE more (id int);"})
    script = one.root / "snap"
    script.write_text('#!/bin/sh\necho run $BANISTER_RUN_ID; echo "$1"; exit ${CODE:-0}\n')
    script.chmod(0o755)
    argument = "a b; touch never"
    with pytest.raises(BackupCommandFailed, match=r"ended with 7\n.*no$"):
        one.project(backup="always", backup_command=["sh", "-c", "echo no; exit 7"]).up()
    assert one.applied() == ["001"]
    with pytest.raises(BackupCommandFailed, match="cannot be started"):
        one.project(backup="always", backup_command=["/nowhere/at/all"]).up()
    events: list[banister.Event] = []
    one.project(backup="always", backup_command=[str(script), argument]).up(on_event=events.append)
    said = [event.line for event in events if isinstance(event, banister.CommandSaid)]
    assert said[0].startswith("run ")
    assert said[1] == argument
    ((detail,),) = one.rows("SELECT detail FROM schema_migrations_log WHERE event = 'backed_up'")
    assert detail == f"{script} ended with 0: {argument}"
    assert not (one.root / "never").exists()
