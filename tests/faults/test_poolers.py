"""Behind PgBouncer: it works, or it is refused with advice; nothing of ours stays in the pool."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from pooler import pgbouncer

import banister
from conftest import clean_environment
from postgres_kit import Site, SiteMaker
from scratch_kit import open_place, target_of
from servers import PostgresDatabase

FILES = {
    "001_table": "CREATE TABLE witness (id int);",
    "002_rows": "SET LOCAL search_path = public; INSERT INTO witness VALUES (2);",
    "003_rows": "INSERT INTO witness VALUES (3);",
    "003_rows.down": "DELETE FROM witness WHERE id = 3;",
}


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return SiteMaker(tmp_path)(postgres, FILES)


def settings_seen_by_others(url: str) -> dict[str, str]:
    """What a client finds on every connection the pool may hand it."""
    names = ("search_path", "lock_timeout", "row_security", "statement_timeout", "timezone")
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as probe:
        return {
            name: probe.execute("SELECT current_setting(%s)", (name,)).fetchone()[0]  # type: ignore[index]
            for name in names
        }


@pytest.mark.parametrize("size", [1, 2, 20])
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_runs_and_leaves_nothing_in_the_pool(site: Site, mode: str, size: int) -> None:
    before = settings_seen_by_others(site.database.url)
    with pgbouncer(site.database.url, mode=mode, size=size) as url:
        site.project(url=url, search_path="public", timezone="Asia/Tokyo").up()
        assert settings_seen_by_others(url) == before
        assert site.runner_locks() == 0
        site.project(url=url).down(1)

    assert site.applied() == ["001", "002"]
    assert site.value("SELECT count(*) FROM witness") == 1


def test_statement_pooling_is_refused_with_advice(site: Site) -> None:
    with (
        pgbouncer(site.database.url, mode="statement", size=2) as url,
        pytest.raises(banister.BanisterError) as caught,
    ):
        site.project(url=url).up()

    assert caught.value.hint is not None
    assert "URL of the server itself" in caught.value.hint
    assert site.applied() == []


@pytest.mark.parametrize(
    "text",
    [
        "-- banister: transaction=off\nINSERT INTO witness VALUES (4);",
        "CREATE INDEX CONCURRENTLY ON witness (id);",
        "SET search_path = other;",
        "CREATE TEMP TABLE kept (id int);",
        "PREPARE p AS SELECT 1;",
    ],
)
def test_what_needs_a_session_is_refused_before_anything_runs(site: Site, text: str) -> None:
    site.write({"004_session": text})
    with (
        pgbouncer(site.database.url, mode="transaction", size=2) as url,
        pytest.raises(banister.UnsupportedByEngine) as caught,
    ):
        site.project(url=url).up()

    assert caught.value.code == "pooler"
    assert caught.value.location is not None
    assert caught.value.hint is not None
    assert site.applied() == []


def test_a_setting_that_no_text_shows_does_not_stay_either(site: Site) -> None:
    site.write(
        {"004_hidden": "DO $$ BEGIN PERFORM set_config('lock_timeout', '7min', false); END $$;"}
    )
    before = settings_seen_by_others(site.database.url)
    with pgbouncer(site.database.url, mode="transaction", size=1) as url:
        site.project(url=url).up()
        assert settings_seen_by_others(url) == before


@pytest.mark.parametrize("size", [1, 2, 20])
def test_of_many_runs_each_migration_runs_once(site: Site, size: int) -> None:
    with pgbouncer(site.database.url, mode="transaction", size=size) as url:
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "banister", "up"],
                cwd=site.root,
                env={**clean_environment(), "BANISTER_URL": url},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(4)
        ]
        said = [run.communicate(timeout=60)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0, 0], said
    assert site.value("SELECT array_agg(id ORDER BY id) FROM witness") == [2, 3]
    assert site.applied() == ["001", "002", "003"]


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_scratch_databases_are_not_made_through_a_pooler(
    postgres: PostgresDatabase, tmp_path: Path, mode: str
) -> None:
    with (
        pgbouncer(postgres.url, mode=mode, size=2) as url,
        pytest.raises(banister.BanisterError) as caught,
        open_place(tmp_path, named=target_of(url)),
    ):
        pass
    assert "behind a pooler" in caught.value.message
    assert caught.value.hint == "give the URL of the server itself"
