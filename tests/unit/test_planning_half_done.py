"""A migration that began outside a transaction and did not end, seen by the next plan."""

from dataclasses import replace

from banister.model import Direction, Folder, History, Plan, TransactionMode, Unfinished, Version
from banister.planning import plan_down, plan_up
from banister.script import checksum
from samples import POSTGRES, SQLITE, a_folder, a_history, a_migration, codes, versions

OFF = "-- banister: transaction=off\n"
ONE, TWO, THREE = "CREATE TABLE x (id int);", "VACUUM;", "CREATE TABLE y (id int);"
A, C = a_migration("001_a"), a_migration("003_c")
B = a_migration("002_b", f"{OFF}{ONE}\n{TWO}\n{THREE}\n", f"{OFF}DROP TABLE y;\nDROP TABLE x;\n")
FOLDER = a_folder(A, B, C)


def half(*done: str, direction: Direction = Direction.UP, in_flight: bool = False) -> Unfinished:
    return Unfinished(
        version=Version("002"),
        name="b",
        direction=direction,
        done=tuple(checksum(text) for text in done),
        in_flight=in_flight,
    )


def history(item: Unfinished, *, applied: bool = False) -> History:
    return replace(a_history(A, *((B,) if applied else ())), unfinished=(item,))


def up(item: Unfinished, folder: Folder = FOLDER) -> Plan:
    return plan_up(folder, history(item), POSTGRES)


def test_it_goes_on_behind_the_finished_statements() -> None:
    plan = up(half(ONE, TWO))
    step = plan.steps[0]
    assert (step.version.text, step.done, step.mode) == ("002", 2, TransactionMode.STATEMENTS)
    assert len(step.statements) == 3
    assert step.notes == ("resumes at statement 3: an earlier run finished those before it",)
    assert plan.findings == ()
    assert versions(plan) == ["002", "003"]


def test_the_statements_behind_the_finished_ones_may_be_corrected() -> None:
    corrected = a_migration("002_b", f"{OFF}{ONE}\n{TWO}\nCREATE TABLE z (id int);\nSELECT 1;")
    plan = up(half(ONE, TWO), a_folder(A, corrected, C))
    assert plan.findings == ()
    assert (plan.steps[0].done, len(plan.steps[0].statements)) == (2, 4)


def test_a_finished_statement_must_not_be_edited() -> None:
    for text in (f"{OFF}CREATE TABLE xx (id int);\n{TWO}\n{THREE}", f"{OFF}{ONE}"):
        plan = up(half(ONE, TWO), a_folder(A, a_migration("002_b", text), C))
        assert codes(plan.errors) == ["error:unfinished_edited"]
        assert "half done" in plan.errors[0].message


def test_white_space_between_the_statements_is_no_edit() -> None:
    spaced = a_migration("002_b", f"{OFF}\n\n-- why\n{ONE}\r\n\r\n{TWO}\n\n{THREE}")
    assert up(half(ONE, TWO), a_folder(A, spaced, C)).findings == ()


def test_it_comes_before_everything_else() -> None:
    early = a_migration("000_early")
    plan = plan_up(
        a_folder(early, A, B, C), replace(a_history(A), unfinished=(half(ONE),)),
        replace(POSTGRES, out_of_order=True),
    )  # fmt: skip
    assert versions(plan) == ["002", "000", "003"]


def test_where_every_statement_is_done_only_the_record_is_missing() -> None:
    step = up(half(ONE, TWO, THREE)).steps[0]
    assert step.done == len(step.statements) == 3
    assert "only the record is missing" in step.notes[0]


def test_where_nothing_is_done_it_runs_as_its_file_says_now() -> None:
    whole = a_migration("002_b", f"{ONE}\n{THREE}")
    plan = up(half(), a_folder(A, whole, C))
    step = plan.steps[0]
    assert (step.done, step.mode, step.notes) == (0, TransactionMode.WHOLE, ())
    assert plan.findings == ()


def test_what_no_catalog_can_tell_is_asked_for() -> None:
    calls = a_migration("002_b", f"{OFF}{ONE}\nCALL tidy_up();\n{THREE}")
    plan = up(half(ONE, in_flight=True), a_folder(A, calls, C))
    (finding,) = plan.errors
    assert finding.code == "unfinished_in_flight"
    assert finding.location is not None
    assert (finding.location.line, finding.location.note) == (3, "up, statement 2 of 3")
    assert "banister repair 002 --done 2" in (finding.hint or "")
    assert "banister repair 002 --retry 2" in (finding.hint or "")


def test_on_sqlite_what_was_running_can_be_repeated() -> None:
    plan = plan_up(FOLDER, history(half(ONE, in_flight=True)), SQLITE)
    assert plan.errors == ()
    assert plan.steps[0].done == 1


def test_a_half_done_up_blocks_a_down() -> None:
    plan = plan_down(FOLDER, history(half(ONE)), POSTGRES)
    (finding,) = plan.errors
    assert (finding.code, finding.version) == ("unfinished", "002")
    assert finding.hint == "finish it first with `banister up`"


def test_a_half_done_down_blocks_an_up() -> None:
    item = half("DROP TABLE y;", direction=Direction.DOWN)
    plan = plan_up(FOLDER, history(item, applied=True), POSTGRES)
    (finding,) = plan.errors
    assert finding.code == "unfinished"
    assert finding.hint == "finish it first with `banister down`"


def test_a_half_done_down_goes_on() -> None:
    item = half("DROP TABLE y;", direction=Direction.DOWN)
    plan = plan_down(FOLDER, history(item, applied=True), POSTGRES)
    assert (versions(plan), plan.steps[0].done) == (["002"], 1)
    assert plan.errors == ()


def test_a_half_done_down_deeper_than_asked_for_blocks() -> None:
    late = replace(a_history(A, B, C), unfinished=(half(direction=Direction.DOWN),))
    assert codes(plan_down(FOLDER, late, POSTGRES).errors) == ["error:unfinished"]


def test_a_half_done_migration_behind_the_target_blocks() -> None:
    plan = plan_up(FOLDER, history(half(ONE)), POSTGRES, to="1")
    assert codes(plan.errors) == ["error:unfinished"]


def test_a_half_done_migration_whose_file_is_gone_is_an_error() -> None:
    plan = up(half(ONE), a_folder(A, C))
    assert codes(plan.errors) == ["error:unfinished_file_missing", "error:unfinished"]


def test_on_sqlite_a_temporary_table_is_gone_with_its_session_too() -> None:
    for text in (
        "CREATE TEMP TABLE x (id);",
        "CREATE VIEW temp.x AS SELECT 1;",
        "attach ':memory:' AS m;",
    ):
        made = a_migration("002_b", f"{OFF}{text}\nSELECT 2;\n")
        plan = plan_up(a_folder(A, made, C), history(half(text)), SQLITE)
        assert codes(plan.errors) == ["error:unfinished_session_state"]
        assert "--retry 1" in (plan.errors[0].hint or "")


def test_on_sqlite_what_only_sets_does_not_stand_in_the_way() -> None:
    done = ("PRAGMA recursive_triggers = ON;", "ATTACH 'other.db' AS other;")
    made = a_migration("002_b", "\n".join((OFF, *done, "SELECT 2;")))
    plan = plan_up(a_folder(A, made, C), history(half(*done)), SQLITE)
    assert plan.findings == ()
    assert plan.steps[0].done == 2
