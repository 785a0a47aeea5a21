"""A wire that dies, goes silent or stalls: both ends notice, and the history decides."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_server import OwnServer, own_server
from proxy import Cut, Harm, Wire, blackhole, hang_up, harmful_proxy, reset

import banister
from banister.engines.postgres.engine import PostgresEngine
from banister.model import Event, Recovered
from postgres_kit import Site, SiteMaker

FILES = {
    "001_table": "CREATE TABLE witness (id int);",
    "002_cut": "INSERT INTO witness VALUES (2); -- here",
    "003_behind": "INSERT INTO witness VALUES (3);",
}

#: Both ends notice within about two seconds, so that the tests are short.
QUICK = "?keepalives_idle=1&keepalives_interval=1&keepalives_count=1&tcp_user_timeout=1500"

#: What the defaults come to, in seconds; the promise of docs/reliability.md.
NOTICED_WITHIN = 20


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as running:
        yield running


@pytest.fixture
def site(server: OwnServer, tmp_path: Path) -> Iterator[Site]:
    yield SiteMaker(tmp_path)(server.database, FILES)
    server.database.execute("DROP SCHEMA public CASCADE")
    server.database.execute("CREATE SCHEMA public")


def silently(wire: Wire) -> None:
    """Black-hole the wire, where this process may."""
    try:
        blackhole(wire)
    except PermissionError:
        hang_up(wire)
        refused.append(1)


refused: list[int] = []


@pytest.fixture
def holes() -> Iterator[None]:
    """Skip a test whose black hole was refused."""
    refused.clear()
    yield
    if refused:
        pytest.skip("this account may set no filter on a socket")


def witnesses(site: Site) -> list[int]:
    return [number for (number,) in site.rows("SELECT id FROM witness ORDER BY id")]


@pytest.mark.parametrize("harm", [reset, silently], ids=["reset", "black hole"])
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.usefixtures("holes")
def test_what_became_of_a_commit_is_found_out(
    site: Site, server: OwnServer, cut: Cut, harm: Harm
) -> None:
    """The server frees what the dead session held, so that the history can be asked."""
    events: list[Event] = []
    started = time.monotonic()
    lost = None
    with harmful_proxy(server.tcp_url + QUICK, marker="VALUES (2)", cut=cut, harm=harm) as url:
        try:
            site.project(url=url).up(on_event=events.append)
        except banister.DatabaseError as error:
            lost = error
    assert time.monotonic() - started < NOTICED_WITHIN
    if cut is Cut.AFTER:
        assert lost is None
        assert any(isinstance(event, Recovered) for event in events)
        assert witnesses(site) == [2, 3]
    if cut is Cut.BEFORE:
        assert lost is not None
        assert lost.code == "connection_lost"
        assert witnesses(site) == []

    site.up()

    assert witnesses(site) == [2, 3]
    assert site.applied() == ["001", "002", "003"]
    assert site.runner_locks() == 0


@pytest.mark.usefixtures("holes")
@pytest.mark.parametrize(("mode", "sleep"), [("", 60), ("-- banister: transaction=off\n", 3)])
def test_a_wire_that_goes_silent_while_a_statement_runs_ends_the_run_and_frees_the_lock(
    site: Site, server: OwnServer, mode: str, sleep: int
) -> None:
    """Inside a transaction the server ends the statement, outside it is let come to its end."""
    text = f"{mode}SELECT pg_sleep({{}});\nINSERT INTO witness VALUES (2);"
    site.write({"002_cut": text.format(sleep)})
    started = time.monotonic()
    with (
        harmful_proxy(
            server.tcp_url + QUICK,
            marker="pg_sleep",
            trigger="pg_sleep",
            cut=Cut.DURING,
            harm=silently,
        ) as url,
        pytest.raises(banister.MigrationFailed) as caught,
    ):
        site.project(url=url).up(together=False)
    assert time.monotonic() - started < NOTICED_WITHIN
    assert caught.value.hint is not None
    assert "connection" in caught.value.hint
    assert "correct the file" not in caught.value.hint
    site.write({"002_cut": text.format(0)})

    site.up()

    assert time.monotonic() - started < NOTICED_WITHIN

    assert witnesses(site) == [2, 3]


def test_a_stall_is_waited_out(site: Site, server: OwnServer) -> None:
    """A proxy that passes nothing on for a while is alive: TCP says so."""

    def stall(wire: Wire) -> None:
        time.sleep(2)
        wire.struck.clear()

    with harmful_proxy(
        server.tcp_url + QUICK, marker="VALUES (2)", cut=Cut.BEFORE, harm=stall
    ) as url:
        site.project(url=url).up(together=False)
    assert witnesses(site) == [2, 3]


def test_an_outcome_is_unknown_only_where_nobody_can_be_asked(
    site: Site, server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banister.runner.settling._RECONNECT_WITHIN", 0.2)
    with (
        harmful_proxy(
            server.tcp_url + QUICK, marker="VALUES (2)", cut=Cut.AFTER, harm=reset, gone=True
        ) as url,
        pytest.raises(banister.OutcomeUnknown) as caught,
    ):
        site.project(url=url).up(together=False)
    assert caught.value.exit_code == 4
    site.up()
    assert witnesses(site) == [2, 3]


def test_the_defaults_of_both_ends_notice_in_time_and_the_url_overrides_them(
    site: Site, server: OwnServer
) -> None:
    for query, expected in (("", [5, 5, 3, 15000]), (QUICK, [1, 1, 1, 1500])):
        project = site.project(url=server.tcp_url + query)
        with project.engine() as engine:
            assert isinstance(engine, PostgresEngine)
            list(engine.lock(wait_seconds=1))
            connection = engine._session.connection
            with socket.socket(fileno=connection.fileno()) as wire:
                options = (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
                ours = [wire.getsockopt(socket.IPPROTO_TCP, option) for option in options]
                wire.detach()
            theirs = [
                connection.execute("SELECT current_setting(%s)::int", (f"tcp_{name}",)).fetchall()[
                    0
                ][0]
                for name in (
                    "keepalives_idle",
                    "keepalives_interval",
                    "keepalives_count",
                    "user_timeout",
                )
            ]
        idle, interval, count, user_timeout = ours
        assert ours == expected
        assert idle + interval * count <= NOTICED_WITHIN
        assert user_timeout <= NOTICED_WITHIN * 1000
        assert theirs == expected


def test_rows_that_the_server_takes_its_time_over_do_not_count_as_a_dead_wire(
    site: Site, server: OwnServer
) -> None:
    """Linux counts a full buffer at the other end toward tcp_user_timeout."""
    rows = ("x" * 1000 + "\n") * 20_000
    site.write(
        {
            "002_cut": "CREATE TABLE big (t text);\n"
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(2.2); RETURN NULL; END $$;\n"
            "CREATE TRIGGER slow BEFORE INSERT ON big EXECUTE FUNCTION slow();\n"
            f"COPY big FROM stdin;\n{rows}\\.\n"
        }
    )
    site.up(url=server.tcp_url + QUICK)
    assert site.value("SELECT count(*) FROM big") == 20_000
