"""A history table that another runner made is taken over as it is, and it can go on using it."""

import itertools
from pathlib import Path

import pytest
from contract_kit import Place

import banister
from banister.model import State
from servers import AnyDatabase, PostgresDatabase, SqliteDatabase

CASES = [
    ("postgresql", "integer", "001_a", "timestamptz"),
    ("postgresql", "integer", "a", "timestamp"),
    ("postgresql", "bigint", "a", "timestamptz"),
    ("postgresql", "text", "001_a", "timestamp"),
    ("postgresql", "text", "a", "timestamptz"),
    ("postgresql", "varchar(255)", "001_a", "timestamptz"),
    *itertools.product(
        ("sqlite",), ("INTEGER", "BIGINT", "TEXT"), ("a", "001_a"), ("TEXT", "TIMESTAMP")
    ),
]
THEIRS = ["version", "name", "applied_at"]
OURS = ["up_checksum", "down_checksum", "down_text", "duration_ms", "run_id"]
WHEN = "'2024-05-01 12:00:00'"


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str, str, str]:
    found: tuple[str, str, str, str] = request.param
    return found


@pytest.fixture
def taken(case: tuple[str, str, str, str], request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database that another runner brought to 001, and our files for 001 to 003."""
    engine, version, name, time = case
    database: AnyDatabase = (
        SqliteDatabase(path=tmp_path / "app.db")
        if engine == "sqlite"
        else request.getfixturevalue("postgres")
    )
    place = Place(root=tmp_path, database=database)
    for number, letter in enumerate("abc", start=1):
        place.write(
            {
                f"{number:03}_{letter}.up": f"CREATE TABLE {letter} (id int);",
                f"{number:03}_{letter}.down": f"DROP TABLE {letter};",
            }
        )
    place.run(
        "CREATE TABLE a (id int)",
        f"CREATE TABLE schema_migrations (version {version} PRIMARY KEY, "
        f"name {'text' if engine == 'sqlite' else 'varchar(255)'} NOT NULL, "
        f"applied_at {time} NOT NULL)",
        _insert(place, version, "001", name),
    )
    return place


def _insert(place: Place, version: str, number: str, name: str) -> str:
    """The plain insert of three columns that the other runner goes on doing."""
    value = str(int(number)) if "int" in version.lower() else f"'{number}'"
    return (
        "INSERT INTO schema_migrations (version, name, applied_at) "
        f"VALUES ({value}, '{name}', {WHEN})"
    )


def test_it_is_understood_and_looking_adds_nothing(taken: Place) -> None:
    before = taken.fingerprint()
    status = taken.project().status()
    assert [row.state for row in status.rows] == [State.APPLIED, State.PENDING, State.PENDING]
    assert status.rows[0].version.text == "001"
    assert status.rows[0].name == "a"
    assert status.rows[0].applied_at is not None
    assert status.findings == ()
    assert [step.label for step in taken.project().plan().plan.steps] == ["002_b", "003_c"]
    assert taken.columns() == THEIRS
    assert taken.fingerprint() == before


def test_with_nothing_pending_it_stays_as_it_is(taken: Place) -> None:
    taken.project().up(to="1")
    assert taken.columns() == THEIRS
    assert "schema_migrations_log" not in taken.tables()


def test_the_first_up_adds_our_columns_and_both_go_on(
    taken: Place, case: tuple[str, str, str, str]
) -> None:
    _, version, name, _ = case
    taken.project().up(to="2")
    assert taken.columns() == THEIRS + OURS
    (foreign, ours) = taken.rows(
        "SELECT up_checksum IS NULL, name FROM schema_migrations ORDER BY applied_at"
    )
    assert (bool(foreign[0]), foreign[1]) == (True, name)
    assert (bool(ours[0]), ours[1]) == (False, "b")

    taken.run("CREATE TABLE c (id int)", _insert(taken, version, "003", name.replace("a", "c")))
    states = [row.state for row in taken.project().status().rows]
    assert states == [State.APPLIED] * 3
    assert taken.project().up().steps == ()


def test_its_migrations_come_down_by_their_files(taken: Place) -> None:
    taken.project().up()
    taken.project().down(to="0")
    assert taken.rows("SELECT count(*) FROM schema_migrations") == [(0,)]
    assert taken.tables() == {"schema_migrations", "schema_migrations_log"}


def test_another_name_only_warns(taken: Place) -> None:
    taken.run("UPDATE schema_migrations SET name = 'something_else'")
    (finding,) = taken.project().status().findings
    assert finding.code == "name_differs"
    assert finding.severity == "warning"
    taken.project().up()
    assert len(taken.history()) == 3


def test_an_accepted_edit_gives_its_row_what_ours_have(taken: Place) -> None:
    taken.project().accept_edit("1")
    (row,) = taken.rows("SELECT name, down_text, up_checksum IS NULL FROM schema_migrations")
    assert (row[0], row[1], bool(row[2])) == ("a", "DROP TABLE a;", False)
    taken.remove("001_a.up", "001_a.down")
    taken.project().down()
    assert "a" not in taken.tables()


@pytest.mark.parametrize("spelling", ["1", "0001", "001_a"])
def test_however_it_spells_a_version_as_text_its_row_is_found_again(
    any_database: AnyDatabase, tmp_path: Path, spelling: str
) -> None:
    place = Place(root=tmp_path, database=any_database)
    place.write({"001_a.up": "CREATE TABLE a (id int);", "001_a.down": "DROP TABLE a;"})
    place.run(
        "CREATE TABLE a (id int)",
        "CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, applied_at text)",
        f"INSERT INTO schema_migrations VALUES ('{spelling}', 'a', {WHEN})",
    )
    assert [row.state for row in place.project().status().rows] == [State.APPLIED]
    assert place.project().up().steps == ()
    place.project().down()
    assert place.rows("SELECT * FROM schema_migrations") == []
    assert "a" not in place.tables()


def test_versions_that_are_no_numbers_stop_every_run(
    any_database: AnyDatabase, tmp_path: Path
) -> None:
    place = Place(root=tmp_path, database=any_database)
    place.write({"001_a.up": "CREATE TABLE a (id int);", "001_a.down": "DROP TABLE a;"})
    place.run(
        "CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, applied_at text)",
        f"INSERT INTO schema_migrations VALUES ('first', 'a', {WHEN})",
    )
    plan = place.project().plan().plan
    assert [finding.code for finding in plan.errors] == ["history_version_unreadable"]
    assert place.columns() == THEIRS


def test_a_schema_of_its_own_holds_the_history(postgres: PostgresDatabase, tmp_path: Path) -> None:
    place = Place(root=tmp_path, database=postgres)
    place.write({"001_a.up": "CREATE TABLE a (id int);"})
    place.run("CREATE SCHEMA tools")
    place.project(history_schema="tools").up()
    assert place.tables() == {"a"}
    assert place.rows("SELECT version FROM tools.schema_migrations") == [("001",)]


def test_text_that_only_begins_with_a_digit_is_no_version(
    any_database: AnyDatabase, tmp_path: Path
) -> None:
    place = Place(root=tmp_path, database=any_database)
    place.run(
        "CREATE TABLE schema_migrations "
        "(version varchar(20) PRIMARY KEY, name text, applied_at timestamp)"
    )
    place.run(
        "INSERT INTO schema_migrations (version, name, applied_at) "
        "VALUES ('3fa9c1', 'a_hash', '2024-05-01 12:00:00')"
    )
    place.write({"003_mine.up": "CREATE TABLE mine (id int);"})
    with pytest.raises(banister.FindingsError, match="3fa9c1"):
        place.project().up()


def test_rows_without_a_time_count_as_the_oldest(any_database: AnyDatabase, tmp_path: Path) -> None:
    place = Place(root=tmp_path, database=any_database)
    place.run(
        "CREATE TABLE schema_migrations "
        "(version varchar(20) PRIMARY KEY, name text, applied_at timestamp)"
    )
    place.run("INSERT INTO schema_migrations (version, name) VALUES ('1', 'a')")
    place.run(
        "INSERT INTO schema_migrations (version, name, applied_at) "
        "VALUES ('2', 'b', '2024-05-01 12:00:00')"
    )
    place.write(
        {
            "001_a.up": "SELECT 1;",
            "001_a.down": "SELECT 1;",
            "002_b.up": "SELECT 1;",
            "002_b.down": "SELECT 1;",
        }
    )
    done = place.project().down(1)
    assert [step.version.number for step in done.steps] == [2]
