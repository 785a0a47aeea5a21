"""The rows of a database, as they are read to be compared: the same promises on both engines."""

from contract_kit import Place, place

from banister.model import Contents, TableRows
from banister.rows import compare_contents

__all__ = ["place"]


def contents(place: Place, *, limit: int = 200) -> Contents:
    with place.project().engine() as engine:
        return engine.contents(limit=limit)


def test_every_table_is_read_but_banisters_own(place: Place) -> None:
    place.project().up()
    place.run(
        'CREATE TABLE "Odd name" (b text, id int NOT NULL PRIMARY KEY)',
        "INSERT INTO \"Odd name\" VALUES ('x', 2), (NULL, 1)",
        "CREATE TABLE no_key (b text)",
        "INSERT INTO no_key VALUES ('z'), (NULL)",
    )
    found = contents(place)
    assert sorted(found.tables) == ['"Odd name"', "a", "b", "c", "no_key"]
    x, z = ("'x'", "'z'") if place.is_sqlite else ("x", "z")
    assert found.tables['"Odd name"'] == TableRows(
        table='"Odd name"', columns=("b", "id"), key=("id",), rows=((None, "1"), (x, "2"))
    )
    assert {*found.tables["no_key"].rows} == {(z,), (None,)}
    assert found.tables["no_key"].key == ()


def test_no_more_rows_are_read_than_asked_for(place: Place) -> None:
    place.run(
        "CREATE TABLE t (id int NOT NULL UNIQUE)",
        "INSERT INTO t VALUES (3), (1), (2)",
    )
    found = contents(place, limit=2).tables["t"]
    assert (found.rows, found.complete) == ((("1",), ("2",)), False)
    assert contents(place, limit=3).tables["t"].complete


def test_what_became_of_rows_is_named_by_table_and_column(place: Place) -> None:
    place.run(
        "CREATE TABLE users (id int NOT NULL PRIMARY KEY, note text, age int)",
        "INSERT INTO users VALUES (1, 'one', 20), (2, NULL, 30), (3, 'three', 40)",
        "CREATE TABLE gone (id int)",
        "INSERT INTO gone VALUES (1)",
    )
    before = contents(place)
    place.run(
        "ALTER TABLE users DROP COLUMN note",
        "ALTER TABLE users ADD COLUMN note text",
        "UPDATE users SET age = 41 WHERE id = 3",
        "DELETE FROM users WHERE id = 1",
        "DROP TABLE gone",
    )
    assert [str(loss) for loss in compare_contents(before, contents(place))] == [
        "deletes 1 row of gone",
        "loses users.note (1 row)",
        "changes users.age (1 row)",
        "deletes 1 row of users",
    ]


def test_reading_rows_writes_nothing(place: Place) -> None:
    place.run("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    before = place.fingerprint()
    contents(place)
    assert place.fingerprint() == before
