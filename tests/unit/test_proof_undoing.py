"""What rolling back does, in words: from what was there before and after, never from intentions."""

from collections.abc import Mapping

import pytest

from banister.model import Contents, Dialect, TableRows, Unfilled, Version
from banister.proof import Rollback, RollbackWay
from banister.proof.undoing import Sight, what_it_does
from banister.script import split_statements
from banister.script.mentions import mentions
from banister.snapshot import CatalogObject, ObjectIdentity, ObjectKind, Snapshot

#: Columns to their types, by table; a name with a kind in front is something else.
Schema = Mapping[str, Mapping[str, str]]
Rows = Mapping[str, list[tuple[str | None, ...]]]

USERS = {"users": {"id": "integer", "note": "text"}}


def identity(name: str) -> ObjectIdentity:
    """`view v`, `index i on t`; a name alone is that of a table."""
    what, _, of = name.partition(" on ")
    kind, _, own = what.rpartition(" ")
    return ObjectIdentity(ObjectKind(kind or "table"), own, of or None)


def sight(schema: Schema, rows: Rows | None = None, *, limit: int = 100) -> Sight:
    objects = {}
    order = {}
    for name, properties in schema.items():
        whole = identity(name)
        is_table = whole.kind is ObjectKind.TABLE
        said = {} if is_table else dict(properties)
        objects[whole] = CatalogObject(identity=whole, properties=said)
        if is_table:
            order[name] = tuple(properties)
            for column, kind in properties.items():
                part = ObjectIdentity(ObjectKind.COLUMN, column, name)
                objects[part] = CatalogObject(identity=part, properties={"type": kind})
    tables = {
        name: TableRows(
            table=name,
            columns=tuple(schema[name]),
            rows=tuple((rows or {}).get(name, [])[:limit]),
            key=("id",) if "id" in schema[name] else (),
            complete=len((rows or {}).get(name, [])) <= limit,
        )
        for name in schema
        if identity(name).kind is ObjectKind.TABLE
    }
    return Sight(
        schema=Snapshot(server="PostgreSQL 18", objects=objects, column_order=order),
        contents=Contents(tables=tables),
    )


def told(
    before: Sight, after: Sight, down: str = "", dialect: Dialect = Dialect.POSTGRESQL
) -> list[str]:
    said = [
        each
        for statement in split_statements(down, dialect=dialect)
        for each in mentions(statement, dialect)
    ]
    return list(what_it_does(before, after, said, dialect))


def users(*rows: tuple[str | None, ...]) -> Sight:
    return sight(USERS, {"users": list(rows)})


ABC = sight({"a": {}, "b": {}, "c": {}})
NOTHING = sight({})


@pytest.mark.parametrize(
    ("down", "said"),
    [
        ("DROP TABLE c; DROP TABLE a; DROP TABLE b;", "drops c, a, b !"),
        ("DROP TABLE b, c, public.A", "drops b, c, a !"),
        # Not the first time that it is named, but where it goes.
        ("DELETE FROM b; DROP TABLE c; DROP TABLE a; DROP TABLE b;", "drops c, a, b !"),
        ("DROP TRIGGER x ON b; DROP TABLE a; DROP TABLE b; DROP TABLE c", "drops a, b, c !"),
        ("DO $$BEGIN DROP TABLE b; DROP TABLE a; DROP TABLE c; END$$", "drops b, a, c !"),
        ("DROP TABLE c; DROP TABLE a CASCADE", "drops c, a !, and with them b"),
        ("DROP TABLE b CASCADE", "drops b, and with it a, c"),
        # By what nothing can be seen of, such as a function: in no order.
        ("SELECT drop_everything()", "drops a, b, c"),
    ],
)  # fmt: skip
def test_tables_are_told_in_the_order_in_which_they_are_dropped(down: str, said: str) -> None:
    assert told(ABC, NOTHING, down) == [said.replace("!", "(in that order)")]


def test_what_goes_with_its_table_is_not_told() -> None:
    before = sight({
        "users": {"id": "integer"},
        "index users_id on users": {"definition": "x"},
        "sequence users_id_seq": {"owned by": "public.users.id"},
        "sequence other": {},
    })  # fmt: skip
    assert told(before, NOTHING, "DROP TABLE users; DROP SEQUENCE other") == [
        "drops users",
        "drops sequence other",
    ]


