"""Files and history become the plan that rolls back."""

from dataclasses import replace

import pytest

from banister.errors import Finding, Location, Severity, UsageError
from banister.model import Direction, History
from banister.planning import plan_down
from samples import POSTGRES, a_folder, a_history, a_migration, codes, versions

A, B, C = (
    a_migration(label, down=f"DROP TABLE {label[-1]};") for label in ("001_a", "002_b", "003_c")
)
FOLDER = a_folder(A, B, C)
APPLIED = a_history(A, B, C)


def test_the_last_applied_comes_down() -> None:
    plan = plan_down(FOLDER, APPLIED, POSTGRES)
    assert versions(plan) == ["003"]
    assert plan.direction is Direction.DOWN
    assert plan.steps[0].direction is Direction.DOWN
    assert plan.steps[0].statements[0].text == "DROP TABLE c;"
    assert (plan.findings, plan.current) == ((), C.version)


def test_several_come_down_in_reverse_order_of_application() -> None:
    late = a_history(A, C, B)
    assert versions(plan_down(FOLDER, late, POSTGRES, count=2)) == ["002", "003"]
    assert versions(plan_down(FOLDER, APPLIED, POSTGRES, count=3)) == ["003", "002", "001"]


def test_a_target_stays_applied() -> None:
    assert versions(plan_down(FOLDER, APPLIED, POSTGRES, to="1")) == ["003", "002"]
    assert versions(plan_down(FOLDER, APPLIED, POSTGRES, to="003")) == []


def test_a_target_goes_by_number_and_keeps_the_order_of_application() -> None:
    late = a_history(C, A, B)
    assert versions(plan_down(FOLDER, late, POSTGRES, to="1")) == ["002", "003"]


@pytest.mark.parametrize("zero", ["0", "000"])
def test_zero_stands_for_all(zero: str) -> None:
    assert versions(plan_down(FOLDER, APPLIED, POSTGRES, to=zero)) == ["003", "002", "001"]


@pytest.mark.parametrize("to", ["4", "", "x", "-1", "²", "٠"])
def test_a_target_that_is_not_applied_is_refused(to: str) -> None:
    with pytest.raises(UsageError):
        plan_down(FOLDER, APPLIED, POSTGRES, to=to)


def test_a_target_must_be_applied_not_only_there() -> None:
    with pytest.raises(UsageError, match="there is no version 3"):
        plan_down(FOLDER, a_history(A, B), POSTGRES, to="3")


def test_with_nothing_applied_there_is_nothing_to_do() -> None:
    plan = plan_down(FOLDER, History(), POSTGRES)
    assert (plan.steps, plan.findings, plan.has_work) == ((), (), False)


def test_fewer_than_asked_for_is_said() -> None:
    plan = plan_down(FOLDER, a_history(A), POSTGRES, count=5)
    assert versions(plan) == ["001"]
    assert codes(plan.findings) == ["notice:fewer_applied"]
    assert "only 1 is applied" in plan.findings[0].message


def test_no_down_file_is_an_error_before_anything_runs() -> None:
    lonely = a_migration("002_b", down=None)
    plan = plan_down(a_folder(A, lonely), a_history(A, lonely), POSTGRES, count=2)
    (finding,) = plan.errors
    assert (finding.code, finding.version) == ("irreversible", "002")
    assert "no down file" in finding.message
    assert finding.location == Location(path="migrations/002_b.up.sql")
    assert finding.hint == "write 002_b.down.sql"


def test_what_is_declared_irreversible_stays_so_even_with_a_kept_down() -> None:
    declared = a_migration("001_a", "-- banister: irreversible\nSELECT 1;", down=None)
    history = a_history(a_migration("001_a", "SELECT 1;", "SELECT 'kept';"))
    (finding,) = plan_down(a_folder(declared), history, POSTGRES).errors
    assert "declared irreversible" in finding.message
    assert "backup" in (finding.hint or "")


def test_a_down_file_written_later_serves() -> None:
    history = a_history(a_migration("001_a", down=None))
    plan = plan_down(a_folder(A), history, POSTGRES)
    assert versions(plan) == ["001"]
    assert plan.steps[0].notes == ()
    assert plan.findings == ()


