"""What a run says while it works."""

import pytest

from banister.errors import BanisterError
from banister.model import (
    Direction,
    NothingToDo,
    Plan,
    Planned,
    RunFinished,
    ServerNotice,
    Skipped,
    StatementDone,
    StepDone,
    StepFailed,
    StepStarted,
    Version,
    WaitingForLock,
)
from banister.planning import plan_down, plan_up
from banister.report import Style, columns, duration, event_lines, plural
from samples import POSTGRES, a_folder, a_history, a_migration

PLAIN = Style()
FOLDER = a_folder(a_migration("001_a"), a_migration("0002_longer", "VACUUM"))
PLAN = plan_up(FOLDER, a_history(), POSTGRES)
DOWN = plan_down(FOLDER, a_history(*FOLDER.migrations), POSTGRES, count=2)
FIRST, SECOND = PLAN.steps


def test_steps_stand_in_the_columns_of_the_whole_plan() -> None:
    first = event_lines(StepDone(step=FIRST, duration_ms=3, row=None), PLAN, PLAIN)
    second = event_lines(StepDone(step=SECOND, duration_ms=12345, row=None), PLAN, PLAIN)
    assert first == ["  001_a        applied  1 statement  3 ms"]
    assert second == ["  0002_longer  applied  1 statement  12.3 s"]


def test_a_step_down_is_rolled_back() -> None:
    lines = event_lines(StepDone(step=DOWN.steps[0], duration_ms=3, row=None), None, PLAIN)
    assert lines == ["  0002_longer  rolled back  1 statement  3 ms"]


def test_notes_are_said_when_the_plan_is_known() -> None:
    assert event_lines(Planned(plan=PLAN), None, PLAIN) == [
        "  0002_longer: runs outside a transaction: VACUUM cannot run inside one"
    ]


def test_waiting_names_who_holds_the_lock() -> None:
    event = WaitingForLock(holder="pid 7, user bob", waited_seconds=0.0)
    assert event_lines(event, None, PLAIN) == ["waiting for the lock, held by pid 7, user bob"]


def test_what_is_skipped_what_the_server_says_and_what_failed() -> None:
    demo = a_migration("003_demo", "-- banister: tags=demo\nSELECT 1;")
    assert event_lines(Skipped(migration=demo), None, PLAIN) == ["  003_demo  skipped  demo"]
    notice = ServerNotice(step=FIRST, severity="WARNING", message="careful")
    assert event_lines(notice, None, PLAIN) == ["  warning: careful"]
    event = StepFailed(step=FIRST, error=BanisterError("x"))
    assert event_lines(event, None, PLAIN) == ["  001_a  failed"]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Plan(direction=Direction.UP), "nothing to apply"),
        (Plan(direction=Direction.DOWN), "nothing to roll back"),
        (
            Plan(direction=Direction.UP, current=Version("007")),
            "nothing to apply; the database is at 007",
        ),
    ],
)
def test_nothing_to_do_says_where_the_database_is(plan: Plan, said: str) -> None:
    assert event_lines(NothingToDo(plan=plan), None, PLAIN) == [said]


def test_a_run_ends_with_its_sum() -> None:
    up = RunFinished(run_id="r", plan=PLAN, steps=PLAN.steps, duration_ms=70_000)
    assert event_lines(up, PLAN, PLAIN) == ["applied 2 migrations in 1 min 10 s"]
    down = RunFinished(run_id="r", plan=DOWN, steps=DOWN.steps[:1], duration_ms=5)
    assert event_lines(down, DOWN, PLAIN) == ["rolled back 1 migration in 5 ms"]


def test_what_is_only_progress_says_nothing_for_good() -> None:
    for event in (
        StepStarted(step=FIRST, number=1, total=2),
        StatementDone(step=FIRST, number=1, total=1),
        RunFinished(run_id="r", plan=PLAN, steps=(), duration_ms=5),
    ):
        assert event_lines(event, PLAN, PLAIN) == []


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_940, "59.9 s"), (60_000, "1 min 0 s"),
     (3_725_000, "62 min 5 s")],
)  # fmt: skip
def test_durations_as_people_read_them(milliseconds: int, said: str) -> None:
    assert duration(milliseconds) == said


def test_plurals() -> None:
    assert [plural(count, "migration") for count in (0, 1, 2)] == [
        "0 migrations", "1 migration", "2 migrations",
    ]  # fmt: skip


def test_columns_of_nothing_are_nothing() -> None:
    assert columns([]) == []
