"""Roles with few rights, servers that take no writes, histories that are guarded, passwords."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

import banister
from banister.engines.embedded import find_binaries, start, stop
from banister.model import State
from conftest import RunBanister
from postgres_kit import Site
from servers import MAJORS, PostgresDatabase

TWO = {
    "001_t": "CREATE TABLE t (id int);",
    "001_t.down": "DROP TABLE t;",
    "002_u": "CREATE TABLE u (id int);",
    "002_u.down": "DROP TABLE u;",
}


#: As another runner makes it.
THREE_COLUMNS = (
    "CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, applied_at timestamptz)"
)

#: A trigger function that drops the row it is called for.
SKIP = "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


@contextmanager
def role(database: PostgresDatabase, *statements: str) -> Iterator[tuple[str, str]]:
    """Make a role that may log in; give its name and its URL; run statements with its name."""
    name = f"role_{uuid4().hex[:10]}"
    database.execute(f"CREATE ROLE {name} LOGIN")
    try:
        for statement in statements:
            database.execute(statement.format(role=name))
        host = quote(str(database.server.socket_dir), safe="")
        url = f"postgresql:///{database.name}?host={host}&port={database.server.port}&user={name}"
        yield name, url
    finally:
        database.execute(f"DROP OWNED BY {name} CASCADE")
        database.execute(f"DROP ROLE {name}")


def relations(site: Site) -> list[str]:
    return [
        name
        for (name,) in site.rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        )
    ]


def test_reading_needs_no_more_than_select_and_leaves_nothing(site: Site) -> None:
    site.write(TWO)
    with role(site.database) as (_, url):
        project = site.project(url=url)
        assert [row.state for row in project.status().rows] == [State.PENDING] * 2
        assert len(project.plan().plan.steps) == 2
        assert relations(site) == []
    site.project().up(to="001")
    before = relations(site)
    grant = "GRANT SELECT ON schema_migrations, schema_migrations_log TO {role}"
    with role(site.database, grant) as (name, url):
        project = site.project(url=url)
        assert [row.state for row in project.status().rows] == [State.APPLIED, State.PENDING]
        assert [step.version.text for step in project.plan().plan.steps] == ["002"]
        assert [step.version.text for step in project.plan_down().plan.steps] == ["001"]
        with pytest.raises(
            banister.HistoryError, match="may not write the history table"
        ) as caught:
            project.up()
        assert "GRANT SELECT, INSERT, UPDATE, DELETE" in str(caught.value.hint)
        assert name in str(caught.value.hint)
    assert relations(site) == before
    assert site.applied() == ["001"]


def test_a_history_that_may_not_be_read_says_which_right_is_missing(site: Site) -> None:
    site.write(TWO)
    site.up()
    with role(site.database) as (_, url):
        with pytest.raises(banister.HistoryError, match="may not read the history table") as caught:
            site.project(url=url).status()
        assert "GRANT SELECT" in str(caught.value.hint)


def test_a_plain_role_works_in_a_schema_of_its_own(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = Site(database=every_postgres, root=tmp_path)
    site.write(TWO)
    with role(every_postgres, "CREATE SCHEMA app AUTHORIZATION {role}") as (_, url):
        project = site.project(url=url, history_schema="app", search_path="app")
        project.up()
        assert [row.state for row in project.status().rows] == [State.APPLIED] * 2
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'app' ORDER BY 1"
        assert [name for (name,) in site.rows(tables)] == [
            "schema_migrations", "schema_migrations_log", "t", "u",
        ]  # fmt: skip
        project.down(2)
        assert [row.state for row in project.status().rows] == [State.PENDING] * 2
        assert relations(site) == []


def test_without_the_right_to_create_the_error_gives_the_grant(site: Site) -> None:
    site.write(TWO)
    site.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with role(site.database) as (name, url):
        with pytest.raises(banister.HistoryError, match=r"42501") as caught:
            site.project(url=url).up()
        assert caught.value.hint is not None
        assert f'GRANT USAGE, CREATE ON SCHEMA "public" TO "{name}"' in caught.value.hint
        assert "history_schema" in caught.value.hint
    assert relations(site) == []


def test_a_schema_that_is_not_there_is_said_how_to_make(site: Site) -> None:
    site.write(TWO)
    with pytest.raises(banister.HistoryError, match=r"3F000") as caught:
        site.up(history_schema="nowhere")
    assert 'CREATE SCHEMA "nowhere"' in str(caught.value.hint)
    assert relations(site) == []


def test_another_owner_s_table_is_extended_by_its_owner(site: Site) -> None:
    site.write(TWO)
    site.rows(THREE_COLUMNS)
    site.rows("GRANT CREATE ON SCHEMA public TO PUBLIC")
    site.rows("GRANT ALL ON schema_migrations TO PUBLIC")
    with role(site.database) as (_, url):
        with pytest.raises(banister.HistoryError, match="must be owner") as caught:
            site.project(url=url).up()
        sql = str(caught.value.hint).removeprefix("let its owner run: ")
        site.rows(sql)
        site.project(url=url).up()
        assert site.applied() == ["001", "002"]
        site.project(url=url).down(2)
        assert site.applied() == []


@pytest.mark.parametrize("where", ["ROLE", "DATABASE", "options"])
def test_read_only_defaults_let_status_through_and_refuse_up_at_once(
    site: Site, where: str
) -> None:
    site.write(TWO)
    site.rows("GRANT CREATE ON SCHEMA public TO PUBLIC")
    read_only = "default_transaction_read_only = on"
    with role(site.database) as (name, plain):
        url = plain
        match where:
            case "ROLE":
                site.rows(f"ALTER ROLE {name} SET {read_only}")
            case "DATABASE":
                site.rows(f"ALTER DATABASE {site.database.name} SET {read_only}")
            case _:
                url += "&options=-c%20default_transaction_read_only%3Don"
        project = site.project(url=url)
        assert [row.state for row in project.status().rows] == [State.PENDING] * 2
        assert len(project.plan().plan.steps) == 2
        with pytest.raises(banister.DatabaseError, match="default_transaction_read_only") as caught:
            project.up()
        assert caught.value.code == "read_only"
        assert caught.value.state == "nothing was run"
        assert "primary" not in str(caught.value.hint)
        if where == "DATABASE":
            site.rows(
                "BEGIN READ WRITE; "
                f"ALTER DATABASE {site.database.name} RESET default_transaction_read_only; COMMIT"
            )


def test_row_security_that_may_hide_rows_is_refused(site: Site) -> None:
    site.write(TWO)
    site.project().up(to="001")
    site.rows(
        "ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY p ON schema_migrations USING (true)"
    )
    grant = "GRANT ALL ON schema_migrations, schema_migrations_log TO {role}"
    with role(site.database, grant) as (_, url):
        for attempt in (site.project(url=url).status, site.project(url=url).up):
            with pytest.raises(banister.HistoryError, match="row level security") as caught:
                attempt()
            assert "DISABLE ROW LEVEL SECURITY" in str(caught.value.hint)
    site.up()
    assert site.applied() == ["001", "002"]


def test_row_security_forced_on_the_owner_is_refused_too(site: Site) -> None:
    site.write(TWO)
    with role(site.database, "CREATE SCHEMA app AUTHORIZATION {role}") as (_, url):
        project = site.project(url=url, history_schema="app", search_path="app")
        project.up(to="001")
        site.rows(
            "ALTER TABLE app.schema_migrations ENABLE ROW LEVEL SECURITY; "
            "ALTER TABLE app.schema_migrations FORCE ROW LEVEL SECURITY"
        )
        with pytest.raises(banister.HistoryError, match=r"row.level security"):
            project.status()


def raising(table: str, event: str) -> str:
    return (
        "CREATE FUNCTION say_no() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'not on my watch'; END $$; "
        f"CREATE TRIGGER say_no BEFORE {event} ON {table} EXECUTE FUNCTION say_no()"
    )


@pytest.mark.parametrize("table", ["schema_migrations", "schema_migrations_log"])
def test_a_trigger_that_raises_rolls_the_migration_back(site: Site, table: str) -> None:
    site.write(TWO)
    site.project().up(to="001")
    site.rows(raising(table, "INSERT"))
    with pytest.raises(banister.MigrationFailed, match="not on my watch") as caught:
        site.up()
    assert caught.value.location is not None
    assert "recording it" in str(caught.value.location.note)
    assert not site.exists("u")
    assert site.applied() == ["001"]
    assert site.runner_locks() == 0


@pytest.mark.parametrize("directive", ["", "-- banister: transaction=off\n"])
def test_an_event_trigger_that_raises_is_told_with_its_words(site: Site, directive: str) -> None:
    site.write({"001_t": "SELECT 1;", "002_u": f"{directive}SELECT 1;\nCREATE TABLE u (id int);"})
    site.project().up(to="001")
    site.rows(
        "CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'no % today', tg_tag; END $$; "
        "CREATE EVENT TRIGGER guard_ddl ON ddl_command_end EXECUTE FUNCTION guard()"
    )
    with pytest.raises(banister.MigrationFailed, match="no CREATE TABLE today") as caught:
        site.up()
    assert caught.value.location is not None
    assert caught.value.location.line == (3 if directive else 2)
    assert not site.exists("u")


def test_an_event_trigger_that_keeps_the_tables_from_being_made(site: Site) -> None:
    site.write(TWO)
    site.rows(
        "CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'no % today', tg_tag; END $$; "
        "CREATE EVENT TRIGGER guard_ddl ON ddl_command_start EXECUTE FUNCTION guard()"
    )
    with pytest.raises(banister.HistoryError, match="no CREATE TABLE today"):
        site.up()
    assert relations(site) == []


@pytest.mark.parametrize(
    "guard",
    [
        "CREATE UNIQUE INDEX ON schema_migrations ((1))",
        "CREATE RULE nothing AS ON INSERT TO schema_migrations DO INSTEAD NOTHING",
        (
            f"{SKIP} CREATE TRIGGER skip BEFORE INSERT ON schema_migrations "
            "FOR EACH ROW EXECUTE FUNCTION skip()"
        ),
    ],
)
def test_a_table_that_swallows_records_is_an_error_and_not_a_loop(site: Site, guard: str) -> None:
    site.write(TWO)
    site.project().up(to="001")
    site.rows(guard)
    with pytest.raises(banister.DatabaseError):
        site.up()
    assert not site.exists("u")
    assert site.applied() == ["001"]


def test_a_table_that_keeps_its_rows_is_an_error_and_not_a_loop(site: Site) -> None:
    site.write(TWO)
    site.up()
    site.rows(
        f"{SKIP} CREATE TRIGGER skip BEFORE DELETE ON schema_migrations "
        "FOR EACH ROW EXECUTE FUNCTION skip()"
    )
    with pytest.raises(banister.HistoryError, match="does not take the record"):
        site.down()
    assert site.exists("u")
    assert site.applied() == ["001", "002"]


def test_versions_of_another_runner_are_found_however_they_are_spelled(site: Site) -> None:
    site.rows(
        f"{THREE_COLUMNS};"
        "INSERT INTO schema_migrations VALUES ('1', 't', now() - interval '2 min'), "
        "('002_u.sql', 'u', now() - interval '1 min');"
        "CREATE TABLE t (id int); CREATE TABLE u (id int)"
    )
    site.write(TWO)
    project = site.project()
    assert [row.state for row in project.status().rows] == [State.APPLIED] * 2
    project.accept_edit("2")
    project.down(2)
    assert site.applied() == []


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[Site]:
    """A server of its own that was stopped with two migrations applied and replays since."""
    folder = Path(tempfile.mkdtemp(prefix="banister-test-"))
    folder.chmod(0o711)
    running = start(find_binaries(), folder / "pg")
    try:
        database = PostgresDatabase(
            url=running.url, name="postgres", major=MAJORS[-1], server=running
        )
        site = Site(database=database, root=tmp_path)
        site.write(TWO)
        site.up()
        stop(running)
        (folder / "pg" / "data" / "standby.signal").touch()
        running = start(find_binaries(), folder / "pg")
        yield site
    finally:
        stop(running)
        shutil.rmtree(folder)


def test_a_standby_answers_status_and_refuses_up(standby: Site) -> None:
    assert standby.rows("SELECT pg_is_in_recovery()") == [(True,)]
    project = standby.project()
    assert [row.state for row in project.status().rows] == [State.APPLIED] * 2
    standby.up()
    standby.write({"003_v": "CREATE TABLE v (id int);"})
    assert [step.version.text for step in project.plan().plan.steps] == ["003"]
    with pytest.raises(banister.DatabaseError, match="this server is a standby") as caught:
        standby.up()
    assert caught.value.code == "read_only"
    assert caught.value.state == "nothing was run"
    assert "primary" in str(caught.value.hint)


SECRET = "s3cr3t@:/%'x"


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:{quoted}@127.0.0.1:1/app",
        "postgresql://me:{quoted}@127.0.0.1:1,127.0.0.1:2/app?connect_timeout=1",
        "postgresql://me:{quoted}@nowhere.invalid/app",
        "postgresql://me:{raw}@127.0.0.1:1/app",
        "postgresql://me:{quoted}@127.0.0.1:notaport/app",
        "postgresql://me:{quoted}@127.0.0.1:1/app?sslmode=nonsense",
        "postgresql://me:{quoted}@127.0.0.1:1/app?nonsense=1",
        "postgresql:///{database}?host={host}&port={port}&user=nobody_here&password={quoted}",
        "postgresql:///no_such_database?host={host}&port={port}&user={user}&password={quoted}",
        "host={plain_host} port={port} dbname=nothing password={keyword}",
        "host='unclosed password={keyword}",
    ],
)
def test_no_failure_to_connect_tells_the_password(
    site: Site, run_banister: RunBanister, url: str, form: str
) -> None:
    site.write(TWO)
    server = site.database.server
    keyword = SECRET.replace("\\", "\\\\").replace("'", "\\'")
    given = url.format(
        quoted=quote(SECRET, safe=""),
        raw=SECRET,
        keyword=f"'{keyword}'",
        database=site.database.name,
        host=quote(str(server.socket_dir), safe=""),
        plain_host=server.socket_dir,
        port=server.port,
        user=site.value("SELECT current_user"),
    )
    done = run_banister("up", "--format", form, cwd=site.root, env={"BANISTER_URL": given})
    said = done.stdout + done.stderr
    assert done.returncode in {1, 2}
    assert "s3cr3t" not in said
    assert quote(SECRET, safe="") not in said
    assert "Traceback" not in said
    if form == "json":
        assert json.loads(done.stdout)["error"]["message"]


def test_everything_runs_as_the_role_that_the_settings_name(site: Site) -> None:
    """The login owns nothing and may do nothing, but it is a member of the owner."""
    site.write(TWO)
    with (
        role(site.database, "GRANT CREATE, USAGE ON SCHEMA public TO {role}") as (owner, _),
        role(site.database, f"GRANT {owner} TO {{role}}", "ALTER ROLE {role} NOINHERIT") as (
            _,
            url,
        ),
    ):
        project = site.project(url=url, role=owner)
        project.up()
        assert [row.state for row in project.status().rows] == [State.APPLIED, State.APPLIED]
        owners = site.rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert owners == [(owner,)]
        project.down(2)
        assert not site.exists("t")


def test_a_role_that_the_login_is_no_member_of_is_refused_with_the_grant(site: Site) -> None:
    site.write(TWO)
    with (
        role(site.database) as (owner, _),
        role(site.database) as (login, url),
        pytest.raises(banister.HistoryError) as caught,
    ):
        site.project(url=url, role=owner).up()
    assert caught.value.hint is not None
    assert f"GRANT {owner} TO {login}" in caught.value.hint


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM schema_migrations;",
        "UPDATE schema_migrations SET name = 'zzz';",
        "TRUNCATE schema_migrations;",
        "INSERT INTO schema_migrations (version, name) VALUES ('9', 'planted');",
        "DELETE FROM schema_migrations_log;",
        "TRUNCATE schema_migrations_log;",
        "ALTER TABLE schema_migrations DROP COLUMN down_text;",
        "DO $$ BEGIN DELETE FROM schema_migrations; END $$;",
    ],
)
@pytest.mark.parametrize("mode", ["", "-- banister: transaction=off\n"])
def test_a_migration_that_writes_to_the_history_is_refused_and_rolled_back(
    site: Site, statement: str, mode: str
) -> None:
    site.write({**TWO, "003_tamper": mode + statement})
    with pytest.raises(banister.BanisterError, match=r"history table|permission denied"):
        site.up()
    assert site.applied() == ["001", "002"]
    assert site.value("SELECT count(*) FROM schema_migrations WHERE name = 'zzz'") == 0
    assert ("applied", "001", None) in site.log()


def test_the_log_can_only_be_added_to_by_its_owner(site: Site) -> None:
    site.write(TWO)
    with role(site.database, "GRANT CREATE, USAGE ON SCHEMA public TO {role}") as (name, url):
        site.up(url=url)
        for statement in ("DELETE FROM", "UPDATE", "TRUNCATE"):
            tail = " SET event = 'x'" if statement == "UPDATE" else ""
            with psycopg.connect(url) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(f"{statement} schema_migrations_log{tail}")
        assert site.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'") == name


def test_timeouts_of_the_role_do_not_end_a_migration(site: Site) -> None:
    site.write({"001_slow": "SELECT pg_sleep(0.6);"})
    with role(
        site.database,
        "GRANT CREATE, USAGE ON SCHEMA public TO {role}",
        "ALTER ROLE {role} SET statement_timeout = '300ms'",
        "ALTER ROLE {role} SET transaction_timeout = '300ms'",
    ) as (_, url):
        site.up(url=url)
        assert site.applied() == ["001"]