def test_parts_are_told_with_what_they_are_parts_of() -> None:
    before = sight(
        {**USERS, "index users_note on users": {}, "trigger t on users": {}, "view v": {}}
    )
    after = sight({"users": {"id": "integer"}})
    down = "DROP VIEW v; DROP TRIGGER t ON users; ALTER TABLE users DROP note"
    assert told(before, after, down) == [
        "drops view v, trigger t on users, column users.note, and with them index users_note"
    ]


def test_a_part_of_the_same_name_elsewhere_is_another_one() -> None:
    before = sight({"a": {"id": "integer", "note": "text"}, "b": {"id": "integer", "note": "text"}})
    after = sight({"a": {"id": "integer"}, "b": {"id": "integer"}})
    assert told(before, after, "ALTER TABLE b DROP note CASCADE") == [
        "drops column b.note, and with it column a.note"
    ]


def test_what_is_there_again_is_brought_back() -> None:
    after = sight({**USERS, "view v": {}})
    assert told(NOTHING, after, "CREATE TABLE users") == ["brings back users", "brings back view v"]
    before = sight({"users": {"id": "integer"}})
    assert told(before, sight(USERS)) == ["brings back column users.note"]


def test_what_changed_is_told_with_both_values() -> None:
    before = sight({"users": {"id": "numeric", "note": "text"}, "type mood": {"values": "a, b"}})
    after = sight({"users": {"id": "integer", "note": "text"}, "type mood": {"values": "a"}})
    assert told(before, after) == [
        "changes type mood: values a, b → a",
        "changes column users.id: numeric → integer",
    ]


def test_an_order_of_columns_is_told_only_where_that_is_all() -> None:
    turned = sight({"users": {"note": "text", "id": "integer"}})
    assert told(sight(USERS), turned) == [
        "changes table users: column order id, note → note, id (order only)"
    ]
    turned = sight({"users": {"note": "text", "id": "integer"}, "view v": {}})
    assert told(sight(USERS), turned) == ["brings back view v"]


def test_a_rename_is_no_loss() -> None:
    before = sight(
        {"people": {"id": "integer", "mail": "text"},
         "index people_mail on people": {"definition": "CREATE INDEX people_mail ON people (mail)"},
         "orders": {"x": "integer"},
         "constraint fk on orders": {"definition": "REFERENCES people(id)"}},
        {"people": [("1", "a")]},
    )  # fmt: skip
    after = sight(
        {"users": {"id": "integer", "note": "text"},
         "index users_note on users": {"definition": "CREATE INDEX users_note ON users (note)"},
         "orders": {"x": "integer"},
         "constraint fk on orders": {"definition": "REFERENCES users(id)"}},
        {"users": [("1", "a")]},
    )  # fmt: skip
    down = (
        "ALTER INDEX people_mail RENAME TO users_note; ALTER TABLE people RENAME mail TO note;"
        "ALTER TABLE people RENAME TO users;"
    )
    assert told(before, after, down) == [
        "renames people to users",
        "renames index people_mail to users_note",
        "renames column users.mail to note",
    ]
    # Looks the same, and has lost its rows.
    made_anew = "DROP TABLE people; CREATE TABLE users (id integer, note text);"
    assert told(before, after, made_anew)[:2] == ["drops people", "brings back users"]


def test_a_schema_is_renamed_with_what_is_in_it() -> None:
    before = sight({"schema new": {}, "new.a": {"id": "integer"}}, {"new.a": [("1",)]})
    after = sight({"schema old": {}, "old.a": {"id": "integer"}}, {"old.a": [("1",)]})
    assert told(before, after, "ALTER SCHEMA new RENAME TO old") == ["renames schema new to old"]
    assert told(before, after, "ALTER TABLE new.a SET SCHEMA old")[-1] == "renames new.a to old.a"


def test_rows_are_counted_by_table() -> None:
    schema = {"a": {"id": "integer"}, "b": {"id": "integer"}, "c": {"id": "integer"}}
    before = sight(schema, {"a": [("1",)], "b": [("1",), ("2",), ("3",)], "c": [("1",)]})
    after = sight(schema, {"b": [("1",)], "c": [("1",), ("2",)]})
    assert told(before, after) == ["deletes 1 row of a and 2 of b", "adds 1 row to c"]
    assert told(before, sight(schema)) == ["deletes 1 row of a, 3 of b and 1 of c"]


def test_values_are_counted_by_column() -> None:
    before = users(("1", "x"), ("2", "y"), ("3", "z"))
    after = users(("1", None), ("2", "w"), ("3", None))
    assert told(before, after) == [
        "empties users.note in 2 rows",
        "changes users.note in 1 row",
    ]


