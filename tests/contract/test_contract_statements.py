"""Migrations outside a transaction: a journal, and a next run that goes on at the right place."""

from pathlib import Path

import pytest
from contract_kit import Place

from banister import FindingsError, MigrationFailed
from banister.model import Event, Planned, StatementDone, StepFailed
from servers import AnyDatabase

OFF = "-- banister: transaction=off\n"
FIRST, SECOND, THIRD = (f"INSERT INTO witness VALUES ({number});\n" for number in (1, 2, 3))
WRONG = "  INSERT INTO nope VALUES (2);\n"


@pytest.fixture
def place(any_database: AnyDatabase, tmp_path: Path) -> Place:
    """A witness table, applied, and a 003 behind what the test adds."""
    made = Place(root=tmp_path, database=any_database)
    made.write({"001_witness.up": "CREATE TABLE witness (id int);"})
    made.write({"003_c.up": "CREATE TABLE c (id int);", "003_c.down": "DROP TABLE c;"})
    made.project().up(to="1")
    return made


def witnessed(place: Place) -> list[int]:
    return [number for (number,) in place.rows("SELECT id FROM witness ORDER BY id")]


def journal(place: Place, version: str = "002") -> list[tuple[str, int | None]]:
    rows = place.rows(
        f"SELECT event, statement FROM schema_migrations_log WHERE version = '{version}' "
        "ORDER BY id"
    )
    return [(event, statement) for event, statement in rows]


def stopped(place: Place, *texts: str) -> MigrationFailed:
    """Run up over a 002 of these statements, of which one fails."""
    place.write({"002_b.up": OFF + "".join(texts)})
    with pytest.raises(MigrationFailed) as caught:
        place.project().up()
    return caught.value


def test_every_statement_commits_with_its_event(place: Place) -> None:
    place.write({"002_b.up": OFF + FIRST + SECOND})
    place.project().up()
    assert journal(place) == [
        ("started", None), ("statement_done", 1), ("statement_done", 2), ("applied", None),
    ]  # fmt: skip
    assert witnessed(place) == [1, 2]
    assert place.history() == ["001", "002", "003"]


def test_what_was_committed_stays_seen_by_others_while_it_runs(place: Place) -> None:
    place.write({"002_b.up": OFF + FIRST + SECOND})
    seen: list[list[int]] = []

    def look(event: Event) -> None:
        if isinstance(event, StatementDone) and event.step.version.text == "002":
            seen.append(witnessed(place))

    place.project().up(on_event=look)
    assert seen == [[1], [1, 2]]


def test_a_failure_keeps_what_is_done_and_says_so(place: Place) -> None:
    error = stopped(place, FIRST, WRONG, THIRD)
    assert witnessed(place) == [1]
    assert place.history() == ["001"]
    assert journal(place) == [("started", None), ("statement_done", 1), ("failed", None)]
    assert (error.state or "").startswith("the statements before it are kept")
    assert error.pending == ("003",)
    assert error.location is not None
    assert (error.location.line, error.location.column) == (3, 15)
    assert error.location.note == "up, statement 2 of 3"


def test_where_the_first_statement_fails_nothing_is_said_to_be_kept(place: Place) -> None:
    error = stopped(place, WRONG, THIRD)
    assert (error.state or "").startswith("no statement of 002 was carried out; ")
    assert witnessed(place) == []


def test_what_an_earlier_run_has_kept_is_still_kept_when_the_next_one_fails(place: Place) -> None:
    stopped(place, FIRST, WRONG)
    error = stopped(place, FIRST, WRONG)
    assert (error.state or "").startswith("the statements before it are kept")


def test_status_tells_a_half_done_migration_and_it_blocks_a_down(place: Place) -> None:
    stopped(place, FIRST, WRONG)
    states = [row.state.value for row in place.project().status().rows]
    assert states == ["applied", "unfinished", "pending"]
    place.write({"001_witness.down": "DROP TABLE witness;"})
    with pytest.raises(FindingsError) as caught:
        place.project().down()
    assert "unfinished" in {finding.code for finding in caught.value.findings}
    assert witnessed(place) == [1]


def test_the_next_run_goes_on_at_the_corrected_statement(place: Place) -> None:
    stopped(place, FIRST, WRONG, THIRD)
    place.write({"002_b.up": OFF + FIRST + SECOND + THIRD})
    events: list[Event] = []
    place.project().up(on_event=events.append)
    planned = next(event for event in events if isinstance(event, Planned))
    assert planned.plan.steps[0].done == 1
    assert "resumes at statement 2" in planned.plan.steps[0].notes[0]
    done = [e.number for e in events if isinstance(e, StatementDone)]
    assert done == [2, 3, 1]
    assert witnessed(place) == [1, 2, 3]
    assert place.history() == ["001", "002", "003"]
    assert journal(place).count(("statement_done", 1)) == 1


