"""Files and history become the plan that applies what is pending."""

from dataclasses import replace

import pytest

from banister.errors import Finding, Location, Severity, UsageError
from banister.model import Direction, History, Plan, TransactionMode
from banister.planning import find_version, plan_up
from samples import (
    POSTGRES,
    a_folder,
    a_history,
    a_migration,
    codes,
    versions,
)

A, B, C = (a_migration(label) for label in ("001_a", "002_b", "003_c"))
FOLDER = a_folder(A, B, C)
DEMO = a_migration("002_demo", "-- banister: tags=demo\nINSERT INTO a VALUES (1);")
WITH_DEMO = a_folder(A, DEMO, C)


NO_DEMO = replace(POSTGRES, skip_tags=frozenset({"demo"}))
SEEDS = replace(POSTGRES, seed_tags=frozenset({"demo"}))


def test_a_new_database_gets_everything_in_order() -> None:
    plan = plan_up(FOLDER, a_history(database_is_new=True), POSTGRES)
    assert versions(plan) == ["001", "002", "003"]
    assert plan.direction is Direction.UP
    assert (plan.findings, plan.current, plan.made_from) == ((), None, frozenset())
    assert plan.has_work


def test_versions_are_ordered_by_number_not_by_text() -> None:
    folder = a_folder(*(a_migration(label) for label in ("10_x", "9_x", "0100_x")))
    assert versions(plan_up(folder, a_history(), POSTGRES)) == ["9", "10", "0100"]


def test_what_is_applied_is_not_planned() -> None:
    plan = plan_up(FOLDER, a_history(A), POSTGRES)
    assert versions(plan) == ["002", "003"]
    assert plan.current == A.version
    assert plan.made_from == {A.version}


def test_an_applied_version_is_known_however_it_is_written() -> None:
    plan = plan_up(FOLDER, a_history(a_migration("1_a"), foreign=True), POSTGRES)
    assert versions(plan) == ["002", "003"]
    assert plan.findings == ()


def test_with_everything_applied_there_is_no_work() -> None:
    plan = plan_up(FOLDER, a_history(A, B, C), POSTGRES)
    assert not plan.has_work
    assert plan.current == C.version


def test_a_target_is_included_and_nothing_behind_it() -> None:
    assert versions(plan_up(FOLDER, a_history(), POSTGRES, to="2")) == ["001", "002"]
    assert versions(plan_up(FOLDER, a_history(A, B), POSTGRES, to="001")) == []


@pytest.mark.parametrize("to", ["4", "", "abc", "-1", "²", "1.5"])
def test_a_target_that_is_no_version_is_refused(to: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_up(FOLDER, a_history(), POSTGRES, to=to)
    assert caught.value.hint


def test_the_last_versions_are_named_where_a_version_is_not_known() -> None:
    with pytest.raises(UsageError) as caught:
        find_version("9", (A.version, B.version))
    assert "001, 002" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="there is no version 9"):
        find_version("9", ())


def test_the_down_goes_with_the_step_and_so_into_the_database() -> None:
    lonely = a_migration("004_d", down=None)
    plan = plan_up(a_folder(A, lonely), a_history(), POSTGRES)
    assert [step.down for step in plan.steps] == [A.down, None]


# What stands against a run.


def test_a_pending_version_below_the_highest_applied_is_an_error() -> None:
    plan = plan_up(FOLDER, a_history(A, C), POSTGRES)
    (finding,) = plan.errors
    assert (finding.code, finding.version) == ("out_of_order", "002")
    assert finding.location == Location(path="migrations/002_b.up.sql")
    assert "003" in finding.message
    assert "--out-of-order" in (finding.hint or "")


def test_out_of_order_can_be_allowed() -> None:
    options = replace(POSTGRES, out_of_order=True)
    plan = plan_up(FOLDER, a_history(A, C), options)
    assert versions(plan) == ["002"]
    assert plan.findings == ()