def test_a_down_file_that_was_edited_is_used_and_the_plan_says_so() -> None:
    edited = a_migration("003_c", down="DROP TABLE c CASCADE;")
    plan = plan_down(a_folder(A, B, edited), APPLIED, POSTGRES)
    (step,) = plan.steps
    assert step.statements[0].text == "DROP TABLE c CASCADE;"
    assert step.script.from_file
    assert step.notes == ("the down file was edited since: the file is used",)
    assert plan.errors == ()


def test_where_the_down_file_is_gone_the_kept_text_is_used_and_the_plan_says_so() -> None:
    without = a_migration("003_c", down=None)
    plan = plan_down(a_folder(A, B, without), APPLIED, POSTGRES)
    (step,) = plan.steps
    assert step.statements[0].text == "DROP TABLE c;"
    assert not step.script.from_file
    assert "kept in the database" in step.script.source.path
    assert step.notes == ("the down file is gone: the text kept in the database is used",)
    assert plan.errors == ()


def test_where_both_files_are_gone_the_kept_text_is_used() -> None:
    plan = plan_down(a_folder(A, B), APPLIED, POSTGRES)
    assert versions(plan) == ["003"]
    assert plan.steps[0].label == "003_c"
    assert codes(plan.findings) == ["warning:file_missing"]


def test_kept_texts_keep_their_directives() -> None:
    kept = a_migration("001_a", down="-- banister: transaction=off\nDROP TABLE a;")
    (step,) = plan_down(a_folder(), a_history(kept), POSTGRES).steps
    assert step.mode.value == "statements"


def test_without_files_and_kept_text_it_cannot_be_rolled_back() -> None:
    (finding,) = plan_down(a_folder(), a_history(A, foreign=True), POSTGRES).errors
    assert finding.code == "irreversible"
    assert finding.location == Location(path="migrations")
    assert "version control" in (finding.hint or "")


def test_another_runners_migration_comes_down_by_its_file() -> None:
    plan = plan_down(FOLDER, a_history(A, foreign=True), POSTGRES)
    assert versions(plan) == ["001"]
    assert plan.findings == ()


def test_what_is_wrong_with_other_files_only_warns() -> None:
    edited = a_migration("001_a", "SELECT 'edited';")
    other = Finding(severity=Severity.ERROR, code="bad_name", message="x", version="009")
    nobody = Finding(severity=Severity.ERROR, code="bad_name", message="y")
    folder = a_folder(edited, a_migration("002_other"), C, findings=(other, nobody))
    plan = plan_down(folder, APPLIED, POSTGRES)
    assert codes(plan.findings) == [
        "warning:bad_name", "warning:bad_name", "warning:edited", "warning:renamed",
    ]  # fmt: skip
    assert versions(plan) == ["003"]


@pytest.mark.parametrize("spelled", ["003", "3", "0003"])
def test_what_is_wrong_with_the_files_concerned_stops_it(spelled: str) -> None:
    bad = Finding(severity=Severity.ERROR, code="directive_unknown", message="x", version=spelled)
    plan = plan_down(a_folder(A, B, C, findings=(bad,)), APPLIED, POSTGRES)
    assert plan.errors == (bad,)


def test_an_up_file_that_is_gone_never_stops_a_down() -> None:
    missing = Finding(severity=Severity.ERROR, code="missing_up", message="x", version="003")
    plan = plan_down(a_folder(A, B, findings=(missing,)), APPLIED, POSTGRES)
    assert plan.errors == ()
    assert versions(plan) == ["003"]


def test_what_is_wrong_with_the_tables_stops_it() -> None:
    broken = Finding(severity=Severity.ERROR, code="history_version_twice", message="x")
    plan = plan_down(FOLDER, replace(APPLIED, findings=(broken,)), POSTGRES)
    assert plan.errors == (broken,)


def test_a_down_that_cannot_run_is_found_before() -> None:
    bad = a_migration("003_c", down="DROP TABLE c; COMMIT;")
    plan = plan_down(a_folder(A, B, bad), a_history(A, B, bad), POSTGRES)
    assert codes(plan.errors) == ["error:transaction_control"]


def test_the_up_of_a_migration_is_not_looked_at() -> None:
    broken = a_migration("001_a", "SELECT 'open")
    assert plan_down(a_folder(broken), a_history(broken), POSTGRES).findings == ()
