"""The schema as it is read: the same promises on both engines."""

import pytest
from contract_kit import THREE, Place, place

from banister import Snapshot, Version
from banister.snapshot import Weight, compare, parse, render
from banister.who import run_info

_SCHEMA = (
    "CREATE TABLE users (id int PRIMARY KEY, email text DEFAULT 'x', age int CHECK (age > 0))",
    "CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users (id), title text)",
    "CREATE INDEX posts_title ON posts (title)",
    "CREATE VIEW titles AS SELECT title FROM posts",
)


def told(place: Place, before: Snapshot) -> list[str]:
    return [str(difference) for difference in compare(before, place.project().snapshot())]


def test_reading_writes_nothing_and_makes_nothing(place: Place) -> None:
    tables = place.tables()
    before = None if place.is_sqlite else place.fingerprint()
    assert [thing for thing in place.project().snapshot().objects if thing.kind == "table"] == []
    assert place.tables() == tables == set()
    if before is not None:
        assert place.fingerprint() == before
    place.run(*_SCHEMA)
    before = place.fingerprint()
    place.project().snapshot()
    assert place.fingerprint() == before


def test_banisters_own_tables_are_left_out(place: Place) -> None:
    before = place.project().snapshot()
    place.project().up()
    place.project().down(3)
    assert "schema_migrations" in place.tables()
    assert place.project().snapshot() == before


def test_a_way_up_and_down_leaves_no_difference(place: Place) -> None:
    place.project().up(to="001")
    before = place.project().snapshot()
    place.project().up()
    assert told(place, before) == ["table b: not expected", "table c: not expected"]
    place.project().down(2)
    assert told(place, before) == []


def test_the_text_of_a_real_schema_is_read_back(place: Place) -> None:
    place.run(*_SCHEMA)
    found = place.project().snapshot()
    assert parse(render(found), "s") == found
    assert "column email" in render(found)


# fmt: off
_CHANGES = [
    ("DROP INDEX posts_title", ["index posts_title: missing"]),
    ("CREATE INDEX extra ON posts (id)", ["index extra: not expected"]),
    ("ALTER TABLE posts ADD COLUMN note text", ["column posts.note: not expected"]),
    ("DROP VIEW titles", ["view titles: missing"]),
    ("CREATE TABLE more (id int)", ["table more: not expected"]),
    ("ALTER TABLE posts RENAME COLUMN author TO writer", None),
]
# fmt: on


@pytest.mark.parametrize(("change", "words"), _CHANGES)
def test_a_change_is_named(place: Place, change: str, words: list[str] | None) -> None:
    place.run(*_SCHEMA)
    before = place.project().snapshot()
    place.run(change)
    found = told(place, before)
    if words is None:
        assert {"column posts.author: missing", "column posts.writer: not expected"} <= {*found}
    else:
        assert found == words


def test_dropping_a_column_and_adding_it_again_changes_the_order_alone(place: Place) -> None:
    place.run("CREATE TABLE t (a text, b text, c text)")
    before = place.project().snapshot()
    place.run("ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b text")
    (found,) = compare(before, place.project().snapshot())
    assert found.weight is Weight.ORDER
    assert str(found) == "table t: column order a, b, c → a, c, b (order only)"


def test_renaming_a_table_and_back_leaves_no_difference(place: Place) -> None:
    place.run(*_SCHEMA)
    before = place.project().snapshot()
    place.run("ALTER TABLE users RENAME TO people", "ALTER TABLE people RENAME TO users")
    assert told(place, before) == []


def test_the_history_can_have_another_name(place: Place) -> None:
    place.write(THREE)
    settings = {"history_table": "my_history"}
    place.project(**settings).up()
    kept = {thing.name for thing in place.project(**settings).snapshot().objects}
    assert {"a", "b", "c"} <= kept
    assert not {name for name in kept if "my_history" in name}


def test_one_connection_reads_snapshots_and_rows_before_between_and_behind_migrations(
    place: Place,
) -> None:
    project = place.project()
    steps = project.plan().plan.steps
    with project.engine() as engine:
        before = engine.snapshot()
        engine.prepare()
        for _ in engine.lock(wait_seconds=5):
            pass
        assert engine.snapshot() == before
        applied = frozenset[Version]()
        for step in steps:
            for _ in engine.apply(step, run_info(), expected=applied):
                pass
            applied |= {step.version}
            assert len(engine.contents().tables) == len(applied)
            engine.snapshot()
            engine.fill()
        assert engine.snapshot() == project.snapshot()