def test_what_was_skipped_is_never_out_of_order_later() -> None:
    history = a_history(A, C, skipped=("2",))
    plan = plan_up(WITH_DEMO, history, POSTGRES)
    assert versions(plan) == ["002"]
    assert plan.findings == ()


def test_what_is_behind_the_target_is_not_out_of_order() -> None:
    assert plan_up(FOLDER, a_history(C), POSTGRES, to="1").errors[0].version == "001"
    assert len(plan_up(FOLDER, a_history(C), POSTGRES, to="1").errors) == 1


def test_an_edited_file_is_an_error() -> None:
    edited = a_folder(a_migration("001_a", "SELECT 'edited';"), B)
    plan = plan_up(edited, a_history(A), POSTGRES)
    (finding,) = plan.errors
    assert (finding.code, finding.version) == ("edited", "001")
    assert finding.location == Location(path="migrations/001_a.up.sql")
    assert "banister repair --accept-edit 001" in (finding.hint or "")


def test_an_edited_down_file_does_not_stop_an_up() -> None:
    edited = a_folder(a_migration("001_a", down="SELECT 'better';"), B)
    assert plan_up(edited, a_history(A), POSTGRES).findings == ()


def test_a_tag_or_a_line_end_may_change_in_an_applied_file() -> None:
    before = a_migration("001_a", "SELECT 1;\nSELECT 2;\n")
    after = a_migration("001_a", "-- banister: tags=x\r\nSELECT 1;\r\nSELECT 2;\r\n")
    assert plan_up(a_folder(after), a_history(before), POSTGRES).findings == ()


def test_a_renamed_file_is_an_error() -> None:
    renamed = a_folder(a_migration("001_other"), B)
    plan = plan_up(renamed, a_history(A), POSTGRES)
    (finding,) = plan.errors
    assert (finding.code, finding.version) == ("renamed", "001")
    assert finding.location == Location(path="migrations/001_other.up.sql")
    assert '"a"' in finding.message
    assert '"other"' in finding.message
    assert "repair --accept-edit 001" in (finding.hint or "")


def test_a_file_that_is_gone_is_an_error() -> None:
    plan = plan_up(a_folder(B), a_history(A), POSTGRES)
    (finding,) = plan.errors
    assert (finding.code, finding.version) == ("file_missing", "001")
    assert finding.location == Location(path="migrations")
    assert "banister down" in (finding.hint or "")


def test_another_runners_row_whose_file_is_gone_cannot_be_rolled_back_from_the_database() -> None:
    plan = plan_up(a_folder(B), a_history(A, foreign=True), POSTGRES)
    (finding,) = plan.errors
    assert finding.code == "file_missing"
    assert "banister down" not in (finding.hint or "")


def test_another_runners_row_matches_by_number_and_another_name_only_warns() -> None:
    renamed = a_folder(a_migration("001_other"), B)
    plan = plan_up(renamed, a_history(A, foreign=True), POSTGRES)
    assert codes(plan.findings) == ["warning:name_differs"]
    assert versions(plan) == ["002"]


def test_another_runners_row_has_no_text_to_compare() -> None:
    edited = a_folder(a_migration("001_a", "SELECT 'edited';"))
    assert plan_up(edited, a_history(A, foreign=True), POSTGRES).findings == ()


def test_everything_is_found_at_once_and_what_reading_found_comes_first() -> None:
    bad_name = Finding(severity=Severity.ERROR, code="bad_name", message="x")
    folder = a_folder(
        a_migration("001_other", "SELECT 'edited';"),
        a_migration("002_b", "SELECT 1; COMMIT;"),
        a_migration("004_d", "SELECT 'open"),
        findings=(bad_name,),
    )
    plan = plan_up(folder, a_history(A, C), POSTGRES)
    assert sorted(finding.code for finding in plan.errors) == [
        "bad_name", "edited", "file_missing", "out_of_order", "renamed", "transaction_control",
        "unterminated_string",
    ]  # fmt: skip
    assert plan.findings[0] is bad_name


