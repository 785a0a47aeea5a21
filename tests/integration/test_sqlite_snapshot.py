"""The schema of SQLite: what its own catalog tells, whatever the spelling of the statements."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import banister
from banister.snapshot import Snapshot, compare, parse, render

_TABLES = """
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, "order" int DEFAULT (1 + 2)
        CHECK ("order" >= 0), email TEXT NOT NULL ON CONFLICT IGNORE UNIQUE COLLATE NOCASE,
        low text GENERATED ALWAYS AS (lower(email)) STORED,
        CONSTRAINT named CHECK (email <> 'a,b'));
    CREATE TABLE posts (id integer PRIMARY KEY, author int NOT NULL REFERENCES users (id)
        ON DELETE CASCADE NOT DEFERRABLE, title text DEFAULT NULL, UNIQUE (author, title));
"""
_FOREIGN_KEY = "FOREIGN KEY (author) REFERENCES users (id) ON DELETE CASCADE NOT DEFERRABLE"
_REST = """
    CREATE UNIQUE INDEX by_title ON posts (lower(title) DESC) WHERE author > 3;
    CREATE VIEW v AS SELECT u.id, (SELECT count(*) FROM posts) AS n FROM users u ORDER BY 2;
    CREATE TRIGGER t AFTER INSERT ON posts BEGIN UPDATE users SET "order" = 1; SELECT 1; END;
