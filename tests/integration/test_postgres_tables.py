"""Tables of others under the names of the history and its log: found before anything is run."""

from pathlib import Path

import pytest

import banister
from postgres_kit import Site, SiteMaker
from servers import PostgresDatabase

OFF = "-- banister: transaction=off\n"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    """Two migrations that both leave something, the first outside a transaction."""
    return SiteMaker(tmp_path)(
        postgres,
        {"001_a": f"{OFF}CREATE TABLE a (id int);", "70000_long_name": "CREATE TABLE b (id int);"},
    )


def refused(site: Site) -> banister.HistoryError:
    """Nothing is run, nothing is made, and the SQL of the hint mends it."""
    before = site.rows("SELECT xmin, * FROM schema_migrations")
    with pytest.raises(banister.HistoryError) as caught:
        site.up()
    assert not site.exists("a")
    assert site.rows("SELECT xmin, * FROM schema_migrations") == before
    assert "history_table" in (caught.value.hint or "")
    return caught.value


def mend(site: Site, error: banister.HistoryError) -> None:
    assert error.hint is not None
    site.rows(error.hint.partition(";")[0])
    site.up()
    assert [int(version) for version in site.applied()] == [1, 70000]


def test_a_column_that_wants_a_value_is_found_before_anything_runs(site: Site) -> None:
    site.rows(
        "CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, "
        'applied_at timestamptz, "Dirty flag" boolean NOT NULL)'
    )
    error = refused(site)
    assert "wants a value for its column Dirty flag" in error.message
    mend(site, error)


@pytest.mark.parametrize(
    "column",
    [
        "extra int NOT NULL DEFAULT 1",
        "extra int GENERATED ALWAYS AS IDENTITY",
        "extra serial",
        "extra int NOT NULL GENERATED ALWAYS AS (1) STORED",
        "extra int",
    ],
)
def test_a_column_that_fills_itself_is_nobodys_business(site: Site, column: str) -> None:
    site.rows(
        "CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, "
        f"applied_at timestamptz, {column})"
    )
    site.up()
    assert site.applied() == ["001", "70000"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("version smallint PRIMARY KEY, name text, applied_at timestamptz", "cannot record 70000"),
        ("version numeric(4) PRIMARY KEY, name text, applied_at timestamptz", "record 70000"),
        ("version numeric(6, 2) PRIMARY KEY, name text, applied_at timestamptz", "record 70000"),
        ("version varchar(4) PRIMARY KEY, name text, applied_at timestamptz", "record 70000"),
        ("version text PRIMARY KEY, name varchar(8), applied_at timestamptz", '"long_name"'),
        ("version text PRIMARY KEY, name text, applied_at varchar(19)", "a time with its zone"),
    ],
)
def test_a_column_that_is_too_small_is_found_before_anything_runs(
    site: Site, columns: str, said: str
) -> None:
    site.rows(f"CREATE TABLE schema_migrations ({columns})")
    error = refused(site)
    assert said in error.message
    assert "is too small" in error.message
    assert error.state == "nothing was run"
    mend(site, error)


def test_a_number_beyond_every_integer_is_found_too(site: Site) -> None:
    site.write({"99999999999999999999_far": "CREATE TABLE c (id int);"})
    site.rows(
        "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, name text, "
        "applied_at timestamptz)"
    )
    error = refused(site)
    assert error.hint is not None
    site.rows(error.hint.partition(";")[0])
    site.up()
    assert int(site.applied()[-1]) == 99999999999999999999


@pytest.mark.parametrize(
    "columns",
    [
        "version integer PRIMARY KEY, name varchar(9), applied_at timestamptz",
        "version numeric(5) PRIMARY KEY, name char(20), applied_at varchar(40)",
        "version varchar(5) PRIMARY KEY, name varchar, applied_at timestamptz",
    ],
)
def test_columns_that_are_just_large_enough_are_used(site: Site, columns: str) -> None:
    site.rows(f"CREATE TABLE schema_migrations ({columns})")
    site.up()
    assert site.value("SELECT count(*) FROM schema_migrations") == 2


def test_another_tools_table_under_the_name_of_our_log_is_told(site: Site) -> None:
    site.rows("CREATE TABLE schema_migrations_log (id serial PRIMARY KEY, note text)")
    for ask in (site.up, lambda: site.project().status()):
        with pytest.raises(banister.HistoryError) as caught:
            ask()
        assert "public.schema_migrations_log is not Banister's log" in caught.value.message
        assert "history_table" in (caught.value.hint or "")
    assert not site.exists("schema_migrations")
    assert not site.exists("a")
    site.up(history_table="our_migrations")
    assert site.exists("our_migrations_log")
