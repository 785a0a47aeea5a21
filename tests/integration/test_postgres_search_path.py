"""A schema of somebody else's comes first in the search_path and has everything that we ask for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from banister.failpoints import FailPoint
from banister.model import Blocked, Event, State
from postgres_kit import Site, role
from servers import PostgresDatabase

PATH = "evil, pg_catalog, public"

#: Every function, operator, relation and common type of pg_catalog again, each of which raises or
#: cannot hold anything, and history tables that look right.
TRAPS = """
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
DO $do$
DECLARE f record; o record; name pg_catalog.text;
BEGIN
    FOR f IN SELECT proname, pg_catalog.oidvectortypes(proargtypes) AS arguments,
                    pg_catalog.format_type(prorettype, NULL) AS result, proretset
               FROM pg_catalog.pg_proc
              WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f'
    LOOP
        BEGIN
            EXECUTE format(
                'CREATE FUNCTION evil.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS '
                '$f$BEGIN RAISE EXCEPTION ''hijacked: %s''; END$f$',
                f.proname, f.arguments, CASE WHEN f.proretset THEN 'SETOF' END, f.result,
                f.proname);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR o IN SELECT oprname, oprleft, oprright, oprresult FROM pg_catalog.pg_operator
              WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
    LOOP
        BEGIN
            name := format('operator_%s_%s_%s', o.oprleft, o.oprright, md5(o.oprname));
            EXECUTE format(
                'CREATE FUNCTION evil.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS '
                '$f$BEGIN RAISE EXCEPTION ''hijacked: operator %s''; END$f$',
                name, format_type(o.oprleft, NULL), format_type(o.oprright, NULL),
                format_type(o.oprresult, NULL), o.oprname);
            EXECUTE format(
                'CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%I)',
                o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL), name);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR name IN SELECT relname FROM pg_catalog.pg_class
                 WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
    LOOP
        EXECUTE format('CREATE TABLE evil.%I (pid int)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['text', 'timestamptz', 'int8', 'int4', 'oid', 'name', 'bool',
                                'regclass', 'interval', 'float8']
    LOOP
        EXECUTE format('CREATE DOMAIN evil.%I AS pg_catalog.%I CHECK (false)', name, name);
    END LOOP;
END
$do$;
CREATE TABLE evil.schema_migrations
    (version pg_catalog.text PRIMARY KEY, name pg_catalog.text, applied_at pg_catalog.timestamptz);
