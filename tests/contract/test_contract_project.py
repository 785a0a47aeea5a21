"""What every function of a project promises, the same on every engine."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from contract_kit import Place

import banister
from banister import DatabaseError, FindingsError, HistoryError, MigrationFailed, UsageError
from banister.model import (
    Event,
    NothingToDo,
    Planned,
    RunFinished,
    Skipped,
    StatementDone,
    StepDone,
    StepFailed,
    StepStarted,
)
from servers import AnyDatabase

THREE = {
    "001_a.up": "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);\n",
    "001_a.down": "DROP TABLE a;\n",
    "002_b.up": "CREATE TABLE b (id int PRIMARY KEY);\n",
    "002_b.down": "DROP TABLE b;\n",
    "003_c.up": "CREATE TABLE c (id int PRIMARY KEY);\n",
    "003_c.down": "DROP TABLE c;\n",
}
OURS = {"schema_migrations", "schema_migrations_log"}


@pytest.fixture
def place(any_database: AnyDatabase, tmp_path: Path) -> Place:
    """Three migrations and an empty database."""
    made = Place(root=tmp_path, database=any_database)
    made.write(THREE)
    return made


def told(run: Callable[..., object], **options: object) -> list[Event]:
    """What a run tells."""
    events: list[Event] = []
    run(on_event=events.append, **options)
    return events


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def broken(place: Place) -> MigrationFailed:
    """Run up over a 002 that fails in its middle."""
    place.write(
        {"002_b.up": "CREATE TABLE b (id int);\r\n-- grüße\r\n  INSERT INTO nope VALUES (1);\r\n"}
    )
    with pytest.raises(MigrationFailed) as caught:
        place.project().up()
    return caught.value


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
        "SELECT duration_ms, who, host, direction FROM schema_migrations_log"
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
        "Planned",
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
    assert isinstance(events[0], Planned)
    assert isinstance(events[-1], RunFinished)
    assert len(events[-1].steps) == 2


def test_down_tells_the_same_without_rows(place: Place) -> None:
    place.project().up()
    events = told(place.project().down)
    assert names(events) == ["Planned", "StepStarted", "StatementDone", "StepDone", "RunFinished"]
    assert [e.row for e in events if isinstance(e, StepDone)] == [None]


def test_with_nothing_pending_nothing_is_written(place: Place) -> None:
    project = place.project()
    project.up()
    before = place.fingerprint()
    events = told(project.up)
    assert names(events) == ["NothingToDo", "RunFinished"]
    assert isinstance(events[0], NothingToDo)
    assert place.fingerprint() == before


def test_with_nothing_applied_nothing_is_written_by_a_down(place: Place) -> None:
    events = told(place.project().down)
    assert names(events) == ["NothingToDo", "RunFinished"]
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
    (planned, *_) = told(place.project().down)
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
    assert names(told(place.project().up)) == ["NothingToDo", "RunFinished"]


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
    assert error.failure.sqlstate
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


# Tags


DEMO = {
    "002_demo.up": "-- banister: tags=demo\nINSERT INTO a VALUES (2);\n",
    "002_demo.down": "DELETE FROM a WHERE id = 2;\n",
}


@pytest.fixture
def demo(place: Place) -> Place:
    """The same with demo data instead of the second."""
    place.remove("002_b.up", "002_b.down")
    place.write(DEMO)
    return place


def test_a_skip_is_recorded_once(demo: Place) -> None:
    project = demo.project(skip_tags=["demo"])
    events = told(project.up)
    assert [e.migration.label for e in events if isinstance(e, Skipped)] == ["002_demo"]
    assert demo.history() == ["001", "003"]
    assert names(told(project.up)) == ["NothingToDo", "RunFinished"]
    assert demo.events().count(("skipped", "002")) == 1
    assert [row.state.value for row in project.status().rows] == ["applied", "skipped", "applied"]


def test_what_was_skipped_is_never_out_of_order_later(demo: Place) -> None:
    demo.project(skip_tags=["demo"]).up()
    finished = demo.project().up()
    assert [step.label for step in finished.steps] == ["002_demo"]
    assert demo.rows("SELECT id FROM a ORDER BY id") == [(1,), (2,)]
    demo.project().down()
    with pytest.raises(FindingsError):
        demo.project().up()


def test_a_skip_alone_is_recorded_too(demo: Place) -> None:
    demo.remove("003_c.up", "003_c.down")
    demo.project().up(to="1")
    project = demo.project(skip_tags=["demo"])
    assert names(told(project.up)) == ["Planned", "Skipped", "RunFinished"]
    assert names(told(project.up)) == ["NothingToDo", "RunFinished"]


# Baseline, edits accepted


def test_baseline_records_and_runs_nothing(place: Place) -> None:
    place.run("CREATE TABLE a (id int)", "CREATE TABLE b (id int)")
    rows = place.project().baseline("2")
    assert [row.version.text for row in rows] == ["001", "002"]
    assert place.history() == ["001", "002"]
    assert place.events() == [("baselined", "001"), ("baselined", "002")]
    assert place.rows("SELECT count(*) FROM a") == [(0,)]
    place.project().up()
    assert place.tables() == {"a", "b", "c"} | OURS
    place.project().down(to="0")
    assert place.tables() == OURS


def test_baseline_leaves_alone_what_is_applied(place: Place) -> None:
    place.project().up(to="1")
    assert [row.version.text for row in place.project().baseline("3")] == ["002", "003"]
    assert place.project().baseline("3") == ()
    assert [event for event, _ in place.events()] == ["applied", "baselined", "baselined"]


def test_baseline_of_no_version_is_refused(place: Place) -> None:
    with pytest.raises(UsageError):
        place.project().baseline("9")
    assert place.tables() == set()


def test_an_accepted_edit_is_the_truth_from_then_on(place: Place) -> None:
    project = place.project()
    project.up()
    ((before,),) = place.rows("SELECT applied_at FROM schema_migrations WHERE version = '001'")
    place.write({"001_a.up": "SELECT 'edited';\n", "001_a.down": "DROP TABLE a; -- and more\n"})
    with pytest.raises(FindingsError):
        project.up()
    row = project.accept_edit("1")
    (migration, *_) = project.folder().migrations
    assert migration.down is not None
    assert (row.version.text, row.up_checksum) == ("001", migration.up.checksum)
    assert row.duration_ms is not None
    assert row.applied_at is not None
    stored = place.rows(
        "SELECT up_checksum, down_checksum, down_text, applied_at FROM schema_migrations "
        "WHERE version = '001'"
    )
    assert stored == [
        (migration.up.checksum, migration.down.checksum, "DROP TABLE a; -- and more\n", before)
    ]
    assert place.events()[-1] == ("edit_accepted", "001")
    assert names(told(project.up)) == ["NothingToDo", "RunFinished"]


def test_an_accepted_renaming_is_the_name_from_then_on(place: Place) -> None:
    place.project().up()
    place.remove("003_c.up", "003_c.down")
    place.write({"003_better.up": THREE["003_c.up"]})
    with pytest.raises(FindingsError):
        place.project().up()
    place.project().accept_edit("003")
    assert place.rows("SELECT name, down_text FROM schema_migrations WHERE version = '003'") == [
        ("better", "DROP TABLE c;\n")
    ]
    assert place.project().status().findings == place.project().folder().findings


@pytest.mark.parametrize("version", ["2", "9"])
def test_only_an_applied_edit_can_be_accepted(place: Place, version: str) -> None:
    place.project().up(to="1")
    with pytest.raises(UsageError):
        place.project().accept_edit(version)
    assert place.events() == [("applied", "001")]


def test_an_edit_whose_file_is_gone_cannot_be_accepted(place: Place) -> None:
    place.project().up()
    place.remove("001_a.up", "001_a.down")
    with pytest.raises(UsageError, match="no file"):
        place.project().accept_edit("001")


# The history table belongs to Banister


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE schema_migrations;",
        "DROP TABLE schema_migrations_log;",
        "ALTER TABLE schema_migrations RENAME TO old;",
        "ALTER TABLE schema_migrations_log RENAME TO old;",
        "DROP TABLE schema_migrations; CREATE TABLE schema_migrations (version text PRIMARY KEY);",
    ],
)
@pytest.mark.parametrize("directive", ["", "-- banister: transaction=off\n"])
def test_a_migration_that_gets_at_the_history_is_refused_and_leaves_nothing(
    place: Place, text: str, directive: str
) -> None:
    place.write({"002_b.up": f"{directive}{text}"})
    with pytest.raises(MigrationFailed) as caught:
        place.project().up()
    assert "history table" in caught.value.message
    assert caught.value.version == "002"
    assert caught.value.location is not None
    assert place.history() == ["001"]
    assert place.events()[-1] == ("failed", "002")
    assert place.tables() == {"a"} | OURS


def test_another_table_of_that_name_elsewhere_is_the_applications_own(place: Place) -> None:
    text = "CREATE TABLE my_schema_migrations (version int); DROP TABLE my_schema_migrations;"
    place.write({"002_b.up": text})
    place.project().up()
    assert len(place.history()) == 3


def test_the_history_may_have_another_name(place: Place) -> None:
    place.project(history_table="my history").up()
    assert place.rows('SELECT version FROM "my history" ORDER BY version') == [
        ("001",), ("002",), ("003",),
    ]  # fmt: skip
    assert place.rows('SELECT count(*) FROM "my history_log"') == [(3,)]


def test_a_table_without_a_unique_key_is_refused_with_the_sql(place: Place) -> None:
    place.run("CREATE TABLE schema_migrations (version text, name text, applied_at timestamp)")
    before = place.fingerprint()
    for function in (place.project().status, place.project().plan, place.project().up):
        with pytest.raises(HistoryError) as caught:
            function()
        assert "unique key" in caught.value.message
    assert place.fingerprint() == before
    place.run((caught.value.hint or "").rstrip(";"))
    place.project().up()
    assert place.history() == ["001", "002", "003"]


def test_a_table_without_our_three_columns_is_refused(place: Place) -> None:
    place.run("CREATE TABLE schema_migrations (version text PRIMARY KEY, dirty boolean)")
    with pytest.raises(HistoryError, match="no column name, applied_at"):
        place.project().up()


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


def test_errors_of_one_family_are_caught_by_one_name(place: Place) -> None:
    assert isinstance(broken(place), DatabaseError)