def test_rows_and_values_that_go_with_their_table_or_column_are_not_told_again() -> None:
    before = users(("1", "x"))
    assert told(before, NOTHING, "DROP TABLE users") == ["drops users"]
    after = sight({"users": {"id": "integer"}}, {"users": [("1",)]})
    down = "ALTER TABLE users DROP COLUMN note"
    assert told(before, after, down) == ["drops column users.note"]


def test_rows_of_a_table_that_is_brought_back_are_told() -> None:
    assert told(NOTHING, users(("1", "x"), ("2", "y"))) == [
        "brings back users",
        "adds 2 rows to users",
    ]


def test_a_statement_that_spares_no_row_is_told_so_however_few_there_were() -> None:
    before = users(("1", "x"))
    for down in ("DELETE FROM users", "TRUNCATE users", 'DELETE FROM public."users"'):
        assert told(before, users(), down) == ["deletes every row of users"]
        assert told(users(), users(), down) == ["deletes every row of users"]


@pytest.mark.parametrize(
    ("down", "said"),
    [
        ("DELETE FROM users WHERE note = 'x'", ["may delete rows of users"]),
        ("UPDATE users SET note = 'x'", ["may change rows of users"]),
        ("INSERT INTO users SELECT 1 WHERE false", ["may add rows to users"]),
        ("DELETE FROM nothing WHERE true", []),
        ("SELECT 1", []),
    ],
)
def test_what_found_no_rows_here_may_find_some_elsewhere(down: str, said: list[str]) -> None:
    assert told(users(), users(), down) == said


def test_what_was_seen_is_not_told_as_possible() -> None:
    deleted = "DELETE FROM users WHERE note = 'x'"
    assert told(users(("1", "x")), users(), deleted) == ["deletes 1 row of users"]
    changed = "UPDATE users SET note = NULL"
    assert told(users(("1", "x")), users(("1", None)), changed) == ["empties users.note in 1 row"]
    added = "INSERT INTO users VALUES (1)"
    assert told(users(), users(("1", None)), added) == ["adds 1 row to users"]


@pytest.mark.parametrize("schema", [{"t": {"id": "integer"}}, {"t": {"x": "integer"}}])
def test_more_rows_than_were_read_are_not_counted_to_the_end(schema: Schema) -> None:
    before = sight(schema, {"t": [(f"{number}",) for number in range(9)]}, limit=5)
    assert told(before, sight(schema)) == ["deletes at least 5 rows of t"]


def test_rows_that_could_not_be_read_are_said_to_be_unknown() -> None:
    unread = Unfilled(table="users", reason="permission denied")
    after = Sight(schema=sight(USERS).schema, contents=Contents(unread=(unread,)))
    before = users(("1", "x"))
    assert told(before, after) == []
    assert told(before, after, "TRUNCATE users") == [
        "may change rows of users, which could not be read"
    ]


def test_what_only_another_statement_names_went_along() -> None:
    down = "REVOKE SELECT ON c FROM reader; DROP TABLE b; DROP TABLE a CASCADE"
    assert told(ABC, NOTHING, down) == ["drops b, a (in that order), and with them c"]


def test_a_password_in_a_value_is_not_shown() -> None:
    name = "server remote"
    before = sight({name: {"foreign options": "host=a, password=geheim"}})
    (said,) = told(before, sight({name: {"foreign options": "host=a, password=secret2"}}))
    assert (
        said == "changes server remote: foreign options host=a, password=*** → host=a, password=***"
    )


def test_sqlite_names_are_the_same_in_any_case() -> None:
    before = sight({"Users": {}, "orders": {}})
    down = "DROP TABLE USERS; DROP TABLE [Orders];"
    assert told(before, NOTHING, down, Dialect.SQLITE) == ["drops Users, orders (in that order)"]


def test_a_row_of_the_table_is_a_sentence() -> None:
    def row(way: RollbackWay, *does: str) -> str:
        return Rollback(version=Version("007"), name="x", way=way, does=does).text

    assert row(RollbackWay.DOWN, "drops a, b (in that order)", "deletes 1 row of c") == (
        "Drops a, b (in that order); deletes 1 row of c"
    )
    assert row(RollbackWay.DOWN) == "Changes nothing"
    assert row(RollbackWay.IRREVERSIBLE) == "Cannot be rolled back"
    assert row(RollbackWay.MISSING) == "No down file"