"""


def snapshot_of(folder: Path, *scripts: str) -> Snapshot:
    path = folder / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        for script in scripts:
            connection.executescript(script)
    return banister.open(f"sqlite:///{path}", root=folder, environ={}).snapshot()


def said(snapshot: Snapshot) -> set[str]:
    return {str(identity) for identity in snapshot.objects}


def words(before: Snapshot, after: Snapshot) -> list[str]:
    return [str(found) for found in compare(before, after)]


def test_everything_that_a_table_declares_is_told(tmp_path: Path) -> None:
    found = snapshot_of(tmp_path, _TABLES, _REST)
    assert said(found) == {
        "table users", "column users.id", 'column users."order"', "column users.email",
        "column users.low", "constraint PRIMARY KEY (id) AUTOINCREMENT on users",
        'constraint CHECK ("order" >= 0) on users', "constraint UNIQUE (email) on users",
        "constraint named on users", "table posts", "column posts.id", "column posts.author",
        "column posts.title", "constraint PRIMARY KEY (id) on posts",
        f"constraint {_FOREIGN_KEY} on posts", "constraint UNIQUE (author, title) on posts",
        "index by_title", "view v", "trigger t on posts",
    }  # fmt: skip
    told = {str(thing.identity): thing.properties for thing in found.objects.values()}
    assert told['column users."order"'] == {"type": "INT", "default": "1 + 2"}
    assert told["column users.email"] == {
        "type": "TEXT", "not null": "on conflict ignore", "collation": "NOCASE",
    }  # fmt: skip
    assert told["column users.low"]["generated"] == "(lower (email)) stored"
    assert told["constraint named on users"] == {"definition": "CHECK (email <> 'a,b')"}
    assert parse(render(found), "s") == found


# fmt: off
_SPELLINGS = [
    "create table T(a INTEGER primary key,b text)",
    "CREATE TABLE T (\n  a INTEGER PRIMARY KEY, -- the key\n  b text\n)",
    'CREATE TABLE "T" ("a" INTEGER PRIMARY KEY, [b] text /* b */)',
    "CREATE TABLE IF NOT EXISTS `T` (`a` INTEGER PRIMARY KEY, `b` text);",
]
# fmt: on


def test_spelling_does_not_matter(tmp_path: Path) -> None:
    texts = set()
    for number, spelling in enumerate(_SPELLINGS):
        folder = tmp_path / str(number)
        folder.mkdir()
        texts.add(render(snapshot_of(folder, spelling)))
    assert len(texts) == 1


def test_renaming_there_and_back_is_no_difference(tmp_path: Path) -> None:
    before = snapshot_of(tmp_path, _TABLES, _REST)
    after = snapshot_of(
        tmp_path,
        "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME TO users;",
        "ALTER TABLE posts RENAME title TO name; ALTER TABLE posts RENAME name TO title;",
    )
    assert words(before, after) == []


# fmt: off
_CHANGES = [
    ("CREATE TABLE t (a int)", "CREATE TABLE t (a int) STRICT", ["table t: options none → STRICT"]),
    ("CREATE TABLE t (a int)", "CREATE TABLE t (a text)", ["column t.a: type INT → TEXT"]),
    ("CREATE TABLE t (a)", "CREATE TABLE t (a NOT NULL)", ["column t.a: not null no → yes"]),
    ("CREATE TABLE t (a)", "CREATE TABLE t (a DEFAULT -1)", ["column t.a: default none → - 1"]),
    ("CREATE TABLE t (a)", "CREATE TABLE t (a COLLATE RTRIM)",
     ["column t.a: collation none → RTRIM"]),
    ("CREATE TABLE t (a)", "CREATE TABLE t (a CHECK (a IN (1, 2)) CHECK (a))",
     ["constraint CHECK (a IN (1, 2)) on t: not expected",
      "constraint CHECK (a) on t: not expected"]),
    ("CREATE TABLE t (a, UNIQUE (a))", "CREATE TABLE t (a, UNIQUE (a) ON CONFLICT REPLACE)",
     ["constraint UNIQUE (a) on t: missing",
      "constraint UNIQUE (a) ON CONFLICT REPLACE on t: not expected"]),
    ("CREATE TABLE t (a, b AS (a))", "CREATE TABLE t (a, b AS (a + 1))",
     ["column t.b: generated (a) virtual → (a + 1) virtual"]),
    ("CREATE TABLE t (a, b REFERENCES u ON DELETE SET DEFAULT)",
     "CREATE TABLE t (a, b REFERENCES u ON DELETE CASCADE)",
     ["constraint FOREIGN KEY (b) REFERENCES u ON DELETE CASCADE on t: not expected",
      "constraint FOREIGN KEY (b) REFERENCES u ON DELETE SET DEFAULT on t: missing"]),
    ("CREATE TABLE t (a); CREATE INDEX i ON t (a)",
     "CREATE TABLE t (a); CREATE UNIQUE INDEX i ON t (a)",
     ["index i: definition ON t (a) → UNIQUE ON t (a)"]),
    ("CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t",
     "CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t WHERE a",
     ["view v: definition changed"]),
    ("CREATE VIRTUAL TABLE f USING fts5(a)", "CREATE VIRTUAL TABLE f USING fts5(a, tokenize=ascii)",
     ["virtual table f: definition fts5 (a) → fts5 (a, tokenize = ascii)"]),
    ("CREATE TABLE t (a, PRIMARY KEY (a))", "CREATE TABLE t (a, PRIMARY KEY (a)) WITHOUT ROWID",
     ["table t: options none → WITHOUT ROWID", "column t.a: not null no → yes"]),
]
# fmt: on


@pytest.mark.parametrize(("one", "other", "told"), _CHANGES)
def test_every_change_is_named(tmp_path: Path, one: str, other: str, told: list[str]) -> None:
    found = []
    for name, script in (("one", one), ("other", other)):
        folder = tmp_path / name
        folder.mkdir()
        found.append(snapshot_of(folder, script))
    assert words(found[0], found[1]) == told


def test_constraints_behind_one_another_need_no_comma(tmp_path: Path) -> None:
    found = snapshot_of(
        tmp_path, "CREATE TABLE t (a, b, CHECK (a) CONSTRAINT x CHECK (b) UNIQUE (a))"
    )
    assert {name for name in said(found) if "constraint" in name} == {
        "constraint CHECK (a) on t", "constraint x on t", "constraint UNIQUE (a) on t",
    }  # fmt: skip
