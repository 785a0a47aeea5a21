"""Skips, baselines, accepted edits and the history table, the same on every engine."""

import pytest
from contract_kit import OURS, THREE, Place, names, place, told

from banister import FindingsError, HistoryError, MigrationFailed, UsageError
from banister.model import Skipped

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
    assert names(told(project.up)) == ["Connected", "NothingToDo", "RunFinished"]
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
    assert names(told(project.up)) == ["Connected", "Planned", "Skipped", "RunFinished"]
    assert names(told(project.up)) == ["Connected", "NothingToDo", "RunFinished"]


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
    assert names(told(project.up)) == ["Connected", "NothingToDo", "RunFinished"]


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
    events = place.rows('SELECT event FROM "my history_log" ORDER BY id')
    assert events == [("applied",)] * 3 + [("snapshot",)]


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
