"""Demo data goes into a new SQLite database, and the decision is remembered."""

from pathlib import Path

import pytest
from contract_kit import Place

from banister import MigrationFailed
from servers import AnyDatabase, PostgresDatabase, SqliteDatabase

FILES = {
    "001_a.up": "CREATE TABLE a (id int);",
    "001_a.down": "DROP TABLE a;",
    "002_demo.up": "-- banister: tags=demo\nINSERT INTO a VALUES (1);",
    "002_demo.down": "DELETE FROM a;",
    "003_c.up": "CREATE TABLE c (id int);",
    "003_c.down": "DROP TABLE c;",
}


def prepared(database: AnyDatabase, root: Path) -> Place:
    place = Place(root=root, database=database)
    place.write(FILES)
    return place


@pytest.fixture
def place(sqlite_path: Path, tmp_path: Path) -> Place:
    return prepared(SqliteDatabase(path=sqlite_path), tmp_path)


def up(place: Place, **options: str) -> list[str]:
    finished = place.project(seed_when_empty=True).up(to=options.get("to"))
    return [step.version.text for step in finished.steps]


def test_a_new_database_gets_them(place: Place) -> None:
    assert up(place) == ["001", "002", "003"]
    assert place.events()[:2] == [("applied", "001"), ("seeded", None)]
    assert place.rows("SELECT id FROM a") == [(1,)]


def test_a_database_with_a_table_does_not(place: Place) -> None:
    place.run("CREATE TABLE theirs (id int)")
    assert up(place) == ["001", "003"]
    assert ("skipped", "002") in place.events()
    assert place.rows("SELECT detail FROM schema_migrations_log WHERE event = 'seeded'") == [
        ("no",)
    ]
    assert up(place) == []


def test_the_decision_outlives_a_run_that_stopped_behind_the_first(place: Place) -> None:
    assert up(place, to="1") == ["001"]
    assert place.events() == [("applied", "001"), ("seeded", None)]
    assert up(place) == ["002", "003"]


def test_the_decision_is_kept_with_the_first_migration_when_the_second_fails(
    place: Place,
) -> None:
    place.write({"002_demo.up": "-- banister: tags=demo\nINSERT INTO nope VALUES (1);"})
    with pytest.raises(MigrationFailed):
        up(place)
    assert place.history() == ["001"]
    place.write({"002_demo.up": FILES["002_demo.up"]})
    assert up(place) == ["002", "003"]


def test_a_first_migration_that_failed_leaves_the_database_new(place: Place) -> None:
    place.write({"001_a.up": "INSERT INTO nope VALUES (1);"})
    with pytest.raises(MigrationFailed):
        up(place)
    place.write({"001_a.up": FILES["001_a.up"]})
    assert up(place) == ["001", "002", "003"]


def test_without_the_setting_they_are_migrations_like_all(place: Place) -> None:
    assert len(place.project().up().steps) == 3
    assert ("seeded", None) not in place.events()


def test_later_files_follow_the_decision(place: Place) -> None:
    up(place)
    place.write({"004_more.up": "-- banister: tags=demo\nINSERT INTO a VALUES (2);"})
    assert up(place) == ["004"]


def test_on_postgresql_the_setting_does_nothing(postgres: PostgresDatabase, tmp_path: Path) -> None:
    place = prepared(postgres, tmp_path)
    place.run("CREATE TABLE theirs (id int)")
    assert up(place) == ["001", "002", "003"]
    assert ("seeded", None) not in place.events()
