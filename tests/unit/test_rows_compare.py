"""What became of rows: found again, named by table and column, told in words."""

from collections.abc import Mapping, Sequence

import pytest

from banister.model import Contents, RowChange, RowLoss, TableRows, Unfilled
from banister.rows import compare_contents

Rows = Sequence[Mapping[str, str | None]]
USERS: list[dict[str, str | None]] = [
    {"id": "1", "name": "ann", "note": "x"},
    {"id": "2", "name": "bob", "note": "y"},
    {"id": "3", "name": "eve", "note": None},
]


def users(rows: Rows, *, key: str | None = "id", complete: bool = True) -> Contents:
    columns = tuple(dict.fromkeys(column for row in rows for column in row)) or ("id",)
    table = TableRows(
        table="users",
        columns=columns,
        rows=tuple(tuple(row[column] for column in columns) for row in rows),
        key=(key,) if key else (),
        complete=complete,
    )
    return Contents(tables={"users": table})


def told(before: Rows, after: Rows, *, key: str | None = "id", complete: bool = True) -> list[str]:
    losses = compare_contents(
        users(before, key=key, complete=complete), users(after, key=key, complete=complete)
    )
    return [str(loss) for loss in losses]


def but(number: int, **values: str | None) -> list[dict[str, str | None]]:
    """The users with other values in one row."""
    return [{**row, **values} if place == number else {**row} for place, row in enumerate(USERS)]


def without(column: str) -> list[dict[str, str | None]]:
    return [{name: row[name] for name in row if name != column} for row in USERS]


KEYS = pytest.mark.parametrize("key", ["id", None])


@KEYS
def test_the_same_rows_are_no_loss_in_whatever_order(key: str | None) -> None:
    assert told(USERS, USERS, key=key) == []
    assert told(USERS, USERS[::-1], key=key) == []
    turned = [{name: row[name] for name in ("note", "id", "name")} for row in USERS]
    assert told(USERS, turned, key=key) == []


@KEYS
def test_a_column_dropped_and_added_again_is_a_loss_of_its_values(key: str | None) -> None:
    emptied = [{**row, "note": None} for row in without("note")]
    assert told(USERS, emptied, key=key) == ["loses users.note (2 rows)"]


@KEYS
def test_a_column_that_stays_away_is_a_loss_of_its_values(key: str | None) -> None:
    assert told(USERS, without("note"), key=key) == ["loses users.note (2 rows)"]
    assert told(without("note"), USERS, key=key) == []


@KEYS
def test_a_changed_value_is_named(key: str | None) -> None:
    assert told(USERS, but(1, name="bert"), key=key) == ["changes users.name (1 row)"]
    assert told(USERS, but(2, note="new"), key=key) == ["changes users.note (1 row)"]
    assert told(USERS, but(0, note=None), key=key) == ["loses users.note (1 row)"]


@KEYS
def test_rows_that_went_and_came_are_counted(key: str | None) -> None:
    assert told(USERS, USERS[:1], key=key) == ["deletes 2 rows of users"]
    assert told(USERS[:1], USERS, key=key) == ["adds 2 rows to users"]
    assert told(USERS, [], key=key) == ["deletes 3 rows of users"]
    other = {"id": "9", "name": "zoe", "note": "z"}
    assert told(USERS, [*USERS[:2], other], key=key) == [
        "deletes 1 row of users",
        "adds 1 row to users",
    ]


def test_a_key_that_was_given_anew_is_a_change_and_no_deletion() -> None:
    renumbered = [{**row, "id": f"1{row['id']}"} for row in USERS]
    assert told(USERS, renumbered) == ["changes users.id (3 rows)"]


def test_equal_rows_without_a_key_are_counted() -> None:
    twins: Rows = [{"a": "1"}, {"a": "1"}, {"a": "1"}]
    assert told(twins, twins, key=None) == []
    assert told(twins, twins[:1], key=None) == ["deletes 2 rows of users"]


def test_tables_are_looked_at_when_they_were_there_before() -> None:
    nothing, there = Contents(), users(USERS)
    assert compare_contents(nothing, there) == ()
    (loss,) = compare_contents(there, nothing)
    assert loss == RowLoss(table="users", rows=3, change=RowChange.LOST)
    assert compare_contents(users([]), nothing) == ()


def test_what_could_not_be_read_says_nothing() -> None:
    unread = Contents(unread=(Unfilled(table="users", reason="no right to"),))
    assert compare_contents(users(USERS), unread) == ()
    assert compare_contents(unread, users(USERS)) == ()


def test_rows_behind_the_end_of_a_look_are_not_missed() -> None:
    # Of each look the first three rows were read; a deleted row moves the others up.
    many: Rows = [{"id": str(number), "name": f"n{number}"} for number in range(6)]
    first, second = many[:3], [many[0], *many[2:4]]
    assert told(first, second, complete=False) == ["deletes 1 row of users"]
    assert told(second, first, complete=False) == ["adds 1 row to users"]
    assert told(first, second, key=None, complete=False) == []


def test_a_reason_stands_behind_its_table() -> None:
    assert str(Unfilled(table="users", reason="no room")) == "users: no room"
