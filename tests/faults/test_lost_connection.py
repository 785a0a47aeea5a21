"""A connection that is cut around COMMIT ends in the truth: the history decides."""

from pathlib import Path

import pytest
from proxy import Cut, cutting_proxy

import banister
from banister.model import Event, Recovered, StepDone
from postgres_kit import Site, SiteMaker
from servers import PostgresDatabase

FILES = {
    "001_table": "CREATE TABLE witness (id int);",
    "002_cut": "INSERT INTO witness VALUES (2); -- here",
    "003_behind": "INSERT INTO witness VALUES (3);",
}


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return SiteMaker(tmp_path)(postgres, FILES)


def witnesses(site: Site) -> list[int]:
    return [number for (number,) in site.rows("SELECT id FROM witness ORDER BY id")]


def test_an_answer_that_is_lost_after_commit_changes_nothing_for_the_run(site: Site) -> None:
    events: list[Event] = []
    with cutting_proxy(site.database.url, marker="VALUES (2)", cut=Cut.AFTER) as url:
        site.project(url=url).up(on_event=events.append)

    assert witnesses(site) == [2, 3]
    assert site.applied() == ["001", "002", "003"]
    assert [event.step.version.text for event in events if isinstance(event, StepDone)] == [
        "001",
        "002",
        "003",
    ]
    assert ["took place" in event.message for event in events if isinstance(event, Recovered)] == [
        True
    ]


def test_a_commit_that_never_arrived_is_told_and_the_next_run_does_the_work(site: Site) -> None:
    with (
        cutting_proxy(site.database.url, marker="VALUES (2)", cut=Cut.BEFORE) as url,
        pytest.raises(banister.DatabaseError) as caught,
    ):
        site.project(url=url).up(together=False)
    assert caught.value.code == "connection_lost"
    assert caught.value.exit_code == 1
    assert caught.value.state is not None
    assert "did not take place" in caught.value.state
    assert witnesses(site) == []
    assert site.applied() == ["001"]

    site.up()

    assert witnesses(site) == [2, 3]


@pytest.mark.parametrize("attempt", range(5))
def test_a_cut_in_the_middle_of_commit_runs_nothing_twice(site: Site, attempt: int) -> None:
    with cutting_proxy(site.database.url, marker="VALUES (2)", cut=Cut.DURING) as url:
        try:
            site.project(url=url).up(together=False)
        except banister.MigrationFailed as error:
            # The answer was faster than the cut, which then met what came behind the COMMIT.
            assert error.version == "003"  # noqa: PT017 -- each end is right
            assert site.applied() == ["001", "002"]
        except banister.DatabaseError as error:
            assert error.code == "connection_lost"  # noqa: PT017 -- each end is right

    site.up()

    assert witnesses(site) == [2, 3]
    assert site.applied() == ["001", "002", "003"]


def test_an_outcome_that_cannot_be_looked_up_has_an_error_of_its_own(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banister.runner.settling._RECONNECT_WITHIN", 0.1)
    with (
        cutting_proxy(site.database.url, marker="VALUES (2)", cut=Cut.AFTER, gone=True) as url,
        pytest.raises(banister.OutcomeUnknown) as caught,
    ):
        site.project(url=url).up(together=False)

    assert caught.value.exit_code == 4
    assert caught.value.hint is not None
    assert "banister status" in caught.value.hint
    assert site.applied() == ["001", "002"]
