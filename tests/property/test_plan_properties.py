"""What holds for every folder and every history."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from banister.model import Folder, History, Plan
from banister.planning import PlanOptions, plan_down, plan_up, status_rows
from samples import POSTGRES, a_folder, a_migration, a_row

ANYHOW = replace(POSTGRES, out_of_order=True)
TAGS = ("", "-- banister: tags=demo\n", "-- banister: tags=slow\n")


@st.composite
def folders(draw: st.DrawFn) -> Folder:
    """Folders with numbers of any width and some tags."""
    numbers = draw(st.lists(st.integers(1, 2000), unique=True, max_size=8))
    migrations = []
    for number in numbers:
        label = f"{number:0{draw(st.integers(1, 6))}}_m{number}"
        tags = draw(st.sampled_from(TAGS))
        down = draw(st.sampled_from([f"SELECT 'down {number}';", "", "BEGIN; SELECT 1; COMMIT;"]))
        migrations.append(a_migration(label, f"{tags}SELECT 'up {number}';", down))
    return a_folder(*migrations)


def applied_by(plan: Plan, folder: Folder, history: History) -> History:
    """The history after all steps of a plan."""
    for step in plan.steps:
        assert step.version not in history.by_version
        row = a_row(folder.by_version[step.version], minute=len(history.applied))
        history = history.with_applied(row)
    return replace(
        history,
        skipped=history.skipped | {migration.version for migration in plan.newly_skipped},
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[Folder, History]:
    """A folder, some of it applied, in any order."""
    folder = draw(folders())
    chosen = draw(st.permutations(folder.migrations))
    count = draw(st.integers(0, len(chosen)))
    rows = [a_row(migration, minute=n) for n, migration in enumerate(chosen[:count])]
    return folder, History(applied=tuple(rows))


@given(situations(), st.sampled_from([ANYHOW, replace(ANYHOW, skip_tags=frozenset({"demo"}))]))
def test_after_an_up_there_is_nothing_to_do(
    situation: tuple[Folder, History], options: PlanOptions
) -> None:
    folder, history = situation
    plan = plan_up(folder, history, options)
    assert plan.errors == ()
    again = plan_up(folder, applied_by(plan, folder, history), options)
    assert not again.has_work
    assert again.findings == ()
    assert again.skipped == plan.skipped


@given(situations())
def test_what_is_applied_is_never_planned_and_all_else_is_once(
    situation: tuple[Folder, History],
) -> None:
    folder, history = situation
    plan = plan_up(folder, history, ANYHOW)
    planned = [step.version for step in plan.steps]
    assert planned == sorted(planned)
    assert len(planned) == len(set(planned))
    assert set(planned) | set(history.by_version) == set(folder.by_version)
    assert not set(planned) & set(history.by_version)
    assert plan.made_from == set(history.by_version)


@given(situations())
def test_exactly_what_lies_below_the_highest_applied_is_out_of_order(
    situation: tuple[Folder, History],
) -> None:
    folder, history = situation
    plan = plan_up(folder, history, POSTGRES)
    late = {finding.version for finding in plan.errors if finding.code == "out_of_order"}
    highest = history.highest
    assert late == {
        step.version.text for step in plan.steps if highest is not None and step.version < highest
    }


@given(situations(), st.data())
def test_a_target_cuts_the_same_plan_short(
    situation: tuple[Folder, History], data: st.DataObject
) -> None:
    folder, history = situation
    if not folder.migrations:
        return
    target = data.draw(st.sampled_from(folder.migrations)).version
    whole = [step.version for step in plan_up(folder, history, ANYHOW).steps]
    part = [step.version for step in plan_up(folder, history, ANYHOW, to=target.text).steps]
    assert part == [version for version in whole if version <= target]


@given(situations())
def test_down_is_the_exact_reverse_of_up(situation: tuple[Folder, History]) -> None:
    folder, before = situation
    plan = plan_up(folder, before, ANYHOW)
    after = applied_by(plan, folder, before)
    down = plan_down(folder, after, POSTGRES, count=len(plan.steps)) if plan.steps else None
    if down is None:
        return
    assert down.errors == ()
    assert [step.version for step in down.steps] == [step.version for step in plan.steps][::-1]


@given(situations())
def test_all_the_way_down_is_the_reverse_of_application(
    situation: tuple[Folder, History],
) -> None:
    folder, history = situation
    down = plan_down(folder, history, POSTGRES, to="0")
    assert down.errors == ()
    assert [step.version for step in down.steps] == [row.version for row in history.applied[::-1]]


@given(situations(), st.data())
def test_down_needs_no_files_that_ours_were_applied_from(
    situation: tuple[Folder, History], data: st.DataObject
) -> None:
    folder, history = situation
    kept = [m for m in folder.migrations if data.draw(st.booleans())]
    down = plan_down(a_folder(*kept), history, POSTGRES, to="0")
    whole = plan_down(folder, history, POSTGRES, to="0")
    assert down.errors == ()
    assert [step.statements for step in down.steps] == [step.statements for step in whole.steps]


@given(situations(), st.data())
def test_status_has_exactly_one_row_a_version(
    situation: tuple[Folder, History], data: st.DataObject
) -> None:
    folder, history = situation
    left = a_folder(*(m for m in folder.migrations if data.draw(st.booleans())))
    rows = status_rows(left, history, POSTGRES)
    seen = [row.version for row in rows]
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen))
    assert set(seen) == set(left.by_version) | set(history.by_version)
    pending = {row.version for row in rows if row.state.value == "pending"}
    assert pending == {step.version for step in plan_up(left, history, ANYHOW).steps}
