"""A server that stops, crashes and comes back: the history decides, and nothing runs twice."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from oracles import Expected, expected_of, next_run, state
from own_server import OwnServer, Shutdown, own_server
from proxy import Cut, Wire, hang_up, harmful_proxy

import banister
from banister.model import Event, Recovered, StepDone
from postgres_kit import Site, SiteMaker, wait_until

FILES = {
    "001_base": "CREATE TABLE witness (n int, at int);\n"
    "CREATE TABLE t (id int, note text);\n"
    "INSERT INTO t SELECT g, 'note ' || g FROM generate_series(1, 500) g;",
    "002_cut": "INSERT INTO witness VALUES (2, 1);",
    "003_index": "-- banister: transaction=off\n"
    "INSERT INTO witness VALUES (3, 1);\n"
    "CREATE INDEX CONCURRENTLY t_note_idx ON t (note);\n"
    "INSERT INTO witness VALUES (3, 3);",
    "004_last": "INSERT INTO witness VALUES (4, 1);",
}

#: All tests share one server, in any order.
EMPTIED = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as running:
        yield running


@pytest.fixture(scope="module")
def expected(server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    server.database.execute(EMPTIED)
    site = SiteMaker(tmp_path_factory.mktemp("undisturbed"))(server.database, FILES)
    site.up()
    return expected_of(site)


@pytest.fixture
def site(server: OwnServer, expected: Expected, tmp_path: Path) -> Site:
    server.database.execute(EMPTIED)
    return SiteMaker(tmp_path)(server.database, FILES)


@pytest.mark.parametrize("how", Shutdown, ids=lambda how: how.name.lower())
@pytest.mark.parametrize("cut", Cut, ids=lambda cut: cut.value)
def test_a_restart_around_commit_is_settled_by_the_history(
    site: Site, server: OwnServer, expected: Expected, cut: Cut, how: Shutdown
) -> None:
    def strike(wire: Wire) -> None:
        server.restart(how)
        hang_up(wire)

    events: list[Event] = []
    lost: banister.DatabaseError | None = None
    with harmful_proxy(site.database.url, marker="(2, 1)", cut=cut, harm=strike) as url:
        try:
            site.project(url=url).up(on_event=events.append)
        except banister.DatabaseError as error:
            lost = error
    if cut is Cut.BEFORE:
        assert lost is not None
        assert lost.code == "connection_lost"
        assert "did not take place" in str(lost.state)
    if cut is Cut.AFTER:
        assert lost is None
        assert any(isinstance(event, Recovered) for event in events)

    assert next_run(site.project()) is None
    assert state(site, expected) is None


@pytest.mark.parametrize("how", Shutdown, ids=lambda how: how.name.lower())
def test_a_restart_right_after_commit_ends_the_run_and_the_next_one_goes_on(
    site: Site, server: OwnServer, expected: Expected, how: Shutdown
) -> None:
    def on_event(event: Event) -> None:
        if isinstance(event, StepDone) and event.step.version.text == "002":
            server.restart(how)

    with pytest.raises(banister.MigrationFailed) as caught:
        site.project().up(on_event=on_event)
    assert "server" in str(caught.value.hint)
    assert caught.value.applied == ("001", "002")
    assert site.applied() == ["001", "002"]

    assert next_run(site.project()) is None
    assert state(site, expected) is None


#: Who stands in the way of an index build, and the phase that it then stays in.
PHASES = {
    "waiting for writers before build": "INSERT INTO t VALUES (0, 'open')",
    "waiting for old snapshots": "SELECT count(*) FROM t",
}


@pytest.mark.parametrize("how", Shutdown, ids=lambda how: how.name.lower())
@pytest.mark.parametrize("phase", PHASES)
def test_an_index_build_that_a_restart_cuts_off_is_made_good(
    site: Site, server: OwnServer, expected: Expected, phase: str, how: Shutdown
) -> None:
    site.project().up(to="002")
    failures: list[banister.BanisterError] = []

    def run() -> None:
        try:
            site.up()
        except banister.BanisterError as error:
            failures.append(error)

    runner = threading.Thread(target=run)
    with suppress(psycopg.OperationalError), psycopg.connect(site.database.url) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute(PHASES[phase].encode())
        runner.start()
        progress = f"SELECT count(*) FROM pg_stat_progress_create_index WHERE phase = '{phase}'"
        wait_until(lambda: bool(site.value(progress)), phase)
        server.restart(how)
        runner.join()
    (failure,) = failures
    assert isinstance(failure, banister.MigrationFailed)
    assert failure.location is not None
    assert failure.location.note == "up, statement 2 of 3"
    assert "server" in str(failure.hint)

    assert next_run(site.project()) is None
    assert state(site, expected) is None


def test_a_run_waits_for_a_server_that_is_starting(
    site: Site, server: OwnServer, expected: Expected
) -> None:
    """Before its first statement as well as when it asks what became of a COMMIT."""

    def go_on_when_asked() -> None:
        server.wait_until_asked()
        server.go_on()

    def strike(wire: Wire) -> None:
        server.restart_held_up(Shutdown.IMMEDIATE)
        hang_up(wire)
        go_on_when_asked()

    with harmful_proxy(site.database.url, marker="(2, 1)", cut=Cut.AFTER, harm=strike) as url:
        site.project(url=url).up(to="002", together=False)
    assert site.applied() == ["001", "002"]

    server.restart_held_up(Shutdown.FAST)
    asked = threading.Thread(target=go_on_when_asked)
    asked.start()
    try:
        assert next_run(site.project()) is None
    finally:
        asked.join()
    assert state(site, expected) is None


def test_the_wait_for_a_start_has_an_end_that_says_what_was_waited_for(
    site: Site, server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banister.engines.postgres.session._STARTING_WITHIN", 0.3)
    server.restart_held_up(Shutdown.FAST)
    try:
        with pytest.raises(banister.ConnectionFailed, match="starting up") as caught:
            site.up()
    finally:
        server.go_on()
    assert "server's log" in str(caught.value.hint)
    assert "0.3 seconds" in str(caught.value.hint)


def test_a_server_that_stays_away_is_an_error_that_says_so(site: Site, server: OwnServer) -> None:
    server.stop(Shutdown.FAST)
    try:
        with pytest.raises(banister.ConnectionFailed) as caught:
            site.up()
    finally:
        server.start()
    assert "server is running" in str(caught.value.hint)


def test_after_the_loss_of_a_connection_the_plan_is_made_again_from_the_history(
    server: OwnServer, tmp_path: Path
) -> None:
    """Without the lock for a while: what another run has done meanwhile is not even begun."""
    server.database.execute(EMPTIED)
    files = {
        "001_base": "CREATE TABLE witness (n int, at int); CREATE SEQUENCE begun;",
        "002_cut": FILES["002_cut"],
        "003_behind": "SELECT nextval('begun');",
    }
    site = SiteMaker(tmp_path)(server.database, files)

    def strike(wire: Wire) -> None:
        wire.server.shutdown(socket.SHUT_RDWR)
        site.up()
        hang_up(wire)

    with harmful_proxy(site.database.url, marker="(2, 1)", cut=Cut.AFTER, harm=strike) as url:
        site.project(url=url).up(together=False)

    # A sequence counts also what was rolled back.
    assert site.value("SELECT last_value FROM begun") == 1
    assert site.applied() == ["001", "002", "003"]
    assert site.rows("SELECT n FROM witness") == [(2,)]
