"""Rows of a SQLite file that a run takes away: saved before, and put back."""

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import banister
from banister import DatabaseError, MigrationFailed, UsageError
from banister.model.backup import RowsBack, SavedRows
from conftest import RunBanister, clean_environment

SETUP = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, data BLOB);
CREATE TABLE posts (
    id INTEGER PRIMARY KEY, author INTEGER REFERENCES users (id) ON DELETE CASCADE, body TEXT);
CREATE TABLE "odd ""name" ("rowid" TEXT, "a b" ANY);
CREATE TABLE pairs (a TEXT, b INTEGER, c REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE audit (what TEXT);
CREATE TRIGGER cleaned AFTER DELETE ON posts BEGIN DELETE FROM audit WHERE what = OLD.body; END;
CREATE TRIGGER told AFTER INSERT ON posts BEGIN INSERT INTO audit VALUES ('told'); END;
INSERT INTO users VALUES (1, 'ada', x'00ff'), (2, 'bob', NULL), (3, 'cy', 'text');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 2, 'three');
INSERT INTO "odd ""name" VALUES ('x', 1), ('x', 1), ('y', 2.5), (NULL, NULL);
INSERT INTO pairs VALUES ('a', 1, 0.1), ('a', 2, 9007199254740993), ('b', 1, NULL);
DELETE FROM audit;
INSERT INTO audit VALUES ('one'), ('two'), ('other');
"""
THEIR_OWN = """
CREATE TEMP TABLE mine (n); INSERT INTO mine VALUES (1); DELETE FROM mine;
CREATE TABLE own (n); INSERT INTO own VALUES (1); DELETE FROM own; DROP TABLE own;
"""
TABLES = ("users", "posts", '"odd ""name"', "pairs", "audit")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A project on a file whose tables hold rows."""

    root: Path

    @property
    def file(self) -> Path:
        return self.root / "app.db"

    def project(self, **settings: object) -> banister.Project:
        return banister.open(
            f"sqlite:///{self.file}", root=self.root, dir="migrations", environ={},
            settings=settings,
        )  # fmt: skip

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.root / "migrations" / f"{name}.sql").write_text(text)

    def up(self, text: str, down: str = "SELECT 1;") -> list[SavedRows]:
        """Apply a migration with this text, and save rows; return what was saved."""
        self.write({"002_next.up": text, "002_next.down": down})
        events: list[object] = []
        self.project().up(save_rows=True, on_event=events.append)
        return [event for event in events if isinstance(event, SavedRows)]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows, with what kind each value is of."""
        with closing(sqlite3.connect(self.file)) as connection:
            return {
                table: sorted(
                    (
                        tuple((type(value).__name__, value) for value in row)
                        for row in connection.execute(f"SELECT * FROM {table}")
                    ),
                    key=repr,
                )
                for table in TABLES
                if connection.execute(
                    "SELECT 1 FROM sqlite_master WHERE name = ?",
                    [table.strip('"').replace('""', '"')],
                ).fetchone()
            }

    def back(self) -> tuple[RowsBack, ...]:
        (run,) = (self.root / "backups").glob("rows_*")
        return self.project().backups().restore_rows(run.name)

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    found = Ground(root=tmp_path)
    (tmp_path / "migrations").mkdir()
    found.write({"001_setup.up": SETUP, "001_setup.down": "SELECT 1;"})
    found.project().up()
    return found


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("DELETE FROM audit;", {"audit": 3}),
        ("DELETE FROM audit WHERE what = 'never';", {}),
        ("DELETE FROM users WHERE id = 2;", {"users": 1, "posts": 2, "audit": 1}),
        ("DELETE FROM users;", {"users": 3, "posts": 3, "audit": 2}),
        ("WITH gone AS (SELECT 1 AS id) DELETE FROM users WHERE id IN (SELECT id FROM gone);",
         {"users": 1, "posts": 1, "audit": 1}),
        ('DELETE FROM "odd ""name" WHERE "a b" = 1;', {'"odd ""name"': 2}),
        ("DELETE FROM pairs WHERE a = 'a';", {"pairs": 2}),
        ("DELETE FROM posts WHERE id = 2; DELETE FROM posts WHERE id = 3;",
         {"posts": 2, "audit": 1}),
        (THEIR_OWN, {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("off", ["", "-- banister: transaction=off\n"])
def test_rows_that_a_delete_takes_come_back(
    ground: Ground, text: str, rows: dict[str, int], off: str
) -> None:
    before = ground.contents()
    saved = ground.up(off + text)
    count: dict[str, int] = {}
    for each in saved:
        count[each.loss.table] = count.get(each.loss.table, 0) + each.rows
    assert count == rows
    if rows:
        assert ground.contents() != before
        back = ground.back()
        assert sum(each.rows for each in back) == sum(rows.values())
        assert sum(each.rows for each in ground.back()) == 0
    assert ground.contents() == before
    triggers = ground.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")
    # Two of these are of the log.
    assert triggers == [(4,)]
    logged = ground.execute("SELECT count(*) FROM schema_migrations_log WHERE event = 'rows_saved'")
    assert logged == [(len(saved),)]


def test_dropped_tables_and_columns_come_back_behind_the_way_down(ground: Ground) -> None:
    before = ground.contents()
    saved = ground.up(
        'DROP TABLE pairs;\nDROP TABLE "odd ""name";\nALTER TABLE main."users" DROP "email";\n'
        "ALTER TABLE posts DROP COLUMN body;\nDROP TABLE IF EXISTS nowhere;"
        .replace("ALTER TABLE posts", "DROP TRIGGER cleaned; ALTER TABLE posts"),
        'CREATE TABLE pairs (a TEXT, b INTEGER, c REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;\n'
        'CREATE TABLE "odd ""name" ("rowid" TEXT, "a b" ANY);\n'
        "ALTER TABLE users ADD email TEXT;\nALTER TABLE posts ADD body TEXT;",
    )  # fmt: skip
    assert [(s.loss.kind.value, s.loss.table, s.rows) for s in saved] == [
        ("all", "pairs", 3),
        ("all", '"odd ""name"', 4),
        ("columns", "users", 3),
        ("columns", "posts", 3),
    ]
    with pytest.raises(DatabaseError) as caught:
        ground.back()
    assert caught.value.code == "rows_not_restored"
    ground.project().down()
    back = ground.back()
    assert [(each.table, each.rows) for each in back] == [
        ("posts", 3), ("users", 3), ('odd "name', 4), ("pairs", 3),
    ]  # fmt: skip
    after = ground.contents()
    assert after["pairs"] == before["pairs"]
    assert after['"odd ""name"'] == before['"odd ""name"']
    assert ground.execute("SELECT email, data FROM users") == [
        ("ada", b"\x00\xff"), ("bob", None), ("cy", "text"),
    ]  # fmt: skip
    assert ground.execute("SELECT body FROM posts") == [("one",), ("two",), ("three",)]


def test_a_table_that_is_made_anew_is_saved_whole(ground: Ground) -> None:
    saved = ground.up(
        "-- banister: foreign_keys=off\nCREATE TABLE new (id INTEGER PRIMARY KEY, email TEXT);\n"
        "INSERT INTO new SELECT id, email FROM users;\nDROP TABLE users;\n"
        "ALTER TABLE new RENAME TO users;"
    )
    assert [(s.loss.kind.value, s.loss.table, s.rows) for s in saved] == [("all", "users", 3)]


def test_what_is_rolled_back_leaves_no_file(ground: Ground) -> None:
    before = ground.contents()
    with pytest.raises(MigrationFailed):
        ground.up("DELETE FROM audit;\nDROP TABLE pairs;\nSELECT * FROM nowhere;")
    assert not list(ground.root.glob("backups/**/*"))
    assert ground.contents() == before


def test_outside_a_transaction_what_was_committed_stays_saved(ground: Ground) -> None:
    with pytest.raises(MigrationFailed):
        ground.up(
            "-- banister: transaction=off\nDELETE FROM audit;\nVACUUM;\nDELETE FROM pairs;\n"
            "DELETE FROM users;\nSELECT * FROM nowhere;"
        )
    assert {each.name[:6] for each in ground.root.glob("backups/*/*.json")} == {
        "002_1_", "002_3_", "002_4_",
    }  # fmt: skip
    assert sum(each.rows for each in ground.back()) == 3 + 3 + 3 + 3


@pytest.mark.parametrize("point", ["in_transaction:2", "before_commit:1", "after_commit:1"])
def test_a_run_that_is_killed_has_saved_what_it_takes(ground: Ground, point: str) -> None:
    before = ground.contents()
    ground.write({"002_next.up": "DELETE FROM audit;\nSELECT 1;", "002_next.down": "SELECT 1;"})
    done = subprocess.run(
        [sys.executable, "-m", "banister", "up", "--save-rows"],
        cwd=ground.root,
        env=clean_environment()
        | {"DATABASE_URL": f"sqlite:///{ground.file}", "BANISTER_TEST_FAIL_POINT": f"{point}:kill"},
        check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == -9
    assert (ground.contents() == before) is (point != "after_commit:1")
    back = ground.back()
    assert sum(each.rows + each.there for each in back) == 3
    assert ground.contents() == before
    ground.project().up()


def test_rows_that_took_their_place_stay(ground: Ground) -> None:
    ground.up("DELETE FROM audit WHERE what <> 'other'; DELETE FROM users WHERE id = 1;")
    ground.execute("INSERT INTO audit (rowid, what) VALUES (1, 'new')")
    ground.execute("INSERT INTO users VALUES (1, 'other', NULL)")
    back = {each.table: (each.rows, each.there) for each in ground.back()}
    assert back["users"] == (0, 1)
    assert sorted(ground.execute("SELECT what FROM audit")) == [
        ("new",), ("one",), ("other",), ("two",),
    ]  # fmt: skip
    assert ground.execute("SELECT email FROM users WHERE id = 1") == [("other",)]


def test_rows_whose_parents_are_gone_come_back_not_at_all(ground: Ground) -> None:
    ground.up("DELETE FROM posts WHERE author = 1;")
    ground.execute("DELETE FROM users WHERE id = 1")
    before = ground.contents()
    with pytest.raises(DatabaseError, match="rows that are not there"):
        ground.back()
    assert ground.contents() == before


def test_a_folder_that_cannot_be_written_stops_the_run(ground: Ground) -> None:
    (ground.root / "backups").write_text("a file")
    before = ground.contents()
    with pytest.raises(MigrationFailed, match="cannot be saved"):
        ground.up("DELETE FROM audit;")
    assert ground.contents() == before


def test_a_full_disk_stops_the_run_and_nothing_is_lost(ground: Ground, small_disk: Path) -> None:
    ground.execute("INSERT INTO audit SELECT hex(randomblob(400000)) FROM pairs")
    before = ground.contents()
    ground.write({"002_next.up": "DELETE FROM audit;", "002_next.down": "SELECT 1;"})
    full = "cannot be saved: database or disk is full"
    with pytest.raises(MigrationFailed, match=full) as caught:
        ground.project(backup_dir=str(small_disk / "rows")).up(save_rows=True)
    assert "make room" in (caught.value.hint or "")
    assert ground.contents() == before
    assert not list(small_disk.glob("rows/*/*"))


def test_rows_of_virtual_tables_are_refused(ground: Ground) -> None:
    ground.execute("CREATE VIRTUAL TABLE words USING fts5(body)")
    ground.execute("INSERT INTO words VALUES ('one')")
    with pytest.raises(MigrationFailed, match="virtual table"):
        ground.up("DELETE FROM words;")
    with pytest.raises(MigrationFailed, match="cannot be saved"):
        ground.up("DROP TABLE words;")
    assert ground.execute("SELECT * FROM words") == [("one",)]


def test_a_damaged_file_is_refused(ground: Ground) -> None:
    (saved,) = ground.up("DELETE FROM audit;")
    path = Path(saved.path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes().replace(b"other", b"OTHER"))
    with pytest.raises(UsageError, match="damaged"):
        ground.back()


def test_on_the_command_line(ground: Ground, run_banister: RunBanister) -> None:
    env = {"DATABASE_URL": f"sqlite:///{ground.file}"}
    ground.write({"002_next.up": "DELETE FROM audit;", "002_next.down": "SELECT 1;"})
    done = run_banister("up", "--save-rows", env=env, cwd=ground.root)
    assert "002  saved 3 rows of audit: " in done.stdout
    (run,) = (ground.root / "backups").iterdir()
    done = run_banister("restore", "--rows", run.name, env=env, cwd=ground.root)
    assert "audit  3 rows put back" in done.stdout


PLAIN = "DROP TRIGGER cleaned; DROP TRIGGER told;\n"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("INSERT OR REPLACE INTO users (id, email) VALUES (1, 'new'), (9, 'nine');", 1),
        ("REPLACE INTO users (id, email) VALUES (2, 'new');", 1),
        ("UPDATE OR /* or */ REPLACE users SET id = 2 WHERE id = 1;", 1),
        ("INSERT INTO users (id) VALUES (1) ON CONFLICT DO UPDATE SET email = excluded.email;", 0),
    ],
)  # fmt: skip
def test_rows_that_make_room_for_others_are_saved(ground: Ground, text: str, rows: int) -> None:
    ground.execute("DELETE FROM posts")
    saved = ground.up(
        PLAIN + text + "INSERT INTO audit SELECT 'recursive ' || recursive_triggers"
        " FROM pragma_recursive_triggers;"
    )
    assert sum(each.rows for each in saved if each.loss.table == "users") == rows
    assert ("recursive 0",) in ground.execute("SELECT what FROM audit")


def test_a_step_that_sees_replaced_rows_itself_keeps_its_setting(ground: Ground) -> None:
    saved = ground.up(
        PLAIN + "PRAGMA recursive_triggers = ON; REPLACE INTO users (id) VALUES (1);"
        "INSERT INTO audit SELECT 'recursive ' || recursive_triggers"
        " FROM pragma_recursive_triggers;"
    )
    assert [(each.loss.table, each.rows) for each in saved] == [("posts", 1), ("users", 1)]
    assert ("recursive 1",) in ground.execute("SELECT what FROM audit")


def test_rows_that_make_room_in_a_session_with_triggers_are_refused(ground: Ground) -> None:
    before = ground.contents()
    trigger = "CREATE TEMP TRIGGER t AFTER DELETE ON users BEGIN DELETE FROM pairs; END;\n"
    with pytest.raises(MigrationFailed, match="may replace rows"):
        ground.up(PLAIN + trigger + "REPLACE INTO users (id) VALUES (1);")
    assert ground.contents() == before


def test_asking_with_or_and_replace_is_no_replacing(ground: Ground) -> None:
    ground.up("SELECT 1 FROM audit WHERE 0 OR replace(what, 'a', 'b') = 'b';")


def test_rows_that_make_room_are_refused_where_triggers_would_see_it(ground: Ground) -> None:
    before = ground.contents()
    with pytest.raises(MigrationFailed, match="may replace rows"):
        ground.up("DELETE FROM pairs; INSERT OR REPLACE INTO users (id) VALUES (1);")
    assert ground.contents() == before


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM pairs; INSERT INTO audit VALUES (changes());",
        "DELETE FROM pairs; INSERT INTO audit VALUES (last_insert_rowid());",
        "DELETE FROM pairs; CREATE TABLE t AS SELECT total_changes();",
        "DELETE FROM users WHERE id = last_insert_rowid();",
    ],
)
def test_what_counts_our_own_statements_is_refused(ground: Ground, text: str) -> None:
    before = ground.contents()
    with pytest.raises(MigrationFailed, match="would count what saving rows"):
        ground.up(text)
    assert ground.contents() == before


def test_text_that_is_not_text_is_refused_with_what_to_do(ground: Ground) -> None:
    ground.execute("INSERT INTO audit VALUES (CAST(x'ff41' AS TEXT))")
    with pytest.raises(MigrationFailed, match="Could not decode") as caught:
        ground.up("DELETE FROM audit;")
    assert "--backup" in (caught.value.hint or "")
    assert ground.execute("SELECT count(*) FROM audit") == [(4,)]
    assert not list(ground.root.glob("backups/**/*"))
