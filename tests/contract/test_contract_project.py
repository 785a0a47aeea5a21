"""What every function of a project promises, the same on every engine."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from contract_kit import OURS, THREE, Place, names, place, told

import banister
from banister import FindingsError, UsageError
from banister.model import (
    Connected,
    NothingToDo,
    Planned,
    RunFinished,
    StatementDone,
    StepDone,
    StepStarted,
)

# Reads


def test_reads_create_and_change_nothing(place: Place) -> None:
    project = place.project()
    before = place.fingerprint()
    assert [row.state.value for row in project.status().rows] == ["pending"] * 3
    assert len(project.plan().plan.steps) == 3
    assert project.plan_down().plan.steps == ()
    assert project.lint() == ()
    assert place.fingerprint() == before
    assert place.tables() == set()


def test_reads_of_a_migrated_database_change_nothing(place: Place) -> None:
    project = place.project()
    project.up(to="2")
    before = place.fingerprint()
    assert [row.state.value for row in project.status().rows] == ["applied", "applied", "pending"]
    assert len(project.plan().plan.steps) == 1
    assert len(project.plan_down(2).plan.steps) == 2
    assert place.fingerprint() == before


def test_the_preview_is_the_run(place: Place) -> None:
    project = place.project()
    preview = project.plan()
    assert project.up().steps == preview.plan.steps
    down = project.plan_down(2)
    assert project.down(2).steps == down.plan.steps


def test_the_preview_names_the_database_and_never_a_password(place: Place) -> None:
    database = place.project().plan().database
    assert database is not None
    assert database.dialect is place.database.dialect
    assert database.server.startswith("SQLite" if place.is_sqlite else "PostgreSQL 18")


# Up and down


def test_up_applies_everything_in_order_with_its_records(place: Place) -> None:
    finished = place.project().up()
    assert [step.label for step in finished.steps] == ["001_a", "002_b", "003_c"]
    assert place.tables() == {"a", "b", "c"} | OURS
    assert place.history() == ["001", "002", "003"]
    assert place.events() == [("applied", "001"), ("applied", "002"), ("applied", "003")]
    assert place.rows("SELECT DISTINCT run_id FROM schema_migrations_log") == [(finished.run_id,)]


def test_a_row_holds_what_was_applied_and_how_to_undo_it(place: Place) -> None:
    (migration, *_) = place.project().folder().migrations
    place.project().up(to="1")
    assert migration.down is not None
    (row,) = place.rows(
        "SELECT version, name, up_checksum, down_checksum, down_text FROM schema_migrations"
    )
    assert row == ("001", "a", migration.up.checksum, migration.down.checksum, "DROP TABLE a;\n")
    ((duration, who, host, direction),) = place.rows(
        "SELECT duration_ms, who, host, direction FROM schema_migrations_log "
        "WHERE event = 'applied'"
    )
    assert duration >= 0
    assert who
    assert host
    assert direction == "up"


def test_up_stops_at_a_target_and_goes_on_from_there(place: Place) -> None:
    project = place.project()
    project.up(to="2")
    assert place.history() == ["001", "002"]
    project.up()
    assert place.history() == ["001", "002", "003"]


def test_the_order_of_application_is_strict(place: Place) -> None:
    place.write({f"{n:03}_many.up": f"CREATE TABLE m{n} (id int);" for n in range(4, 40)})
    place.project().up()
    times = [
        row[0] for row in place.rows("SELECT applied_at FROM schema_migrations ORDER BY version")
    ]
    assert len(times) == 39
    assert all(earlier < later for earlier, later in pairwise(times))


def test_events_come_in_their_order(place: Place) -> None:
    events = told(place.project().up, to="2")
    assert names(events) == [
        "Connected", "Planned",
        "StepStarted", "StatementDone", "StatementDone", "StepDone",
        "StepStarted", "StatementDone", "StepDone",
        "RunFinished",
    ]  # fmt: skip
    assert [(e.number, e.total) for e in events if isinstance(e, StepStarted)] == [(1, 2), (2, 2)]
    done = [(e.number, e.total) for e in events if isinstance(e, StatementDone)]
    assert done == [(1, 2), (2, 2), (1, 1)]
    rows = [e.row for e in events if isinstance(e, StepDone)]
    assert [row.version.text for row in rows if row is not None] == ["001", "002"]
    assert all(row is not None and row.applied_at is not None for row in rows)
    assert isinstance(events[0], Connected)
    assert isinstance(events[1], Planned)
    assert isinstance(events[-1], RunFinished)
    assert len(events[-1].steps) == 2


def test_down_tells_the_same_without_rows(place: Place) -> None:
    place.project().up()
    events = told(place.project().down)
    assert names(events) == [
        "Connected",
        "Planned",
        "StepStarted",
        "StatementDone",
        "StepDone",
        "RunFinished",
    ]
    assert [e.row for e in events if isinstance(e, StepDone)] == [None]


def test_with_nothing_pending_nothing_is_written(place: Place) -> None:
    project = place.project()
    project.up()
    before = place.fingerprint()
    events = told(project.up)
    assert names(events) == ["Connected", "NothingToDo", "RunFinished"]
    assert isinstance(events[1], NothingToDo)
    assert place.fingerprint() == before


def test_with_nothing_applied_nothing_is_written_by_a_down(place: Place) -> None:
    events = told(place.project().down)
    assert names(events) == ["Connected", "NothingToDo", "RunFinished"]
    assert place.tables() == set()


def test_down_removes_the_change_and_the_row_and_keeps_the_log(place: Place) -> None:
    project = place.project()
    project.up()
    finished = project.down()
    assert [step.label for step in finished.steps] == ["003_c"]
    assert place.tables() == {"a", "b"} | OURS
    assert place.history() == ["001", "002"]
    assert place.events()[-1] == ("rolled_back", "003")


def test_all_the_way_down_and_up_again(place: Place) -> None:
    project = place.project()
    project.up()
    project.down(to="0")
    assert place.tables() == OURS
    assert place.history() == []
    assert [event for event, _ in place.events()] == ["applied"] * 3 + ["rolled_back"] * 3
    assert [version for _, version in place.events()[3:]] == ["003", "002", "001"]
    project.up()
    assert place.history() == ["001", "002", "003"]


def test_down_goes_by_the_order_of_application(place: Place) -> None:
    place.remove("002_b.up", "002_b.down")
    place.project().up()
    place.write({name: THREE[name] for name in ("002_b.up", "002_b.down")})
    with pytest.raises(FindingsError) as caught:
        place.project().up()
    assert [finding.code for finding in caught.value.findings] == ["out_of_order"]
    place.project().up(out_of_order=True)
    assert place.history() == ["001", "003", "002"]
    assert [step.label for step in place.project().down(2).steps] == ["002_b", "003_c"]


@pytest.mark.parametrize("count", [0, -1])
def test_a_down_of_no_migrations_is_refused_also_as_a_preview(place: Place, count: int) -> None:
    place.project().up()
    for function in (place.project().down, place.project().plan_down):
        with pytest.raises(UsageError):
            function(count)
    assert len(place.history()) == 3


# Only what is named


def test_without_a_database_only_files_are_looked_at(place: Place) -> None:
    project = banister.open(root=place.root, environ={})
    assert project.target is None
    preview = project.plan()
    assert preview.database is None
    assert len(preview.plan.steps) == 3
    for function in (project.up, project.down, project.status):
        with pytest.raises(UsageError):
            function()


def test_new_files_get_the_next_number(place: Place) -> None:
    up, down = place.project().new("add things", now=datetime(2024, 1, 1, tzinfo=UTC))
    assert (up.name, down.name) == ("004_add_things.up.sql", "004_add_things.down.sql")
    place.project().up()
    assert place.history()[-1] == "004"
