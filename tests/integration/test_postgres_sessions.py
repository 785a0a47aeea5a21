"""What a file does to its session ends with the file, and never reaches the history."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

import banister
from banister.errors import Severity
from postgres_kit import Site
from servers import PostgresDatabase

#: Everything below is looked at from the file after the one that changed it.
_LOOK = """
CREATE TABLE seen AS SELECT
    current_setting('search_path') AS search_path,
    current_setting('lock_timeout') AS lock_timeout,
    current_setting('statement_timeout') AS statement_timeout,
    current_setting('row_security') AS row_security,
    current_setting('client_encoding') AS client_encoding,
    current_setting('standard_conforming_strings') AS standard_conforming_strings,
    current_setting('timezone') AS timezone,
    current_setting('default_transaction_read_only') AS read_only,
    current_setting('default_transaction_isolation') AS isolation,
    current_setting('session_replication_role') AS replication_role,
    current_setting('role') AS role,
    session_user::text AS session_user,
    current_user::text AS current_user,
    to_regclass('pg_temp.scratch')::text AS temporary,
    (SELECT count(*) FROM pg_prepared_statements) AS prepared,
    (SELECT count(*) FROM pg_listening_channels()) AS listening,
    (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors;
"""

#: A look without a change before it.
_CLEAN = {"001_look": _LOOK}


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


@contextmanager
def role(database: PostgresDatabase, attributes: str = "LOGIN") -> Iterator[str]:
    """Make a role, gone afterwards with all it owns in this database."""
    name = f"role_{uuid4().hex[:10]}"
    database.execute(f"CREATE ROLE {name} {attributes}")
    try:
        yield name
    finally:
        database.execute(f"DROP OWNED BY {name} CASCADE")
        database.execute(f"DROP ROLE {name}")


def look(site: Site) -> dict[str, object]:
    with site.database.connect(row_factory=psycopg.rows.dict_row) as connection:
        (row,) = connection.execute("SELECT * FROM seen").fetchall()
    seen: dict[str, object] = dict(row)
    return seen


def test_nothing_of_a_file_s_session_reaches_the_next_file(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = Site(database=every_postgres, root=tmp_path)
    site.write(_CLEAN)
    site.up(lock_timeout="5s")
    clean = look(site)
    site.rows("DROP TABLE seen, schema_migrations, schema_migrations_log")
    with role(site.database) as other:
        site.write(
            {
                "001_look": (
                    "CREATE SCHEMA elsewhere;\n"
                    "SET search_path = elsewhere;\n"
                    "SET lock_timeout = '77min';\n"
                    "SET statement_timeout = '78min';\n"
                    "SET row_security = on;\n"
                    "SET timezone = 'Asia/Kathmandu';\n"
                    "SET session_replication_role = replica;\n"
                    "SET default_transaction_isolation = 'serializable';\n"
                    "CREATE TEMPORARY TABLE scratch (id int);\n"
                    "PREPARE p AS SELECT 1;\n"
                    "LISTEN channel;\n"
                    "DECLARE c CURSOR WITH HOLD FOR SELECT 1;\n"
                    f"SET ROLE {other};\n"
                    f"SET SESSION AUTHORIZATION {other};\n"
                    "SET default_transaction_read_only = on;\n"
                ),
                "002_look": _LOOK,
            }
        )
        site.up(lock_timeout="5s")
        assert look(site) == clean
        assert clean["role"] == "none"
        assert clean["client_encoding"] == "UTF8"
        assert clean["row_security"] == "off"
        assert clean["lock_timeout"] == "5s"


def test_the_settings_hold_in_every_file(site: Site) -> None:
    site.write(
        {
            "000_schema": "CREATE SCHEMA app;\nRESET ALL;\nSET search_path = public;",
            "001_look": _LOOK,
        }
    )
    site.up(
        search_path="app, pg_catalog",
        timezone="Pacific/Chatham",
        lock_timeout="3s",
        statement_timeout="4min",
    )
    (row,) = site.rows(
        "SELECT search_path, timezone, lock_timeout, statement_timeout FROM app.seen"
    )
    assert row == ("app, pg_catalog", "Pacific/Chatham", "3s", "4min")


def test_the_lock_timeout_of_a_file_holds_for_that_file_alone(site: Site) -> None:
    timeout = "SELECT current_setting('lock_timeout')"
    site.write(
        {
            "001_a": f"-- banister: lock_timeout=9s\nCREATE TABLE a AS {timeout};",
            "002_b": f"CREATE TABLE b AS {timeout};",
        }
    )
    site.up(lock_timeout="2s")
    assert (site.rows("TABLE a"), site.rows("TABLE b")) == ([("9s",)], [("2s",)])


def test_a_client_s_own_defaults_are_what_is_reset_to(site: Site) -> None:
    site.write({"001_t": "SET search_path = pg_catalog;", "002_look": _LOOK})
    site.up(url=f"{site.database.url}&options=-c%20search_path%3Dpublic,pg_catalog")
    assert look(site)["search_path"] == "public,pg_catalog"


def test_the_head_of_a_dump_does_no_harm(site: Site) -> None:
    site.write(
        {
            "001_dump": (
                "SET statement_timeout = 0;\nSET lock_timeout = 0;\n"
                "SET idle_in_transaction_session_timeout = 0;\nSET client_encoding = 'UTF8';\n"
                "SET standard_conforming_strings = on;\n"
                "SELECT pg_catalog.set_config('search_path', '', false);\n"
                "SET check_function_bodies = false;\nSET xmloption = content;\n"
                "SET client_min_messages = warning;\nSET row_security = off;\n"
                "CREATE TABLE public.dumped (id int);\n"
            ),
            "002_plain": "CREATE TABLE plain (id int);",
        }
    )
    preview = site.project().plan()
    assert all(finding.severity is not Severity.ERROR for finding in preview.plan.findings)
    site.up()
    assert site.exists("public.dumped")
    assert site.exists("public.plain")
    assert site.applied() == ["001", "002"]


@pytest.mark.parametrize(
    "how", ["SET ROLE {}", "SET LOCAL ROLE {}", "SET SESSION AUTHORIZATION {}"]
)
@pytest.mark.parametrize("directive", ["", "-- banister: transaction=off\n"])
def test_a_role_that_may_not_write_the_history_runs_its_file(
    site: Site, how: str, directive: str
) -> None:
    with role(site.database) as other:
        site.rows(f"CREATE SCHEMA theirs AUTHORIZATION {other}")
        site.write(
            {
                "001_theirs": (
                    f"{directive}{how.format(other)};\n"
                    "CREATE TABLE theirs.t (id int);\n"
                    + ("VACUUM theirs.t;\nCREATE TABLE theirs.u (id int);\n" if directive else "")
                ),
                "002_ours": "CREATE TABLE ours (id int);",
            }
        )
        if "LOCAL" in how and directive:
            site.rows("GRANT CREATE, USAGE ON SCHEMA theirs TO current_user")
        site.up()
        owner = site.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'")
        assert (owner == other) is not ("LOCAL" in how and bool(directive))
        assert site.value("SELECT tableowner FROM pg_tables WHERE tablename = 'ours'") != other
        assert site.applied() == ["001", "002"]
        assert site.runner_locks() == 0


def test_a_file_that_gives_up_the_lock_is_refused_and_rolled_back(site: Site) -> None:
    site.write({"001_t": "CREATE TABLE t (id int);\nSELECT pg_advisory_unlock_all();"})
    with pytest.raises(banister.MigrationFailed, match="gave up the lock") as caught:
        site.up()
    assert "pg_advisory_unlock_all" in str(caught.value.hint)
    assert not site.exists("t")
    assert site.applied() == []


@pytest.mark.parametrize(
    "statements",
    [
        "DROP TABLE schema_migrations;",
        "DROP TABLE schema_migrations_log;",
        (
            "CREATE TABLE twin (LIKE schema_migrations INCLUDING ALL);"
            "DROP TABLE schema_migrations; ALTER TABLE twin RENAME TO schema_migrations;"
        ),
        "ALTER TABLE schema_migrations RENAME TO old_migrations;",
        "ALTER TABLE schema_migrations SET SCHEMA elsewhere;",
        "ALTER SCHEMA public RENAME TO gone; CREATE SCHEMA public;",
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public;",
        "DROP SCHEMA public CASCADE;",
    ],
)
def test_a_file_that_takes_the_history_away_is_refused(site: Site, statements: str) -> None:
    site.write(
        {
            "001_first": "CREATE SCHEMA elsewhere;\nCREATE TABLE kept (id int);",
            "002_harm": f"CREATE TABLE t (id int);\n{statements}",
        }
    )
    with pytest.raises(banister.MigrationFailed, match="history table") as caught:
        site.up()
    assert "history_table" in str(caught.value.hint)
    assert caught.value.location is not None
    assert site.applied() == ["001"]
    assert site.exists("public.kept")
    assert not site.exists("t")


def test_a_table_of_the_same_name_elsewhere_is_the_file_s_own(site: Site) -> None:
    site.write(
        {
            "001_own": (
                "CREATE SCHEMA auth;\nSET search_path = auth;\n"
                "CREATE TABLE IF NOT EXISTS auth.schema_migrations (version text PRIMARY KEY);\n"
                "DROP TABLE schema_migrations;\n"
            )
        }
    )
    site.up()
    assert site.applied() == ["001"]


def test_another_client_encoding_is_refused_since_files_are_utf8(site: Site) -> None:
    many = "SELECT 1;\n" * 70
    site.write(
        {
            "001_latin": (
                "CREATE TABLE t (name text);\n"
                "SELECT set_config('client_' || 'encoding', 'LATIN1', false);\n"
                f"{many}INSERT INTO t VALUES ('é');"
            )
        }
    )
    with pytest.raises(banister.MigrationFailed, match="client_encoding"):
        site.up()
    assert not site.exists("t")
    assert site.applied() == []


def test_times_of_application_keep_their_order_whatever_zone_a_file_sets(site: Site) -> None:
    site.rows(
        "CREATE TABLE schema_migrations (version int PRIMARY KEY, name text, applied_at timestamp)"
    )
    site.write(
        {
            "001_east": "SET timezone = 'Pacific/Kiritimati';",
            "002_west": "SET timezone = 'Pacific/Pago_Pago';",
            "003_here": "SELECT 1;",
            "001_east.down": "SELECT 1;",
            "002_west.down": "SELECT 1;",
            "003_here.down": "SELECT 1;",
        }
    )
    site.up()
    assert [
        v for (v,) in site.rows("SELECT version FROM schema_migrations ORDER BY applied_at")
    ] == [1, 2, 3]
    preview = site.project().plan_down(3)
    assert [str(step.version) for step in preview.plan.steps] == ["003", "002", "001"]
