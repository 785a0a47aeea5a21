"""Runs that send several migrations at once, cut off anywhere: none is lost, none is run twice."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cut_off import start_run
from oracles import next_run, told
from own_server import OwnServer, Shutdown, own_server
from proxy import Cut, hang_up, harmful_proxy, reset

import banister
from banister.failpoints import FailPoint
from banister.model import Event, StepDone
from postgres_kit import Site, SiteMaker, wait_until
from servers import PostgresDatabase

COUNT = 12
#: Each leaves a witness of every time that it ran to its end.
FILES = {
    "001_witness": "CREATE TABLE witness (n int, note text);\nCREATE SEQUENCE begun;",
    **{
        f"{n:03}_step": f"CREATE TABLE t{n} (id int);\nINSERT INTO witness VALUES ({n}, 'x');"
        for n in range(2, COUNT + 1)
    },
}
DOWNS = {
    f"{n:03}_step.down": f"DROP TABLE t{n};\nDELETE FROM witness WHERE n = {n};"
    for n in range(2, COUNT + 1)
}
VERSIONS = [f"{n:03}" for n in range(1, COUNT + 1)]
LOST = "connection|lost|closed|terminat"
TOGETHER = [FailPoint.BEFORE_TOGETHER, FailPoint.IN_TOGETHER, FailPoint.TOGETHER_ANSWERED]


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return SiteMaker(tmp_path)(postgres, {**FILES, **DOWNS})


def whole(site: Site) -> None:
    """Fail unless history, log and database tell the same, and it is a beginning of the files."""
    site.wait_until_gone()
    applied = site.applied()
    assert applied == VERSIONS[: len(applied)]
    if not site.exists("witness"):
        assert applied == []
        return
    witnesses = [n for (n,) in site.rows("SELECT n FROM witness ORDER BY n")]
    assert witnesses == list(range(2, len(applied) + 1))
    tables = site.value("SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'")
    assert tables == len(witnesses)
    assert [version for event, version, _ in site.log() if event == "applied"] == applied


def finished(site: Site) -> None:
    """Fail unless one plain next run brings the rest."""
    whole(site)
    assert next_run(site.project()) is None
    whole(site)
    assert site.applied() == VERSIONS


@pytest.mark.parametrize("nth", [1, 2, 7, COUNT])
@pytest.mark.parametrize("action", ["kill", "drop"])
@pytest.mark.parametrize("point", TOGETHER)
def test_a_run_that_ends_at_a_named_place(
    site: Site, point: FailPoint, action: str, nth: int
) -> None:
    if nth > 1 and point is not FailPoint.IN_TOGETHER:
        nth, point = 1, FailPoint.IN_TOGETHER
    run = start_run(site.project, site.root / "said", fail_point=f"{point}:{nth}:{action}")
    # Where the wire alone is cut the run finds out what became of them, and may go on.
    codes = {-signal.SIGKILL} if action == "kill" else {0, 1}
    assert told(run.wait(), exit_codes=codes, cause=LOST) is None
    finished(site)


def test_a_rollback_that_ends_in_the_middle(site: Site) -> None:
    site.up()
    run = start_run(
        site.project,
        site.root / "said",
        fail_point=f"{FailPoint.IN_TOGETHER}:5:kill",
        carry_out=lambda project: project.down(to="001"),
    )
    assert told(run.wait(), exit_codes={-signal.SIGKILL}, cause="never") is None
    site.wait_until_gone()
    applied = site.applied()
    assert applied == VERSIONS[: len(applied)]
    assert site.rows("SELECT n FROM witness ORDER BY n") == [
        (n,) for n in range(2, len(applied) + 1)
    ]
    site.project().down(to="001")
    assert site.applied() == ["001"]
    site.project().up()
    assert site.applied() == VERSIONS


@pytest.mark.parametrize("harm", [reset, pytest.param(hang_up, marks=pytest.mark.everything)])
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("n", [2, 6, COUNT])
def test_a_wire_that_is_cut_is_settled_by_the_history(
    site: Site, cut: Cut, n: int, harm: object
) -> None:
    events: list[Event] = []
    marker = f"INSERT INTO witness VALUES ({n}"
    with harmful_proxy(
        site.database.url,
        marker=marker,
        trigger=marker,
        cut=cut,
        harm=harm,  # type: ignore[arg-type]
    ) as url:
        try:
            site.project(url=url).up(on_event=events.append, together=True)
        except banister.DatabaseError as error:
            assert error.code == "connection_lost"  # noqa: PT017 -- either end is right
            assert "did not take place" in str(error.state)  # noqa: PT017
    done = [event.step.version.text for event in events if isinstance(event, StepDone)]
    site.wait_until_gone()
    assert done == site.applied()
    finished(site)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.mark.parametrize(
    "moment",
    [
        0.02,
        *(pytest.param(each, marks=pytest.mark.everything) for each in (0.0, 0.01, 0.03, 0.05)),
    ],
)
@pytest.mark.parametrize("how", ["crash", "terminate", "stop"])
def test_a_server_that_goes_away_takes_back_whole_migrations(
    server: OwnServer, tmp_path: Path, how: str, moment: float
) -> None:
    """Also what was committed and not yet on the disk: nobody was told of it."""
    slow = {name: f"SELECT pg_sleep(0.005);\n{text}" for name, text in FILES.items()}
    site = SiteMaker(tmp_path)(server.database, slow)
    site.rows("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    events: list[Event] = []

    def strike() -> None:
        wait_until(
            lambda: bool(
                site.rows(
                    "SELECT pid FROM pg_stat_activity "
                    "WHERE query ~ 'pg_sleep' AND pid <> pg_backend_pid()"
                )
            ),
            "a migration that runs",
        )
        time.sleep(moment)
        if how == "terminate":
            site.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
                "'banister' AND pid <> pg_backend_pid()"
            )
        else:
            server.restart(Shutdown.IMMEDIATE if how == "crash" else Shutdown.FAST)

    striking = threading.Thread(target=strike)
    striking.start()
    try:
        site.project().up(on_event=events.append, together=True)
    except banister.DatabaseError as error:
        assert error.code in {"connection_lost", "migration_failed"}  # noqa: PT017
    finally:
        striking.join()
    site.wait_until_gone()
    done = [event.step.version.text for event in events if isinstance(event, StepDone)]
    assert done == site.applied()
    finished(site)
