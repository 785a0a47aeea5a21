"""Roles with few rights, and what their errors say is missing."""

from pathlib import Path

import pytest

import banister
from banister.model import State
from postgres_kit import Site, role
from servers import PostgresDatabase

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


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


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
    assert f'GRANT "{owner}" TO "{login}";' in caught.value.hint


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