def test_what_is_wrong_with_the_tables_is_part_of_the_plan() -> None:
    broken = Finding(severity=Severity.ERROR, code="history_version_twice", message="x")
    plan = plan_up(FOLDER, History(findings=(broken,)), POSTGRES)
    assert plan.errors == (broken,)


def test_applied_files_are_not_split_again() -> None:
    broken = a_migration("001_a", "SELECT 'open")
    assert plan_up(a_folder(broken), a_history(broken), POSTGRES).findings == ()


# Tags and seeds.


def test_what_its_tags_leave_out_is_listed_and_recorded_once() -> None:
    plan = plan_up(WITH_DEMO, a_history(), NO_DEMO)
    assert versions(plan) == ["001", "003"]
    assert plan.skipped == plan.newly_skipped == (DEMO,)
    later = plan_up(WITH_DEMO, a_history(A, C, skipped=("002",)), NO_DEMO)
    assert (later.skipped, later.newly_skipped) == ((DEMO,), ())
    assert not later.has_work


def test_recording_what_is_left_out_is_work_even_alone() -> None:
    plan = plan_up(WITH_DEMO, a_history(A, C), NO_DEMO)
    assert plan.steps == ()
    assert plan.has_work
    assert plan.findings == ()


def test_one_tag_of_several_is_enough_to_leave_out() -> None:
    both = a_migration("002_x", "-- banister: tags=fast,demo\nSELECT 1;")
    assert plan_up(a_folder(both), a_history(), NO_DEMO).skipped == (both,)
    other = a_migration("002_x", "-- banister: tags=demos\nSELECT 1;")
    assert plan_up(a_folder(other), a_history(), NO_DEMO).skipped == ()


def test_what_is_applied_is_not_left_out_any_more() -> None:
    assert plan_up(WITH_DEMO, a_history(A, DEMO, C), NO_DEMO).skipped == ()


def seed_plan(*, new: bool, seeded: bool | None = None, applied: bool = False) -> Plan:
    history = a_history(*((A,) if applied else ()), database_is_new=new, seeded=seeded)
    return plan_up(WITH_DEMO, history, SEEDS)


def test_seeds_go_into_a_new_database_and_the_decision_is_recorded() -> None:
    plan = seed_plan(new=True)
    assert versions(plan) == ["001", "002", "003"]
    assert plan.seed is True


def test_seeds_stay_out_of_a_database_that_was_not_new() -> None:
    plan = seed_plan(new=False)
    assert versions(plan) == ["001", "003"]
    assert plan.newly_skipped == (DEMO,)
    assert plan.seed is False


def test_a_decision_about_seeds_holds_when_the_database_is_new_no_more() -> None:
    plan = seed_plan(new=False, seeded=True, applied=True)
    assert versions(plan) == ["002", "003"]
    assert plan.seed is None


def test_a_decision_against_seeds_holds_too() -> None:
    plan = seed_plan(new=True, seeded=False)
    assert versions(plan) == ["001", "003"]
    assert plan.seed is None


def test_without_seeds_among_the_files_nothing_is_decided() -> None:
    assert plan_up(FOLDER, a_history(database_is_new=True), SEEDS).seed is None
    assert plan_up(WITH_DEMO, a_history(database_is_new=True), POSTGRES).seed is None


def test_a_skipped_tag_wins_over_a_seed() -> None:
    options = replace(NO_DEMO, seed_tags=frozenset({"demo"}))
    plan = plan_up(WITH_DEMO, a_history(database_is_new=True), options)
    assert plan.skipped == (DEMO,)


def test_a_step_says_how_it_runs() -> None:
    folder = a_folder(A, a_migration("002_b", "CREATE INDEX CONCURRENTLY i ON a (id);"))
    plan = plan_up(folder, a_history(), POSTGRES)
    assert [step.mode for step in plan.steps] == [
        TransactionMode.WHOLE, TransactionMode.STATEMENTS,
    ]  # fmt: skip