def test_the_row_holds_the_text_as_it_was_finished(place: Place) -> None:
    stopped(place, FIRST, WRONG)
    place.write({"002_b.up": OFF + FIRST + SECOND})
    project = place.project()
    project.up()
    checksum = project.folder().migrations[1].up.checksum
    assert place.rows("SELECT up_checksum FROM schema_migrations WHERE version = '002'") == [
        (checksum,)
    ]
    assert project.up().steps == ()


def test_it_can_fail_again_and_again(place: Place) -> None:
    stopped(place, FIRST, WRONG)
    stopped(place, FIRST, SECOND, WRONG)
    assert witnessed(place) == [1, 2]
    place.write({"002_b.up": OFF + FIRST + SECOND + THIRD})
    place.project().up()
    assert witnessed(place) == [1, 2, 3]


def test_a_finished_statement_must_not_be_edited(place: Place) -> None:
    stopped(place, FIRST, WRONG)
    place.write({"002_b.up": OFF + SECOND + THIRD})
    with pytest.raises(FindingsError) as caught:
        place.project().up()
    assert [finding.code for finding in caught.value.findings if finding.severity == "error"] == [
        "unfinished_edited"
    ]
    assert witnessed(place) == [1]


def test_where_nothing_was_done_the_file_may_be_anything_now(place: Place) -> None:
    stopped(place, WRONG)
    place.write({"002_b.up": FIRST + SECOND})
    place.project().up()
    assert witnessed(place) == [1, 2]
    assert place.history() == ["001", "002", "003"]


def test_stopping_between_statements_is_resumed_behind_what_is_done(place: Place) -> None:
    place.write({"002_b.up": OFF + FIRST + SECOND + THIRD})

    class Stopped(Exception):
        pass

    def stop(event: Event) -> None:
        if isinstance(event, StatementDone) and event.number == 2:
            raise Stopped

    with pytest.raises(Stopped):
        place.project().up(on_event=stop)
    assert witnessed(place) == [1, 2]
    place.project().up()
    assert witnessed(place) == [1, 2, 3]


def test_a_down_outside_a_transaction_is_resumed_too(place: Place) -> None:
    place.write({"002_b.up": FIRST + SECOND})
    place.project().up(to="2")
    one, two = (f"DELETE FROM witness WHERE id = {number};\n" for number in (1, 2))
    place.write({"002_b.down": OFF + two + WRONG + one})
    with pytest.raises(MigrationFailed):
        place.project().down()
    assert place.history() == ["001", "002"]
    assert witnessed(place) == [1]
    with pytest.raises(FindingsError):
        place.project().up()
    place.write({"002_b.down": OFF + two + one})
    place.project().down()
    assert place.history() == ["001"]
    assert witnessed(place) == []
    assert journal(place)[-1] == ("rolled_back", None)


def test_up_again_after_such_a_down_starts_anew(place: Place) -> None:
    place.write({"002_b.up": OFF + FIRST + SECOND, "002_b.down": OFF + "DELETE FROM witness;"})
    project = place.project()
    project.up(to="2")
    project.down()
    project.up(to="2")
    assert witnessed(place) == [1, 2]
    assert [event for event, _ in journal(place)].count("started") == 3


def test_a_lone_statement_that_refuses_transactions_runs_and_is_recorded(place: Place) -> None:
    place.write({"002_vacuum.up": "VACUUM;"})
    place.project().up()
    assert journal(place) == [
        ("started", None), ("statement_started", 1), ("statement_done", 1), ("applied", None),
    ]  # fmt: skip


def test_beside_others_it_is_refused_before_anything_runs(place: Place) -> None:
    place.write({"002_vacuum.up": FIRST + "VACUUM;"})
    with pytest.raises(FindingsError) as caught:
        place.project().up()
    assert "refuses_transaction" in {finding.code for finding in caught.value.findings}
    assert witnessed(place) == []


def test_a_failure_outside_a_transaction_is_told_last(place: Place) -> None:
    place.write({"002_b.up": OFF + WRONG})
    events: list[Event] = []
    with pytest.raises(MigrationFailed):
        place.project().up(on_event=events.append)
    assert isinstance(events[-1], StepFailed)
