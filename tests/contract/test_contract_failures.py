"""Where files and database differ, and what a failed run leaves, the same on every engine."""

import pytest
from contract_kit import OURS, THREE, Place, names, place, told

from banister import DatabaseError, FindingsError, MigrationFailed
from banister.model import (
    Event,
    Planned,
    StatementDone,
    StepDone,
    StepFailed,
    StepStarted,
)


def broken(place: Place) -> MigrationFailed:
    """Run up over a 002 that fails in its middle."""
    place.write(
        {"002_b.up": "CREATE TABLE b (id int);\r\n-- grüße\r\n  INSERT INTO nope VALUES (1);\r\n"}
    )
    with pytest.raises(MigrationFailed) as caught:
        place.project().up()
    return caught.value


# Where files and database differ


def test_down_uses_the_kept_text_where_the_files_are_gone(place: Place) -> None:
    place.project().up()
    place.remove("003_c.up", "003_c.down", "002_b.down")
    finished = place.project().down(2)
    assert [step.script.from_file for step in finished.steps] == [False, False]
    assert place.tables() == {"a"} | OURS
    assert place.history() == ["001"]


def test_down_uses_the_file_where_it_differs_and_says_so(place: Place) -> None:
    place.project().up(to="1")
    place.write({"001_a.down": "CREATE TABLE instead (id int);\nDROP TABLE a;\n"})
    (_, planned, *_) = told(place.project().down)
    assert isinstance(planned, Planned)
    assert "edited since" in planned.plan.steps[0].notes[0]
    assert place.tables() == {"instead"} | OURS


def test_an_irreversible_migration_refuses_before_anything_is_touched(place: Place) -> None:
    place.remove("002_b.down")
    place.project().up()
    before = place.fingerprint()
    with pytest.raises(FindingsError) as caught:
        place.project().down(3)
    assert "002_b" in caught.value.message
    assert place.fingerprint() == before


def test_findings_stop_an_up_before_anything_is_written(place: Place) -> None:
    place.project().up(to="1")
    place.write({"001_a.up": "SELECT 'edited';", "002_b.up": "SELECT 1; COMMIT;", "x.up": ""})
    before = place.fingerprint()
    with pytest.raises(FindingsError) as caught:
        place.project().up()
    assert {finding.code for finding in caught.value.findings} >= {
        "edited", "transaction_control", "bad_name",
    }  # fmt: skip
    assert caught.value.state == "nothing was run"
    assert place.fingerprint() == before


def test_a_name_that_begins_with_another_number_is_not_renamed(place: Place) -> None:
    place.write({"004_2024_report.up": "CREATE TABLE report (id int);"})
    place.project().up()
    assert place.project().status().findings == place.project().folder().findings
    assert names(told(place.project().up)) == ["Connected", "NothingToDo", "RunFinished"]


# Failures


def test_a_failure_leaves_nothing_of_itself_but_its_event(place: Place) -> None:
    broken(place)
    assert place.tables() == {"a"} | OURS
    assert place.history() == ["001"]
    assert place.events() == [("applied", "001"), ("failed", "002")]
    ((detail,),) = place.rows("SELECT detail FROM schema_migrations_log WHERE event = 'failed'")
    assert "nope" in detail


def test_a_failure_says_where_and_what_is_left(place: Place) -> None:
    error = broken(place)
    assert error.version == "002"
    assert (error.applied, error.pending) == (("001",), ("003",))
    assert error.location is not None
    assert error.location.path == "migrations/002_b.up.sql"
    assert error.location.line == 3
    assert error.location.column == 15
    assert error.location.source_line == "  INSERT INTO nope VALUES (1);"
    assert error.location.note == "up, statement 2 of 2"
    assert (error.failure.sqlstate is None) is place.is_sqlite
    assert (error.failure.sqlite_error is not None) is place.is_sqlite
    assert "nope" in error.failure.message
    assert error.state is not None
    assert "002 was rolled back whole" in error.state
    assert "001 stays applied" in error.state
    assert "the database is at 001" in error.state
    assert "2 pending" in error.state
    assert "banister up" in (error.hint or "")


def test_a_failure_is_told_last(place: Place) -> None:
    place.write({"002_b.up": "INSERT INTO nope VALUES (1);"})
    events: list[Event] = []
    with pytest.raises(MigrationFailed) as caught:
        place.project().up(on_event=events.append)
    assert names(events)[-2:] == ["StepStarted", "StepFailed"]
    assert isinstance(events[-1], StepFailed)
    assert events[-1].error is caught.value
    assert caught.value.applied == ("001",)


def test_a_late_failure_names_the_true_highest(place: Place) -> None:
    place.remove("001_a.up", "001_a.down", "002_b.up", "002_b.down")
    place.project().up()
    place.write({"001_a.up": THREE["001_a.up"], "002_b.up": "INSERT INTO nope VALUES (1);"})
    with pytest.raises(MigrationFailed) as caught:
        place.project().up(out_of_order=True)
    assert "the database is at 003" in (caught.value.state or "")


def test_the_corrected_file_runs_from_its_beginning(place: Place) -> None:
    broken(place)
    place.write({"002_b.up": THREE["002_b.up"]})
    place.project().up()
    assert place.history() == ["001", "002", "003"]


def test_a_down_that_fails_leaves_the_migration_applied(place: Place) -> None:
    place.project().up()
    place.write({"002_b.down": "DROP TABLE b;\nDROP TABLE nope;\n"})
    with pytest.raises(MigrationFailed) as caught:
        place.project().down(3)
    error = caught.value
    assert (error.version, error.applied, error.pending) == ("002", ("003",), ("001",))
    assert "003 stays rolled back" in (error.state or "")
    assert "002 is still applied" in (error.state or "")
    assert place.tables() == {"a", "b"} | OURS
    assert place.history() == ["001", "002"]
    assert place.events()[-2:] == [("rolled_back", "003"), ("failed", "002")]


class Stopped(Exception):
    """What a caller's own code may raise."""


@pytest.mark.parametrize(
    ("kind", "history"),
    [(Planned, []), (StepStarted, []), (StatementDone, []), (StepDone, ["001"])],
)
def test_an_exception_in_the_callback_rolls_the_running_step_back(
    place: Place, kind: type[Event], history: list[str]
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, kind):
            raise Stopped

    with pytest.raises(Stopped):
        place.project().up(on_event=stop)
    tables = place.tables()
    assert tables - OURS == ({"a"} if history else set())
    assert (place.history() if tables else []) == history
    place.project().up()
    assert place.history() == ["001", "002", "003"]


def test_errors_of_one_family_are_caught_by_one_name(place: Place) -> None:
    assert isinstance(broken(place), DatabaseError)
