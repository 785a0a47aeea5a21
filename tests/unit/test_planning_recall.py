"""Rows of the history table and its log become what later runs decide by."""

from datetime import UTC, datetime

import pytest

from banister.errors import Severity
from banister.model import Direction, History, HistoryTable, Unfinished, Version
from banister.planning import HistoryRow, LogRow, recall

TABLE = HistoryTable()


def remember(*log: LogRow, rows: tuple[HistoryRow, ...] = ()) -> History:
    return recall(rows, log, table=TABLE, database_is_new=False)


def event(kind: str, version: str | None = "001", **more: str | int) -> LogRow:
    return LogRow(event=kind, version=version, name="first", **more)  # type: ignore[arg-type]


def test_nothing_remembers_nothing() -> None:
    history = recall([], [], table=TABLE, database_is_new=True)
    assert history == History(database_is_new=True)
    assert history.highest is None


def test_rows_keep_their_order_and_all_they_hold() -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    rows = (
        HistoryRow(
            version="003",
            name="late",
            applied_at=at,
            up_checksum="u",
            down_checksum="d",
            down_text="DROP TABLE x;",
            duration_ms=5,
        ),
        HistoryRow(version="002", name="early"),
    )
    history = remember(rows=rows)
    assert [row.version.text for row in history.applied] == ["003", "002"]
    first = history.applied[0]
    assert (first.name, first.applied_at, first.up_checksum) == ("late", at, "u")
    assert (first.down_checksum, first.down_text, first.duration_ms) == ("d", "DROP TABLE x;", 5)
    assert history.highest == Version("3")


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("001", "add_users"),
        ("1", "001_add_users"),
        ("001", "001-add_users"),
        ("1", "1_add_users.sql"),
        ("001", "001_add_users.up.sql"),
        ("001", "001_add_users.up.sqlite.sql"),
        ("001", "add_users.up.postgresql.sql"),
    ],
)
def test_another_runners_names_lose_number_and_ending(version: str, name: str) -> None:
    history = remember(rows=(HistoryRow(version=version, name=name),))
    assert history.applied[0].name == "add_users"


@pytest.mark.parametrize("name", ["2024_report", "2024-report", "9_lives"])
@pytest.mark.parametrize("checksum", [None, "ours"])
def test_a_number_that_is_part_of_the_name_stays(name: str, checksum: str | None) -> None:
    history = remember(rows=(HistoryRow(version="003", name=name, up_checksum=checksum),))
    assert history.applied[0].name == name


@pytest.mark.parametrize("name", ["003_again", "plain.sql"])
def test_our_own_row_keeps_its_name_as_it_is(name: str) -> None:
    row = HistoryRow(version="003", name=name, up_checksum="ours")
    assert remember(rows=(row,)).applied[0].name == name


def test_a_row_without_a_name_has_an_empty_one() -> None:
    assert remember(rows=(HistoryRow(version="1", name=None),)).applied[0].name == ""


def test_a_version_that_is_no_number_is_an_error_that_names_the_table() -> None:
    history = remember(
        rows=(HistoryRow(version="abc", name="x"), HistoryRow(version="2", name="y"))
    )
    (finding,) = history.findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "history_version_unreadable")
    assert "public.schema_migrations" in finding.message
    assert '"abc"' in finding.message
    assert [row.version.text for row in history.applied] == ["2"]


def test_one_number_spelled_twice_is_an_error_that_names_both_spellings() -> None:
    rows = (HistoryRow(version="001", name="a"), HistoryRow(version="1", name="a"))
    history = remember(rows=rows)
    (finding,) = history.findings
    assert (finding.severity, finding.code) == (Severity.ERROR, "history_version_twice")
    assert '"001"' in finding.message
    assert '"1"' in finding.message
    assert len(history.applied) == 1


def test_what_was_skipped_is_remembered_until_it_is_applied() -> None:
    assert remember(event("skipped")).skipped == {Version("1")}
    assert remember(event("skipped"), event("applied")).skipped == set()
    assert remember(event("skipped"), event("baselined")).skipped == set()
    row = HistoryRow(version="1", name="first")
    assert remember(event("skipped"), rows=(row,)).skipped == set()


def test_the_decision_about_seeds_is_remembered() -> None:
    assert remember().seeded is None
    assert remember(event("seeded", None, detail="yes")).seeded is True
    assert remember(event("seeded", None, detail="no")).seeded is False


def started(direction: str = "up") -> LogRow:
    return event("started", direction=direction)


def test_what_began_and_did_not_end_is_unfinished() -> None:
    assert remember(started()).unfinished == (
        Unfinished(version=Version("001"), name="first", direction=Direction.UP),
    )


@pytest.mark.parametrize("end", ["applied", "rolled_back", "baselined"])
def test_what_ended_is_not_unfinished(end: str) -> None:
    assert remember(started(), event(end)).unfinished == ()


def test_a_transactional_failure_leaves_nothing_unfinished() -> None:
    assert remember(event("failed", detail="boom")).unfinished == ()


def test_the_statements_that_are_done_are_counted_in_order() -> None:
    history = remember(
        started(),
        event("statement_done", statement=1, checksum="one"),
        event("statement_started", statement=2, checksum="two"),
        event("statement_done", statement=2, checksum="two"),
    )
    (unfinished,) = history.unfinished
    assert unfinished.done == ("one", "two")
    assert not unfinished.in_flight


def test_a_statement_that_began_and_did_not_end_is_in_flight() -> None:
    history = remember(started(), event("statement_started", statement=1, checksum="one"))
    (unfinished,) = history.unfinished
    assert (unfinished.in_flight, unfinished.running, unfinished.done) == (True, "one", ())


def test_a_failure_in_flight_keeps_what_the_server_said_and_stays_in_flight() -> None:
    history = remember(
        started(),
        event("statement_started", statement=1, checksum="one"),
        event("failed", detail="could not"),
    )
    (unfinished,) = history.unfinished
    assert unfinished.in_flight
    assert unfinished.error == "could not"


def test_a_person_may_decide_that_it_was_done() -> None:
    history = remember(
        started(),
        event("statement_started", statement=1, checksum="one"),
        event("failed", detail="could not"),
        event("decided", statement=1, detail="done"),
    )
    (unfinished,) = history.unfinished
    assert (unfinished.done, unfinished.in_flight, unfinished.error) == (("one",), False, None)


def test_a_person_may_decide_that_it_runs_again() -> None:
    history = remember(
        started(),
        event("statement_started", statement=1, checksum="one"),
        event("decided", statement=1, detail="retry"),
    )
    (unfinished,) = history.unfinished
    assert (unfinished.done, unfinished.in_flight) == ((), False)


def test_a_down_can_be_unfinished_too() -> None:
    (unfinished,) = remember(event("applied"), started("down")).unfinished
    assert unfinished.direction is Direction.DOWN


def test_a_new_start_begins_the_journal_anew() -> None:
    history = remember(
        started(),
        event("statement_done", checksum="one"),
        event("applied"),
        started("down"),
    )
    assert history.unfinished[0].done == ()


def test_events_of_one_version_say_nothing_about_another() -> None:
    history = remember(
        started(), event("statement_done", "002", checksum="x"), event("applied", "2")
    )
    assert history.unfinished[0].done == ()


def test_events_that_decide_nothing_are_passed_over() -> None:
    history = remember(event("edit_accepted"), event("a later version's event"))
    assert history == History()
