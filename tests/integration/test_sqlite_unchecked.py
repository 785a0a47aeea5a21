"""SQLite backups of schemas that only their application can read whole."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import banister
from banister import Event, Warned
from banister.errors import DatabaseError
from conftest import RunBanister
from sqlite_backup_kit import migrated, open_project, root_of, rows

SCHEMAS = {
    "an index": "CREATE TABLE own (a TEXT); CREATE INDEX own_a ON own (a COLLATE by_number)",
    "a key": "CREATE TABLE own (a TEXT COLLATE by_number PRIMARY KEY) WITHOUT ROWID",
    "a column": "CREATE TABLE own (a TEXT, b TEXT AS (scored(a)))",
    "a condition": "CREATE TABLE own (a TEXT); CREATE INDEX own_a ON own (a) WHERE scored(a)",
}


@pytest.fixture
def project(tmp_path: Path) -> banister.Project:
    return migrated(tmp_path)


def by_the_application(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.create_collation("by_number", lambda one, two: (two > one) - (two < one))
        connection.create_function("scored", 1, lambda _: 1, deterministic=True)
        connection.executescript(script)
        connection.executemany("INSERT INTO own (a) VALUES (?)", [[f"v{n}"] for n in range(300)])
        connection.commit()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_could_not_be_checked_is_backed_up_and_told(
    project: banister.Project, schema: str, run_banister: RunBanister
) -> None:
    root = root_of(project)
    by_the_application(root / "app.db", SCHEMAS[schema])
    events: list[Event] = []
    done = project.backups().take(test=True, on_event=events.append)
    (warned,) = [event.finding for event in events if isinstance(event, Warned)]
    assert (warned.code, "own: " in warned.message) == ("not_checked", True)
    assert list(done.manifest.unchecked) == ["own"], "the other tables were checked"
    path = root / done.path
    assert json.loads(path.with_name(f"{path.name}.json").read_text())["unchecked"].keys() == {
        "own"
    }
    told = run_banister(
        "backup", "--check", path, "--url", f"sqlite:///{root}/app.db", cwd=root
    )  # fmt: skip
    assert "1 table not checked" in told.stdout + told.stderr, told
    restored = open_project(root, "other.db").backups().restore(path)
    assert restored.rows["own"] == 300


def test_pages_of_such_a_table_are_checked_all_the_same(project: banister.Project) -> None:
    live = root_of(project) / "app.db"
    by_the_application(live, SCHEMAS["an index"])
    ((root_page,),) = rows(live, "SELECT rootpage FROM sqlite_schema WHERE name = 'own_a'")
    data = bytearray(live.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    at = (int(str(root_page)) - 1) * size
    data[at : at + 1] = b"\x07"
    live.write_bytes(bytes(data))
    with pytest.raises(DatabaseError) as caught:
        project.backups().take()
    assert caught.value.code == "damaged"
    assert not list((live.parent / "backups").iterdir())


def test_a_schema_that_can_be_checked_whole_says_nothing(project: banister.Project) -> None:
    events: list[Event] = []
    done = project.backups().take(on_event=events.append)
    assert done.manifest.unchecked == {}
    assert not [event for event in events if isinstance(event, Warned)]
