"""Limits of the server that a run meets: it leaves nothing half done and says what helps."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from own_server import own_server

import banister
from banister.model import Event, Retrying, StatementDone, StepDone
from postgres_kit import Site, SiteMaker
from servers import PostgresDatabase

FILES = {
    "001_base": "CREATE TABLE witness (n int, at int);",
    "002_work": "INSERT INTO witness VALUES (2, 1);\nSELECT pg_sleep(0.1);",
}


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return SiteMaker(tmp_path)(postgres, FILES)


@contextmanager
def role(site: Site, *settings: str) -> Iterator[str]:
    """Yield a URL for a role that may make tables and has these settings or limits."""
    name = f"role_{uuid4().hex[:10]}"
    site.rows(f"CREATE ROLE {name} LOGIN; GRANT CREATE ON SCHEMA public TO {name}")
    try:
        for setting in settings:
            site.rows(f"ALTER ROLE {name} {setting}")
        yield site.database.url.replace("user=postgres", f"user={name}")
    finally:
        site.wait_until_gone()
        site.rows(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_a_server_without_a_free_connection_says_so_and_what_helps(site: Site) -> None:
    with role(site, "CONNECTION LIMIT 0") as url:
        with pytest.raises(banister.ConnectionFailed, match="too many connections") as caught:
            site.project(url=url).up()
        assert "no connection is free" in str(caught.value.hint)
        assert "max_connections" in str(caught.value.hint)


def test_a_server_that_is_full_says_so_and_what_helps(tmp_path: Path) -> None:
    with own_server(max_connections="6") as server:
        site = SiteMaker(tmp_path)(server.database, FILES)
        site.rows("CREATE ROLE plain LOGIN; GRANT CREATE ON SCHEMA public TO plain")
        url = site.database.url.replace("user=postgres", "user=plain")
        held = [site.database.connect() for _ in range(3)]
        try:
            with pytest.raises(banister.ConnectionFailed, match="connection slots") as caught:
                site.project(url=url).up()
            held += [site.database.connect() for _ in range(3)]
            with pytest.raises(banister.ConnectionFailed, match="too many clients") as full:
                site.up()
        finally:
            for connection in held:
                connection.close()
        assert "no connection is free" in str(caught.value.hint)
        assert "no connection is free" in str(full.value.hint)
        site.project(url=url).up()
        assert site.applied() == ["001", "002"]


def test_a_run_does_without_the_connection_that_looks_on(site: Site) -> None:
    site.write({"002_work": "INSERT INTO witness VALUES (2, 1);\nSELECT pg_sleep(1);"})
    with role(site, "CONNECTION LIMIT 1") as url:
        site.project(url=url).up()
        assert site.applied() == ["001", "002"]


def test_a_full_table_of_locks_rolls_back_and_names_the_setting(tmp_path: Path) -> None:
    tables = "\n".join(
        f"CREATE TABLE many_{number} (id int PRIMARY KEY);" for number in range(2000)
    )
    files = {**FILES, "002_work": f"INSERT INTO witness VALUES (2, 1);\n{tables}"}
    with own_server(max_locks_per_transaction="10", max_connections="10") as server:
        site = SiteMaker(tmp_path)(server.database, files)
        with pytest.raises(banister.MigrationFailed, match="53200") as caught:
            site.up()
        assert "max_locks_per_transaction" in str(caught.value.hint)
        assert "002 was rolled back whole" in str(caught.value.state)
        assert site.rows("SELECT n FROM witness") == []
        assert site.runner_locks() == 0


def test_a_statement_that_takes_too_long_is_ended_and_the_setting_named(site: Site) -> None:
    site.write({"002_work": FILES["002_work"].replace("0.1", "60")})
    with pytest.raises(banister.MigrationFailed, match="57014") as caught:
        site.up(statement_timeout="200ms")
    assert "statement_timeout" in str(caught.value.hint)
    assert site.rows("SELECT n FROM witness") == []


def test_a_session_that_idles_too_long_in_its_transaction_leaves_nothing(site: Site) -> None:
    """As when the program that uses the library takes its time over an event."""
    # One statement: behind several the driver sends a Flush, for which the server stops its clock.
    site.write({"002_work": "INSERT INTO witness VALUES (2, 1);"})

    def on_event(event: Event) -> None:
        if isinstance(event, StatementDone) and event.step.version.text == "002":
            site.wait_until_gone()

    with role(site, "SET idle_in_transaction_session_timeout = '100ms'") as url:
        with pytest.raises(banister.MigrationFailed) as caught:
            site.project(url=url).up(on_event=on_event)
        # The driver does not always get the server's last word.
        assert re.search("idle_in_transaction|connection to the server", str(caught.value.hint))
        assert site.applied() == ["001"]
        assert site.rows("SELECT n FROM witness") == []
        site.project(url=url).up()
        assert site.rows("SELECT n FROM witness") == [(2,)]


def test_a_transaction_that_a_file_bounds_is_told_why_it_ended(site: Site) -> None:
    text = "-- banister: transaction=off\nSET transaction_timeout = '200ms';\nSELECT {};"
    site.write({"002_work": text.format("pg_sleep(60)")})
    with pytest.raises(banister.MigrationFailed, match="25P04") as caught:
        site.up()
    assert "transaction_timeout" in str(caught.value.hint)
    assert site.applied() == ["001"]
    site.write(
        {"002_work": "-- banister: transaction=off\nSET transaction_timeout = '200ms';\nSELECT 1;"}
    )
    site.up()
    assert site.applied() == ["001", "002"]


def test_a_history_table_that_is_locked_is_not_waited_for_without_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banister.engines.postgres.session._READING_WAITS", "300ms")
    site.project().up(to="001")
    with closing(site.database.connect(autocommit=False)) as other:
        other.execute("LOCK TABLE schema_migrations")
        for attempt in (site.up, site.project().status):
            with pytest.raises(banister.HistoryError, match="55P03") as caught:
                attempt()
            assert "pg_locks" in str(caught.value.hint)
    site.up()
    assert site.applied() == ["001", "002"]


def test_a_record_that_has_to_wait_has_the_whole_migration_tried_again(site: Site) -> None:
    site.project().up(to="001")
    retries: list[Retrying] = []
    with closing(site.database.connect(autocommit=False)) as other:
        other.execute("LOCK TABLE schema_migrations IN SHARE MODE")

        def on_event(event: Event) -> None:
            if isinstance(event, Retrying):
                retries.append(event)
                other.rollback()

        site.project(lock_timeout="200ms").up(on_event=on_event)

    assert [event.reason for event in retries] == ["a lock was not free in time"]
    assert site.rows("SELECT n FROM witness") == [(2,)]
    assert site.applied() == ["001", "002"]


def test_a_history_table_that_goes_while_it_is_needed_takes_the_migration_with_it(
    site: Site,
) -> None:
    site.write({"003_last": "INSERT INTO witness VALUES (3, 1);"})

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone) and event.step.version.text == "002":
            site.rows("ALTER TABLE schema_migrations RENAME TO gone")

    with pytest.raises(banister.MigrationFailed, match="schema_migrations") as caught:
        site.project().up(on_event=on_event)
    assert caught.value.version == "003"
    assert site.rows("SELECT n FROM witness") == [(2,)]
    site.rows("ALTER TABLE gone RENAME TO schema_migrations")
    site.up()
    assert site.rows("SELECT n FROM witness ORDER BY n") == [(2,), (3,)]
