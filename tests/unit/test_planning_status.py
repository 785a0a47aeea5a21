"""One row a migration."""

from dataclasses import replace

from banister.model import Direction, State, Unfinished, Version
from banister.planning import PlanOptions, check_history, status_rows
from samples import FIRST, POSTGRES, a_folder, a_history, a_migration, codes

A, B, C = (a_migration(label) for label in ("001_a", "002_b", "003_c"))
DEMO = a_migration("002_demo", "-- banister: tags=demo\nSELECT 1;")


def states(folder: object, history: object, options: PlanOptions = POSTGRES) -> dict[str, str]:
    rows = status_rows(folder, history, options)  # type: ignore[arg-type]
    return {row.version.text: row.state.value for row in rows}


def test_applied_and_pending() -> None:
    assert states(a_folder(A, B, C), a_history(A, C)) == {
        "001": "applied", "002": "pending", "003": "applied",
    }  # fmt: skip


def test_rows_come_by_number() -> None:
    folder = a_folder(*(a_migration(label) for label in ("10_x", "9_x", "0100_x")))
    assert list(states(folder, a_history())) == ["9", "10", "0100"]


def test_an_applied_row_tells_when_and_for_how_long() -> None:
    (row,) = status_rows(a_folder(A), a_history(A), POSTGRES)
    assert (row.applied_at, row.duration_ms, row.reversible) == (FIRST, 7, True)


def test_edited_and_missing() -> None:
    folder = a_folder(a_migration("001_a", "SELECT 'edited';"))
    assert states(folder, a_history(A, B)) == {"001": "edited", "002": "missing"}


def test_a_missing_one_can_be_rolled_back_where_its_down_was_kept() -> None:
    lonely = a_migration("002_b", down=None)
    rows = status_rows(a_folder(), a_history(A, lonely), POSTGRES)
    assert [row.reversible for row in rows] == [True, False]
    assert [row.name for row in rows] == ["a", "b"]


def test_a_migration_without_a_down_or_declared_so_is_irreversible() -> None:
    declared = a_migration("002_b", "-- banister: irreversible\nSELECT 1;", down=None)
    rows = status_rows(
        a_folder(A, declared, a_migration("003_c", down=None)), a_history(), POSTGRES
    )
    assert [row.reversible for row in rows] == [True, False, False]


def test_skipped_by_its_tags() -> None:
    options = PlanOptions(dialect=POSTGRES.dialect, skip_tags=frozenset({"demo"}))
    rows = status_rows(a_folder(A, DEMO), a_history(A), options)
    assert rows[1].state is State.SKIPPED
    assert rows[1].tags == {"demo"}
    assert states(a_folder(A, DEMO), a_history(A, DEMO), options)["002"] == "applied"


def test_seeds_are_skipped_in_a_database_that_was_not_new() -> None:
    options = PlanOptions(dialect=POSTGRES.dialect, seed_tags=frozenset({"demo"}))
    folder = a_folder(A, DEMO)
    assert states(folder, a_history(database_is_new=True), options)["002"] == "pending"
    assert states(folder, a_history(A), options)["002"] == "skipped"
    assert states(folder, a_history(A, seeded=True), options)["002"] == "pending"


def half_done(version: str, direction: Direction = Direction.UP) -> Unfinished:
    return Unfinished(version=Version(version), name="b", direction=direction)


def test_a_half_done_up_and_a_half_done_down() -> None:
    folder = a_folder(A, B, C)
    up = a_history(A, unfinished=(half_done("2"),))
    assert states(folder, up) == {"001": "applied", "002": "unfinished", "003": "pending"}
    down = a_history(A, B, unfinished=(half_done("2", Direction.DOWN),))
    assert states(folder, down) == {"001": "applied", "002": "unfinished", "003": "pending"}


def test_a_half_done_one_whose_file_is_gone_has_its_row_too() -> None:
    history = a_history(A, unfinished=(half_done("002"),))
    rows = status_rows(a_folder(A), history, POSTGRES)
    assert [(row.version.text, row.name, row.state) for row in rows] == [
        ("001", "a", State.APPLIED),
        ("002", "b", State.UNFINISHED),
    ]


def test_another_runners_rows_take_number_and_name_from_the_file() -> None:
    history = a_history(replace(A, version=Version("1"), name="other"), foreign=True)
    (row,) = status_rows(a_folder(A), history, POSTGRES)
    assert (row.version.text, row.name, row.state) == ("001", "a", State.APPLIED)


def test_a_renamed_file_and_one_that_cannot_be_read_are_states_of_their_own() -> None:
    folder = replace(a_folder(replace(A, name="new_name")), unreadable=frozenset({B.version}))
    history = a_history(A, B)
    assert states(folder, history) == {"001": "renamed", "002": "unreadable"}
    assert codes(check_history(folder, history)) == ["error:renamed"]


def test_what_the_database_keeps_a_down_of_can_be_rolled_back() -> None:
    (row,) = status_rows(a_folder(replace(A, down=None)), a_history(A), POSTGRES)
    assert row.reversible
