"""What a rollback does to rows that were there before: named by table and column."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import banister
from banister.proof import DataVerdict, DownVerdict, Proof, Proven

BASE = {
    "001_base.up": "CREATE TABLE users (id int PRIMARY KEY, note text, age int CHECK (age > 17));\n"
    "CREATE TABLE posts (id int PRIMARY KEY, author int NOT NULL REFERENCES users (id));",
    "001_base.down": "DROP TABLE posts;\nDROP TABLE users;",
}
URLS = {"postgresql": None, "sqlite": "sqlite:///app.db"}


def verify(root: Path, files: Mapping[str, str], *, engine: str, **settings: object) -> Proven:
    folder = root / "migrations"
    folder.mkdir(exist_ok=True)
    for name, text in {**BASE, **files}.items():
        (folder / f"{name}.sql").write_text(text)
    url = URLS[engine]
    project = banister.open(url, root=root, environ={}, settings=settings)
    proven = project.verify(cache=False)
    assert not (root / "app.db").exists()
    return proven


def second(up: str, down: str) -> dict[str, str]:
    return {"002_change.up": up, "002_change.down": down}


def told(proof: Proof) -> list[str]:
    return [str(loss) for loss in proof.data.losses]


@pytest.fixture(params=list(URLS))
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_rollback_that_loses_a_column_s_values_says_so_and_is_no_fault(
    tmp_path: Path, engine: str
) -> None:
    up, down = "ALTER TABLE users DROP COLUMN note;", "ALTER TABLE users ADD COLUMN note text;"
    proven = verify(tmp_path, second(up, down), engine=engine)
    assert [p.data.verdict for p in proven.proofs] == [DataVerdict.OK, DataVerdict.DIFFERS]
    assert told(proven.proofs[1]) == ["loses users.note (3 rows)"]
    assert proven.proofs[1].good
    assert proven.good


def test_rows_that_are_lost_or_changed_are_counted(tmp_path: Path, engine: str) -> None:
    up = "UPDATE users SET age = age + 1;\nDELETE FROM posts;"
    proven = verify(tmp_path, second(up, "UPDATE users SET age = 20;"), engine=engine)
    assert told(proven.proofs[1]) == ["deletes 3 rows of posts", "changes users.age (3 rows)"]


def test_values_that_come_back_are_no_loss(tmp_path: Path, engine: str) -> None:
    up = "ALTER TABLE users RENAME COLUMN note TO remark;\nUPDATE users SET age = age + 1;"
    down = "UPDATE users SET age = age - 1;\nALTER TABLE users RENAME COLUMN remark TO note;"
    proven = verify(tmp_path, second(up, down), engine=engine)
    assert proven.proofs[1].data.verdict is DataVerdict.OK


def test_a_down_that_fails_only_where_there_are_rows_is_a_fault(
    tmp_path: Path, engine: str
) -> None:
    # Without rows both engines take the column back.
    make = "CREATE TABLE tags (id int PRIMARY KEY, name text NOT NULL);"
    files = {
        "002_tags.up": make,
        "002_tags.down": "DROP TABLE tags;",
        "003_empty.up": "CREATE TABLE tags_2 (id int PRIMARY KEY);\n"
        "INSERT INTO tags_2 SELECT id FROM tags;\nDROP TABLE tags;",
        "003_empty.down": f"{make}\n"
        "INSERT INTO tags (id) SELECT id FROM tags_2;\nDROP TABLE tags_2;",
    }
    proven = verify(tmp_path, files, engine=engine)
    proof = proven.proofs[2]
    assert proof.down is DownVerdict.EXACT
    assert proof.data.verdict is DataVerdict.FAILS
    assert "null" in (proof.data.reason or "").lower()
    assert not proof.good
    assert not proven.good


def test_an_up_that_fails_only_because_of_generated_rows_is_undecided(
    tmp_path: Path, engine: str
) -> None:
    up = (
        "CREATE TABLE strict (age int CHECK (age = 99));\nINSERT INTO strict SELECT age FROM users;"
    )
    files = {
        **second(up, "DROP TABLE strict;"),
        "003_more.up": "ALTER TABLE users ADD COLUMN more text;",
        "003_more.down": "ALTER TABLE users DROP COLUMN more;",
    }
    proven = verify(tmp_path, files, engine=engine)
    undecided = proven.proofs[1]
    assert (undecided.down, undecided.data.verdict) == (DownVerdict.EXACT, DataVerdict.UNDECIDED)
    assert "its up fails on generated rows" in (undecided.data.reason or "")
    # What follows is tried with rows again.
    assert proven.proofs[2].data.verdict is DataVerdict.OK
    assert proven.good


def test_rows_of_migrations_are_left_in_peace(tmp_path: Path, engine: str) -> None:
    seeds = ",".join(f"({number}, 'n', {number + 20})" for number in range(1, 30))
    files = second(
        f"INSERT INTO users VALUES {seeds};\nINSERT INTO posts VALUES (1, 1);",
        "DELETE FROM posts WHERE id < 1000;\nDELETE FROM users WHERE id < 1000;",
    )
    proven = verify(tmp_path, files, engine=engine)
    assert proven.proofs[1].data.verdict is DataVerdict.OK
    assert proven.good


def test_a_down_that_also_deletes_rows_of_others_is_told(tmp_path: Path, engine: str) -> None:
    files = second(
        "INSERT INTO users VALUES (1, 'n', 20);", "DELETE FROM posts;\nDELETE FROM users;"
    )
    proven = verify(tmp_path, files, engine=engine)
    assert told(proven.proofs[1]) == ["deletes 3 rows of posts", "deletes 3 rows of users"]


def test_tables_that_take_no_rows_are_named(tmp_path: Path, engine: str) -> None:
    files = second(
        "CREATE TABLE never (n int NOT NULL, CONSTRAINT no_way CHECK (n <> n));",
        "DROP TABLE never;",
    )
    files |= {"003_last.up": "CREATE TABLE z (n int);", "003_last.down": "DROP TABLE z;"}
    proven = verify(tmp_path, files, engine=engine)
    assert [each.table for each in proven.unfilled] == ["never"]
    assert proven.good


def test_a_setting_leaves_rows_out(tmp_path: Path, engine: str) -> None:
    up, down = "ALTER TABLE users DROP COLUMN note;", "ALTER TABLE users ADD COLUMN note text;"
    proven = verify(tmp_path, second(up, down), engine=engine, verify_data=False)
    assert {proof.data.verdict for proof in proven.proofs} == {DataVerdict.NOT_TRIED}


def test_a_table_filled_before_is_filled_again_where_a_column_is_new(
    tmp_path: Path, engine: str
) -> None:
    files = {
        **second("ALTER TABLE users ADD COLUMN mail text;", "ALTER TABLE users DROP COLUMN mail;"),
        "003_drop.up": "ALTER TABLE users DROP COLUMN mail;",
        "003_drop.down": "ALTER TABLE users ADD COLUMN mail text;",
    }
    proven = verify(tmp_path, files, engine=engine)
    assert told(proven.proofs[2]) == ["loses users.mail (3 rows)"]


def test_tables_are_filled_again_behind_a_migration_that_was_not_clean(
    tmp_path: Path, engine: str
) -> None:
    files = {
        "002_wrong.up": "CREATE INDEX posts_author ON posts (author);",
        "002_wrong.down": "DROP INDEX IF EXISTS posts_autor;",
        "003_drop.up": "ALTER TABLE users DROP COLUMN note;",
        "003_drop.down": "ALTER TABLE users ADD COLUMN note text;",
    }
    proven = verify(tmp_path, files, engine=engine)
    assert proven.proofs[1].down is DownVerdict.DIFFERS
    assert told(proven.proofs[2]) == ["loses users.note (3 rows)"]
