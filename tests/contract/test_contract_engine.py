"""What every engine promises the runner."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from contract_kit import RUN, Place, carry_out, step_of

from banister.engines.base import Engine, HistoryChanged
from banister.errors import HistoryError, MigrationFailed
from banister.model import (
    AppliedMigration,
    Direction,
    History,
    LogEntry,
    LogEvent,
    StatementDone,
    TransactionMode,
    Version,
)
from servers import AnyDatabase

OURS = {"schema_migrations", "schema_migrations_log"}
MAKE = "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);"


@pytest.fixture
def place(any_database: AnyDatabase, tmp_path: Path) -> Place:
    (tmp_path / "migrations").mkdir()
    return Place(root=tmp_path, database=any_database)


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    """An engine that holds its lock."""
    with place.project().engine() as found:
        list(found.lock(wait_seconds=5))
        yield found


def test_an_empty_database_has_an_empty_history_and_looking_makes_nothing(place: Place) -> None:
    before = place.fingerprint()
    with place.project().engine() as engine:
        assert engine.read_history() == History(database_is_new=True)
        assert engine.read_history(stored_downs=True) == History(database_is_new=True)
        assert engine.unfit() is None
    assert place.fingerprint() == before


def test_a_database_with_a_table_is_not_new(place: Place) -> None:
    place.run("CREATE TABLE theirs (id int)")
    with place.project().engine() as engine:
        assert not engine.read_history().database_is_new


def test_the_database_is_named(engine: Engine, place: Place) -> None:
    assert engine.database.dialect is place.database.dialect
    assert engine.database.display
    assert engine.database.server_version[0] >= 3


def test_preparing_twice_is_preparing_once(engine: Engine, place: Place) -> None:
    engine.prepare()
    assert place.tables() == OURS
    columns, before = place.columns(), place.fingerprint()
    engine.prepare()
    assert place.columns() == columns
    with place.project().engine() as another:
        another.prepare()
    if not place.is_sqlite:
        assert place.fingerprint() == before


def test_reading_wants_no_preparing_after_an_apply(engine: Engine, place: Place) -> None:
    engine.prepare()
    carry_out(engine, step_of(place, "001_a", MAKE, down="DROP TABLE a;"))
    (row,) = engine.read_history().applied
    assert (row.version.text, row.name, row.down_text) == ("001", "a", None)
    assert row.applied_at is not None
    assert abs(row.applied_at - datetime.now(UTC)).total_seconds() < 3600
    (row,) = engine.read_history(stored_downs=True).applied
    assert row.down_text == "DROP TABLE a;"


def test_apply_returns_the_row_it_wrote(engine: Engine, place: Place) -> None:
    engine.prepare()
    step = step_of(place, "001_a", MAKE)
    events, row = carry_out(engine, step)
    assert events == [
        StatementDone(step=step, number=1, total=2), StatementDone(step=step, number=2, total=2),
    ]  # fmt: skip
    assert row is not None
    assert row == engine.read_history().applied[0]
    assert row.up_checksum == step.script.checksum


def test_the_change_and_its_records_are_one(engine: Engine, place: Place) -> None:
    engine.prepare()
    running = engine.apply(step_of(place, "001_a", MAKE), RUN, expected=frozenset(), seed=True)
    next(running)
    if not place.is_sqlite:
        assert place.tables() == OURS
        assert place.history() == []
    running.close()
    assert place.tables() == OURS
    assert place.history() == []
    assert place.events() == []
    list(engine.apply(step_of(place, "001_a", MAKE), RUN, expected=frozenset(), seed=True))
    assert place.tables() == OURS | {"a"}
    assert place.history() == ["001"]
    assert place.events() == [("applied", "001"), ("seeded", None)]
    assert engine.read_history().seeded is True


def test_a_decision_about_seeds_goes_with_a_failed_step(engine: Engine, place: Place) -> None:
    engine.prepare()
    wrong = step_of(place, "001_a", "INSERT INTO nope VALUES (1);")
    with pytest.raises(MigrationFailed):
        list(engine.apply(wrong, RUN, expected=frozenset(), seed=True))
    assert engine.read_history().seeded is None


def test_an_engine_goes_on_after_a_failed_step(engine: Engine, place: Place) -> None:
    engine.prepare()
    with pytest.raises(MigrationFailed):
        carry_out(engine, step_of(place, "001_a", "CREATE TABLE x (id int); SELECT * FROM nope;"))
    assert place.tables() == OURS
    carry_out(engine, step_of(place, "001_a", MAKE))
    assert place.history() == ["001"]


def test_a_down_removes_the_row_and_returns_none(engine: Engine, place: Place) -> None:
    engine.prepare()
    carry_out(engine, step_of(place, "001_a", MAKE))
    down = step_of(place, "001_a", "DROP TABLE a;")
    script = replace(down.script, direction=Direction.DOWN)
    _, row = carry_out(engine, replace(down, direction=Direction.DOWN, script=script), "1")
    assert row is None
    assert engine.read_history().applied == ()
    assert place.tables() == OURS


def test_a_history_that_changed_meanwhile_stops_the_step_whole(
    engine: Engine, place: Place
) -> None:
    engine.prepare()
    place.run(
        "INSERT INTO schema_migrations (version, name, applied_at) "
        "VALUES ('001', 'a', '2024-05-01 12:00:00')"
    )
    with pytest.raises(HistoryChanged):
        carry_out(engine, step_of(place, "001_a", MAKE))
    assert place.tables() == OURS
    assert [row.version.text for row in engine.read_history().applied] == ["001"]


def test_outside_a_transaction_a_changed_history_stops_it_before_its_first_statement(
    engine: Engine, place: Place
) -> None:
    engine.prepare()
    place.run(
        "INSERT INTO schema_migrations (version, name, applied_at) "
        "VALUES ('007', 'theirs', '2024-05-01 12:00:00')"
    )
    step = replace(step_of(place, "001_a", MAKE), mode=TransactionMode.STATEMENTS)
    with pytest.raises(HistoryChanged):
        carry_out(engine, step)
    assert place.tables() == OURS


def test_a_down_of_what_is_not_there_changes_nothing(engine: Engine, place: Place) -> None:
    engine.prepare()
    place.run("CREATE TABLE a (id int)")
    down = step_of(place, "001_a", "DROP TABLE a;")
    with pytest.raises(HistoryChanged):
        carry_out(engine, replace(down, direction=Direction.DOWN), "1")
    assert "a" in place.tables()


def entry(event: LogEvent, version: str) -> LogEntry:
    return LogEntry(event=event, version=Version(version), name="x")


def test_events_are_recorded_in_order_and_remembered(engine: Engine, place: Place) -> None:
    engine.prepare()
    engine.record([entry(LogEvent.SKIPPED, "002"), entry(LogEvent.SKIPPED, "001")], RUN)
    assert place.events() == [("skipped", "002"), ("skipped", "001")]
    assert engine.read_history().skipped == {Version("1"), Version("2")}
    (who,) = place.rows(
        "SELECT DISTINCT run_id, who, host, tool_version FROM schema_migrations_log"
    )
    assert who == ("run-1", "tester", "here", "0")


def adopted(version: str) -> AppliedMigration:
    return AppliedMigration(version=Version(version), name="x", up_checksum="u")


def test_a_baseline_is_all_or_nothing(engine: Engine, place: Place) -> None:
    engine.prepare()
    engine.stamp([adopted("002")], RUN)
    with pytest.raises(HistoryChanged):
        engine.stamp([adopted("001"), adopted("002"), adopted("003")], RUN)
    assert place.history() == ["002"]
    assert place.events() == [("baselined", "002")]


def test_what_a_baseline_records_is_in_order(engine: Engine, place: Place) -> None:
    engine.prepare()
    engine.stamp([adopted("001"), adopted("002"), adopted("010")], RUN)
    carry_out(engine, step_of(place, "003_c", "SELECT 1;"), "1", "2", "10")
    assert place.history() == ["001", "002", "010", "003"]
    assert [row.version.text for row in engine.read_history().applied] == place.history()


def test_text_of_every_kind_is_kept_as_it_is(engine: Engine, place: Place) -> None:
    down = "-- grüße 😀 %s :name ? {x}\r\nDROP TABLE a;\n"
    engine.prepare()
    carry_out(engine, step_of(place, "001_größe", "CREATE TABLE a (t text);", down=down))
    (row,) = engine.read_history(stored_downs=True).applied
    assert (row.name, row.down_text) == ("größe", down)


@pytest.mark.parametrize(
    "text",
    ["INSERT INTO a VALUES ('%s %(x)s %');", "INSERT INTO a VALUES ('{} :name ? $1');",
     "INSERT INTO a VALUES ('a;b -- c /* d');", "-- only a comment", ""],
)  # fmt: skip
def test_what_drivers_like_to_replace_goes_through(engine: Engine, place: Place, text: str) -> None:
    engine.prepare()
    carry_out(engine, step_of(place, "001_a", f"CREATE TABLE a (t text);\n{text}"))
    rows = place.rows("SELECT t FROM a")
    assert [f"INSERT INTO a VALUES ('{value}');" for (value,) in rows] == (
        [text] if text.startswith("INSERT") else []
    )


def test_a_file_that_changes_its_session_does_not_change_the_next(
    engine: Engine, place: Place
) -> None:
    change = (
        "PRAGMA case_sensitive_like = on;"
        if place.is_sqlite
        else "SET default_text_search_config = 'pg_catalog.german';"
    )
    look = (
        "CREATE TABLE seen AS SELECT ('A' LIKE 'a') AS value;"
        if place.is_sqlite
        else "CREATE TABLE seen AS SELECT current_setting('default_text_search_config') AS value;"
    )
    engine.prepare()
    carry_out(engine, step_of(place, "001_a", change))
    carry_out(engine, step_of(place, "002_b", look), "1")
    ((seen,),) = place.rows("SELECT value FROM seen")
    assert seen != "pg_catalog.german"
    assert seen


def test_a_temporary_table_ends_with_its_file(engine: Engine, place: Place) -> None:
    engine.prepare()
    carry_out(engine, step_of(place, "001_a", "CREATE TEMP TABLE a (id int);"))
    carry_out(engine, step_of(place, "002_b", "CREATE TABLE b (id int);"), "1")
    with pytest.raises(MigrationFailed):
        carry_out(engine, step_of(place, "003_c", "INSERT INTO a VALUES (1);"), "1", "2")


def test_a_history_table_that_is_a_view_is_refused(place: Place) -> None:
    place.run("CREATE VIEW schema_migrations AS SELECT 1 AS version")
    with place.project().engine() as engine, pytest.raises(HistoryError):
        engine.read_history()


def test_closing_and_unlocking_twice_is_harmless(place: Place) -> None:
    with place.project().engine() as engine:
        engine.unlock()
        list(engine.lock(wait_seconds=5))
        engine.unlock()
        engine.unlock()
        engine.close()
        engine.close()
        engine.unlock()
