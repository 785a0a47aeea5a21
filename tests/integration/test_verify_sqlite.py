"""Ways down on SQLite that do not lead back are found and named; those that do are not accused."""

from collections.abc import Mapping
from pathlib import Path

import banister
from banister.proof import AgainVerdict, DownVerdict, Proven

BASE = (
    "CREATE TABLE {t} (id INTEGER PRIMARY KEY, note TEXT NOT NULL DEFAULT 'x', age INT "
    "CHECK (age > 0));\nCREATE INDEX {t}_note ON {t} (note);"
)
#: One wrong down a row: its up, its down, and what is said about it.
WRONG = {
    "typo behind IF EXISTS": (
        "CREATE TABLE extra (id int);",
        "DROP TABLE IF EXISTS extras;",
        "table extra: not expected",
    ),
    "lost index": (
        "DROP INDEX {t}_note;\nALTER TABLE {t} DROP COLUMN note;",
        "ALTER TABLE {t} ADD COLUMN note TEXT NOT NULL DEFAULT 'x';",
        "index {t}_note: missing",
    ),
    "another default": (
        "DROP INDEX {t}_note;\nALTER TABLE {t} DROP COLUMN note;",
        (
            "ALTER TABLE {t} ADD COLUMN note TEXT NOT NULL DEFAULT 'y';\n"
            "CREATE INDEX {t}_note ON {t} (note);"
        ),
        "column {t}.note: default 'x' → 'y'",
    ),
    "constraint lost": (
        "ALTER TABLE {t} DROP COLUMN age;",
        "ALTER TABLE {t} ADD COLUMN age INT;",
        "CHECK",
    ),
    "trigger left": (
        "CREATE TRIGGER {t}_trigger AFTER INSERT ON {t} BEGIN SELECT 1; END;",
        "SELECT 1;",
        "trigger {t}_trigger",
    ),
    "view left": ("CREATE VIEW {t}_view AS SELECT id FROM {t};", "", "view {t}_view: not expected"),
}
RIGHT = {
    "table": ("CREATE TABLE p (id int);", "DROP TABLE p;"),
    "other spelling": (
        "DROP TABLE {t};",
        (
            'create table "{t}" ("id" integer primary key, "note" text default (\'x\') not null, '
            "age int check(age>0));\ncreate index [{t}_note] on `{t}` (note);"
        ),
    ),
    "rename": ("ALTER TABLE {t} RENAME TO q;", "ALTER TABLE q RENAME TO {t};"),
}


def verify(root: Path, files: Mapping[str, str]) -> Proven:
    folder = root / "migrations"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text + "\n")
    proven = banister.open("sqlite:///app.db", root=root, environ={}).verify()
    assert not (root / "app.db").exists()
    return proven


def pairs(cases: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Write each case on a table of its own."""
    files = {}
    for number, (up, down) in enumerate(cases.values(), start=1):
        table = f"t{number}"
        files[f"{2 * number - 1:03}_base.up"] = BASE.replace("{t}", table)
        files[f"{2 * number - 1:03}_base.down"] = f"DROP TABLE {table};"
        files[f"{2 * number:03}_change.up"] = up.replace("{t}", table)
        files[f"{2 * number:03}_change.down"] = down.replace("{t}", table)
    return files


def test_each_wrong_down_is_caught_and_named(tmp_path: Path) -> None:
    proven = verify(tmp_path, pairs({what: (up, down) for what, (up, down, _) in WRONG.items()}))
    changes = [proof for proof in proven.proofs if proof.name == "change"]
    for number, (proof, (what, (_, _, said))) in enumerate(
        zip(changes, WRONG.items(), strict=True), start=1
    ):
        assert proof.down is DownVerdict.DIFFERS, what
        told = [str(each) for each in proof.differences]
        assert any(said.replace("{t}", f"t{number}") in line for line in told), (what, told)


def test_right_downs_are_exact(tmp_path: Path) -> None:
    proven = verify(tmp_path, pairs(RIGHT))
    assert {proof.down for proof in proven.proofs} == {DownVerdict.EXACT}
    assert {proof.again for proof in proven.proofs} == {AgainVerdict.OK}
    assert proven.good
    assert proven.chain is not None
    assert proven.chain.good


def test_files_without_a_transaction_are_proven_as_well(tmp_path: Path) -> None:
    off = "-- banister: transaction=off\n"
    files = {
        "001_one.up": f"{off}CREATE TABLE one (id int);\nVACUUM;",
        "001_one.down": f"{off}VACUUM;\nDROP TABLE one;",
    }
    assert verify(tmp_path, files).good


def test_seeds_of_new_databases_are_proven_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_t.up.sql").write_text("CREATE TABLE t (id int);")
    (folder / "001_t.down.sql").write_text("DROP TABLE t;")
    (folder / "002_demo.up.sql").write_text("-- banister: tags=demo\nINSERT INTO t VALUES (1);")
    (folder / "002_demo.down.sql").write_text("DELETE FROM nowhere;")
    project = banister.open(
        "sqlite:///app.db", root=tmp_path, environ={}, settings={"seed_when_empty": True}
    )
    assert [proof.down for proof in project.verify().proofs] == [
        DownVerdict.EXACT,
        DownVerdict.FAILS,
    ]