INSERT INTO evil.schema_migrations VALUES ('001', 't', pg_catalog.now());
CREATE TABLE evil.schema_migrations_log (id pg_catalog.int4);
GRANT ALL ON ALL TABLES IN SCHEMA evil TO PUBLIC;
"""

FILES = {
    "001_t": "CREATE TABLE public.t (id pg_catalog.int4);",
    "001_t.down": "DROP TABLE public.t;",
    "002_index": "-- banister: transaction=off\n"
    "INSERT INTO public.t VALUES (1);\n"
    "CREATE INDEX CONCURRENTLY t_id ON public.t (id);\n"
    "REINDEX INDEX CONCURRENTLY public.t_id;",
    "002_index.down": "DROP INDEX CONCURRENTLY public.t_id;",
}


@contextmanager
def trapped(database: PostgresDatabase, root: Path) -> Iterator[tuple[Site, str]]:
    """Give a site with an ordinary role whose search_path leads into the traps, and its URL."""
    site = Site(database=database, root=root)
    site.write(FILES)
    site.rows(TRAPS)
    public = "GRANT CREATE, USAGE ON SCHEMA public TO {role}"
    with role(database, public, f"ALTER ROLE {{role}} SET search_path = {PATH}") as (_, url):
        yield site, url


def test_the_traps_close(postgres: PostgresDatabase, tmp_path: Path) -> None:
    with trapped(postgres, tmp_path) as (_, url):
        for statement in (
            "SELECT now()",
            "SELECT set_config('a.b', 'c', false)",
            "SELECT 'a'::pg_catalog.text = 'a'::pg_catalog.text",
            "SELECT CASE 'a'::pg_catalog.text WHEN 'a' THEN 1 END",
            "SELECT 1 WHERE 'a'::pg_catalog.name IN ('a', 'b')",
            "SELECT 'a'::text",
            "SELECT relname FROM pg_class",
        ):
            with psycopg.connect(url) as connection, pytest.raises(psycopg.Error) as caught:
                connection.execute(statement.encode())
            expected = ("hijacked", "violates check constraint", "does not exist")
            assert any(words in str(caught.value) for words in expected), statement


def test_no_query_of_ours_walks_into_a_trap(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    with trapped(every_postgres, tmp_path) as (site, url):
        project = site.project(url=url)
        assert [row.state for row in project.status().rows] == [State.PENDING] * 2
        assert len(project.plan().plan.steps) == 2
        project.up()
        assert [row.state for row in project.status().rows] == [State.APPLIED] * 2
        assert site.applied() == ["001", "002"]
        types = site.rows(
            "SELECT DISTINCT n.nspname::text FROM pg_attribute a "
            "JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace "
            "WHERE a.attnum > 0 AND a.attrelid IN ('public.schema_migrations'::regclass, "
            "'public.schema_migrations_log'::regclass)"
        )
        assert types == [("pg_catalog",)]
        project.accept_edit("1")
        project.down(2)
        project.baseline("1")
        assert site.applied() == ["001"]
        assert site.rows("SELECT version FROM evil.schema_migrations") == [("001",)]


def test_the_table_of_another_runner_is_extended_with_the_right_types(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    with trapped(postgres, tmp_path) as (site, url):
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(
                "CREATE TABLE public.schema_migrations (version pg_catalog.text PRIMARY KEY, "
                "name pg_catalog.text, applied_at pg_catalog.timestamptz)"
            )
        site.project(url=url).up()
        assert site.applied() == ["001", "002"]


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", [FailPoint.BEFORE_STATEMENT, FailPoint.AFTER_STATEMENT])
def test_recovery_does_not_either(
    postgres: PostgresDatabase, tmp_path: Path, point: FailPoint, nth: int
) -> None:
    with trapped(postgres, tmp_path) as (site, url):
        env = {"BANISTER_TEST_FAIL_POINT": f"{point}:{nth}:kill"}
        with site.command("up", "--url", url, env=env) as process:
            assert process.wait(60) == -9
        assert site.applied() == ["001"]
        site.project(url=url).up()
        assert site.applied() == ["001", "002"]
        assert site.rows("SELECT id FROM t") == [(1,)]
        assert site.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0


def test_nor_does_the_look_for_what_stands_beside_databases(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    made = f"made_{uuid4().hex[:10]}"
    with trapped(postgres, tmp_path) as (site, _):
        site.write({"002_index": f"CREATE DATABASE {made};"})
        env = {"BANISTER_SEARCH_PATH": PATH, "BANISTER_TEST_FAIL_POINT": "after_statement:1:kill"}
        with site.command("up", env=env) as process:
            assert process.wait(60) == -9
        try:
            site.up(search_path=PATH)
            assert site.applied() == ["001", "002"]
        finally:
            site.rows(f"DROP DATABASE IF EXISTS {made}")


def test_the_second_connection_does_not_either(postgres: PostgresDatabase, tmp_path: Path) -> None:
    with trapped(postgres, tmp_path) as (site, url):
        site.project(url=url).up(to="1")
        seen: list[Blocked] = []
        site.write({"002_index": "ALTER TABLE public.t ADD COLUMN a pg_catalog.int4;"})
        with psycopg.connect(url) as holder:
            holder.execute("SELECT FROM public.t")

            def on_event(event: Event) -> None:
                if isinstance(event, Blocked):
                    seen.append(event)
                    holder.rollback()

            site.project(url=url, lock_timeout="30s").up(on_event=on_event)
        assert [blocker.state for blocker in seen[0].blockers] == ["idle in transaction"]
        assert seen[0].relation == "public.t"


def test_a_setting_leads_there_too(postgres: PostgresDatabase, tmp_path: Path) -> None:
    with trapped(postgres, tmp_path) as (site, _):
        site.up(search_path=PATH)
        site.down(2, search_path=PATH)
        assert site.applied() == []
