"""Generated rows: every table that can hold some does, and each obeys its own rules."""

import pytest
from contract_kit import Place, place

from banister.model import Unfilled

__all__ = ["place"]


def filled(place: Place, *statements: str) -> dict[str, str]:
    """Fill a schema; return the tables that took no rows, with the reason."""
    place.run(*statements)
    with place.project().engine() as engine:
        engine.prepare()
        left = engine.fill()
        rows = {name: len(table.rows) for name, table in engine.contents().tables.items()}
    assert {name for name, count in rows.items() if not count} == {each.table for each in left}
    return {each.table: each.reason for each in left}


@pytest.mark.parametrize("columns", [
    "id int PRIMARY KEY, name varchar(5) NOT NULL, ok boolean NOT NULL, at timestamp NOT NULL",
    "n int NOT NULL CHECK (n > 17 AND n < 20)",
    "n decimal(10,2) NOT NULL CHECK (n BETWEEN 2 AND 3)",
    "status text NOT NULL CHECK (status IN ('draft', 'it''s out'))",
    "email text NOT NULL UNIQUE CHECK (email LIKE '%@%')",
    "code text NOT NULL CHECK (length(code) = 7)",
    "slug varchar(40) NOT NULL CHECK (length(slug) >= 30)",
    "a int, b int, CHECK ((a IS NULL) <> (b IS NULL))",
    "a date NOT NULL, b date NOT NULL, CHECK (a < b)",
    "id int PRIMARY KEY CHECK (id = 1), v text",
    '"odd % name" text NOT NULL, "select" int NOT NULL, CHECK ("select" > 40)',
])  # fmt: skip
def test_rows_meet_the_conditions_of_their_table(place: Place, columns: str) -> None:
    assert filled(place, f"CREATE TABLE t ({columns})") == {}


def test_rows_refer_to_rows_that_are_there(place: Place) -> None:
    left = filled(
        place,
        "CREATE TABLE a (id int PRIMARY KEY, boss int REFERENCES a (id))",
        "CREATE TABLE b (x int, y int NOT NULL REFERENCES a (id), PRIMARY KEY (x, y))",
        "CREATE TABLE c (x int NOT NULL, y int NOT NULL, a int NOT NULL REFERENCES a (id), "
        "FOREIGN KEY (x, y) REFERENCES b (x, y))",
    )
    assert left == {}
    query = "SELECT count(*) FROM c JOIN b ON b.x = c.x AND b.y = c.y JOIN a ON a.id = c.a"
    assert place.rows(query) == [(3,)]


def test_tables_that_cannot_be_filled_are_named_with_the_reason(place: Place) -> None:
    left = filled(
        place,
        "CREATE TABLE never (n int NOT NULL UNIQUE, CONSTRAINT no_way CHECK (n <> n))",
        "CREATE TABLE behind (n int NOT NULL REFERENCES never (n))",
        "CREATE TABLE apart (n int)",
    )
    assert left == {
        "never": "no values were found that no_way lets pass",
        "behind": "there is no row that n could refer to",
    }


def test_filling_moves_no_sequence_and_meets_no_small_key(place: Place) -> None:
    assert filled(place, "CREATE TABLE t (id int PRIMARY KEY, name text UNIQUE)") == {}
    place.run(*(f"INSERT INTO t VALUES ({n}, 'n{n}')" for n in range(1, 20)))


def test_only_what_is_wanted_is_filled(place: Place) -> None:
    place.run("CREATE TABLE a (id int)", "CREATE TABLE b (id int)")
    with place.project().engine() as engine:
        engine.prepare()
        assert engine.fill(frozenset({"b"})) == ()
        found = engine.contents().tables
    assert (len(found["a"].rows), len(found["b"].rows)) == (0, 3)


def test_a_reason_is_told_in_words() -> None:
    assert str(Unfilled(table="users", reason="no row")) == "users: no row"
