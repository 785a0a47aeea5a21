"""Rehearsals on a copy of a SQLite file: what migrations do to its rows and to its other users."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

import banister
from banister import DatabaseError, Rehearsal, Verdict
from banister.rehearsal.losses import may_lose
from conftest import RunBanister

SETUP = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, note TEXT);
CREATE INDEX by_email ON users (email);
CREATE TABLE posts (
    id INTEGER PRIMARY KEY, author INTEGER REFERENCES users (id) ON DELETE CASCADE, body TEXT);
CREATE TABLE plain (code TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
CREATE VIEW bodies AS SELECT body FROM posts;
CREATE TABLE audit (what TEXT);
CREATE TRIGGER audited AFTER UPDATE ON posts BEGIN INSERT INTO audit VALUES ('post'); END;
"""
REBUILD = """-- banister: foreign_keys=off
CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT NOT NULL, note TEXT);
INSERT INTO users_new SELECT id, email, note FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
"""
REBUILD_PLAIN = """CREATE TABLE p (code TEXT PRIMARY KEY, n INTEGER);
INSERT INTO p SELECT * FROM plain WHERE code < '';
DROP TABLE plain;
ALTER TABLE p RENAME TO plain;
"""
BY_EMAIL = "CREATE INDEX by_email ON users (email);\n"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A project on a file with many users and posts."""

    root: Path

    @property
    def file(self) -> Path:
        return self.root / "app.db"

    def write(self, files: Mapping[str, str]) -> None:
        (self.root / "migrations").mkdir(exist_ok=True)
        for name, text in files.items():
            (self.root / "migrations" / f"{name}.up.sql").write_text(text)
            (self.root / "migrations" / f"{name}.down.sql").write_text("SELECT 1;\n")

    def project(self, **settings: object) -> banister.Project:
        url = f"sqlite:///{self.file}"
        folder = self.root / "migrations"
        return banister.open(url, root=self.root, dir=folder, environ={}, settings=settings)

    def execute(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(sql).fetchall()

    def rehearse(self, *texts: str) -> Rehearsal:
        """Rehearse migrations with these texts, which are pending."""
        self.write({f"{number:03}_next": text for number, text in enumerate(texts, 2)})
        project = self.project()
        return project.rehearse(project.plan().plan)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    found = Ground(root=tmp_path)
    found.write({"001_setup": SETUP})
    found.project().up()
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    found.execute(f"{many} INSERT INTO users SELECT i, 'u' || i, 'n' FROM n")
    found.execute(f"{many} INSERT INTO posts SELECT i, i, 'b' FROM n")
    return found


def rules(rehearsal: Rehearsal) -> list[tuple[int | None, str]]:
    """Return lines and rules of what is found, in order."""
    found = [f for migration in rehearsal.migrations for f in migration.all_findings]
    return [(f.location.line if f.location else None, f.rule) for f in found]


def test_what_adds_to_it_is_brief(ground: Ground) -> None:
    found = ground.rehearse(
        "CREATE TABLE tags (id INTEGER PRIMARY KEY, post INTEGER REFERENCES posts);\n"
        "CREATE INDEX by_post ON tags (post);\n"
        "INSERT INTO tags VALUES (1, NULL);\n"
        "ALTER TABLE posts ADD COLUMN slug TEXT;\n"
        "UPDATE posts SET slug = 'x' WHERE id = 1;\n"
        "INSERT INTO audit SELECT body FROM posts WHERE id < 10;\n"
        "DELETE FROM tags;\nDROP TABLE tags;\n"
    )
    assert rules(found) == []
    assert found.verdict is Verdict.BRIEF_LOCK
    (first, *others) = found.migrations[0].statements
    assert [(lock.relation, lock.mode.words, lock.blocks) for lock in first.locks] == [
        ("the database file", "RESERVED", ("writes",))
    ]
    assert not any(each.locks for each in others)
    assert first.locks[0].held_through == 8
    assert ground.execute("SELECT count(*) FROM posts") == [(20000,)]


def test_a_table_that_is_made_anew_with_all_of_it_loses_nothing(ground: Ground) -> None:
    found = ground.rehearse(REBUILD + BY_EMAIL)
    assert rules(found) == [(3, "long-work-under-lock")]
    assert found.verdict is Verdict.BLOCKS_ALL
    other_way = (
        "-- banister: foreign_keys=off\n"
        "PRAGMA legacy_alter_table = ON;\nALTER TABLE users RENAME TO users_old;\n"
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, note TEXT);\n"
        "INSERT INTO users SELECT * FROM users_old;\nDROP TABLE users_old;\n" + BY_EMAIL
    )
    assert rules(ground.rehearse(other_way)) == [(5, "long-work-under-lock")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REBUILD, [(3, "long-work-under-lock"), (4, "lost-with-table")]),
        (REBUILD + BY_EMAIL + "DROP INDEX by_email;", [(3, "long-work-under-lock")]),
        (
            REBUILD.replace(", note TEXT", "").replace(", note FROM", " FROM") + BY_EMAIL,
            [(3, "long-work-under-lock"), (4, "drop-column")],
        ),
        (
            REBUILD.replace("email, note FROM", "email, NULL FROM") + BY_EMAIL,
            [(3, "long-work-under-lock"), (4, "lost-in-copying")],
        ),
        (
            REBUILD.replace("email, note FROM", "note, email FROM") + BY_EMAIL,
            [(3, "long-work-under-lock"), (4, "lost-in-copying"), (4, "lost-in-copying")],
        ),
        (
            REBUILD_PLAIN.replace("code < ''", "n IS NOT -99"),
            [(2, "copied-in-part")],
        ),
        (
            REBUILD_PLAIN.replace("INSERT", "INSERT OR IGNORE").replace(" WHERE code < ''", ""),
            [(2, "copied-in-part")],
        ),
        (
            REBUILD.replace("note TEXT", "note TEXT NOT NULL") + BY_EMAIL,
            [(3, "long-work-under-lock"), (4, "set-not-null")],
        ),
        (
            REBUILD_PLAIN,
            [(2, "copied-in-part"), (3, "lost-in-copying")],
        ),
        (
            REBUILD.replace("FROM users;", "FROM users WHERE id < 0;") + BY_EMAIL,
            [(3, "copied-in-part"), (6, "fails-on-rows")],
        ),
    ],
)  # fmt: skip
def test_what_gets_lost_as_a_table_is_made_anew_is_told(
    ground: Ground, text: str, expected: list[tuple[int, str]]
) -> None:
    assert rules(ground.rehearse(text)) == expected


@pytest.mark.parametrize(
    ("text", "rule", "verdict"),
    [
        ("DROP TABLE plain;", "drop-table", Verdict.LOSES_DATA),
        ("ALTER TABLE plain DROP COLUMN n;", "drop-column", Verdict.LOSES_DATA),
        ("DELETE FROM audit;", "data-loss", Verdict.LOSES_DATA),
        ("DELETE FROM plain WHERE code = 'never';", "data-loss", Verdict.LOSES_DATA),
        ("DROP VIEW bodies;", "drop-view", Verdict.BRIEF_LOCK),
        ("ALTER TABLE plain RENAME TO other;", "rename-table", Verdict.BRIEF_LOCK),
        ("ALTER TABLE plain RENAME n TO m;", "rename-column", Verdict.BRIEF_LOCK),
        ("DROP TABLE audit;", "left-broken", Verdict.LOSES_DATA),
        ("CREATE TRIGGER t AFTER INSERT ON plain BEGIN DELETE FROM gone; END;", "left-broken",
         Verdict.BLOCKS_ALL),
        ("CREATE VIEW v AS SELECT elsewhere FROM plain;", "left-broken", Verdict.BLOCKS_ALL),
        ("SELECT * FROM nowhere;", "cannot-run", Verdict.CANNOT_RUN),
        ("ALTER TABLE plain ADD COLUMN c TEXT NOT NULL;", "add-required-column",
         Verdict.CANNOT_RUN),
        ("CREATE UNIQUE INDEX u ON plain (n % 1);", "fails-on-rows", Verdict.BRIEF_LOCK),
        ("INSERT INTO posts VALUES (70001, 60001, '');", "needs-rows", Verdict.NOT_CERTIFIED),
        ("CREATE INDEX i ON posts (body);", "long-work-under-lock", Verdict.BLOCKS_ALL),
        ("ALTER TABLE posts ADD c INTEGER CHECK (c > 0);", "long-work-under-lock",
         Verdict.BLOCKS_WRITES),
        ("UPDATE posts SET body = 'x';", "long-work-under-lock", Verdict.BLOCKS_ALL),
        ("UPDATE plain SET n = (SELECT count(*) FROM posts);", "long-work-under-lock",
         Verdict.BLOCKS_ALL),
        ("VACUUM;", "long-work-under-lock", Verdict.BLOCKS_ALL),
        ("REINDEX by_email;", "long-work-under-lock", Verdict.BLOCKS_ALL),
    ],
)  # fmt: skip
def test_what_it_does_is_told(ground: Ground, text: str, rule: str, verdict: Verdict) -> None:
    found = ground.rehearse(text)
    assert (1, rule) in rules(found)
    assert found.verdict is verdict


def test_rows_that_a_foreign_key_or_a_trigger_takes_along_count_too(ground: Ground) -> None:
    takes_along = "CREATE TRIGGER t AFTER DELETE ON plain BEGIN DELETE FROM audit; END;"
    ground.write({"002_more": takes_along})
    ground.project().up()
    (ground.root / "migrations" / "002_more.up.sql").touch()
    ground.write({"003_next": "DELETE FROM users WHERE id = -5;", "004_next": "DELETE FROM plain;"})
    project = ground.project()
    found = project.rehearse(project.plan().plan)
    told = {f.relation for m in found.migrations for f in m.all_findings if f.rule == "data-loss"}
    assert told == {"users", "posts", "plain", "audit"}


@pytest.mark.parametrize(
    "text",
    ["REPLACE INTO plain VALUES ('a', 1);", "INSERT OR REPLACE INTO plain VALUES ('a', 1);",
     "INSERT INTO plain VALUES ('a', 1) ON CONFLICT (code) DO UPDATE SET n = 2;",
     "UPDATE plain SET n = 1 WHERE code = 'a';", "DELETE FROM plain;"],
)  # fmt: skip
def test_values_that_may_change_are_worth_a_backup(ground: Ground, text: str) -> None:
    assert may_lose(ground.rehearse(text))
    assert not may_lose(ground.rehearse("INSERT INTO plain VALUES ('a', 1);"))


def test_a_backup_is_made_where_rows_may_go_and_no_other(ground: Ground) -> None:
    def backups() -> int:
        return len(list((ground.root / "backups").glob("*.sqlite3")))

    for number, (text, made) in enumerate(
        [("CREATE TABLE more (n INTEGER);", 0), (REBUILD + BY_EMAIL, 1), ("DROP TABLE plain;", 2)]
    ):
        ground.write({f"00{number + 2}_next": text})
        ground.project(backup="when-destructive").up()
        assert backups() == made


def test_with_a_write_ahead_log_readers_go_on(ground: Ground) -> None:
    ground.execute("PRAGMA journal_mode = WAL")
    found = ground.rehearse("CREATE INDEX i ON posts (body);")
    assert found.verdict is Verdict.BLOCKS_WRITES
    assert found.migrations[0].statements[0].locks[0].blocks == ("writes",)


def test_small_tables_keep_nobody(ground: Ground) -> None:
    ground.execute("DELETE FROM posts WHERE id > 100")
    found = ground.rehearse("CREATE INDEX i ON posts (body);\nUPDATE posts SET body = 'x';")
    assert found.verdict is Verdict.BRIEF_LOCK
    assert rules(found) == []
    assert may_lose(found)


def test_an_acceptance_and_one_that_nothing_needs(ground: Ground) -> None:
    found = ground.rehearse(
        '-- banister: accept=drop-table reason="nobody reads it"\n'
        '-- banister: accept=lost-with-table reason="never"\nDROP TABLE plain;'
    )
    assert rules(found) == [(3, "drop-table"), (1, "unused-acceptance")]
    assert not found.reaches(Verdict.BLOCKS_WRITES)


def test_a_view_in_the_way_of_a_rename_is_named_with_what_helps(ground: Ground) -> None:
    ground.write({"002_view": "CREATE VIEW mails AS SELECT email FROM users;"})
    ground.project().up()
    ground.write({"003_next": REBUILD})
    project = ground.project()
    found = project.rehearse(project.plan().plan)
    (finding,) = (f for f in found.migrations[0].all_findings if f.rule == "cannot-run")
    assert "error in view mails" in finding.message
    assert "make it again" in (finding.advice or "")


def test_what_is_behind_a_failure_is_not_tried_and_names_stay_theirs(ground: Ground) -> None:
    found = ground.rehearse(
        "ALTER TABLE plain RENAME TO other;",
        "DROP TABLE other;\nCREATE TABLE other (id INTEGER);\nDROP TABLE other;",
        "SELECT * FROM nowhere;",
        "SELECT 1;",
    )
    assert rules(found) == [(1, "rename-table"), (1, "drop-table"), (1, "cannot-run")]
    assert [step.version.text for step in found.not_tried] == ["005"]


def test_virtual_tables_are_copied_and_those_that_cannot_be_are_named(ground: Ground) -> None:
    ground.execute("CREATE VIRTUAL TABLE words USING fts5(body)")
    ground.execute("INSERT INTO words VALUES ('one two')")
    assert rules(ground.rehearse("INSERT INTO words VALUES ('more');")) == []
    with closing(sqlite3.connect(ground.file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_master VALUES"
            " ('table', 'odd', 'odd', 0, 'CREATE VIRTUAL TABLE odd USING not_here(x)')"
        )
    found = ground.rehearse("INSERT INTO words VALUES ('more');")
    assert any("no such module: not_here" in each for each in found.lost_probes)


def test_a_rollback_is_rehearsed_too(ground: Ground) -> None:
    (ground.root / "migrations" / "001_setup.down.sql").write_text("DROP TABLE posts;\n")
    project = ground.project()
    found = project.rehearse(project.plan_down(1).plan)
    assert (1, "drop-table") in rules(found)


def test_a_file_that_is_not_there_yet_has_nothing_to_lose(tmp_path: Path) -> None:
    ground = Ground(root=tmp_path)
    ground.write({"001_setup": SETUP + "DROP TABLE audit;\n"})
    project = ground.project()
    found = project.rehearse(project.plan().plan)
    assert [f.rule for m in found.migrations for f in m.all_findings] == ["left-broken"]
    assert not ground.file.exists()


@pytest.mark.parametrize(
    "way",
    [
        "ATTACH '{other}' AS o;\nDELETE FROM o.t;",
        "VACUUM INTO '{new}';",
        "ATTACH '{other}' || '' AS o;\nDELETE FROM o.t;",
    ],
)
def test_a_copy_reaches_no_other_file(
    ground: Ground, tmp_path: Path, way: str, run_banister: RunBanister
) -> None:
    other, new = tmp_path / "other.db", tmp_path / "new.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    text = "-- banister: transaction=off\n" + way.format(other=other, new=new)
    found = ground.rehearse(text)
    assert found.verdict is Verdict.CANNOT_RUN
    assert "other file" in found.migrations[0].all_findings[0].message
    done = run_banister("verify", env={"DATABASE_URL": f"sqlite:///{ground.file}"}, cwd=ground.root)
    assert "works on another file" in done.stdout + done.stderr
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)
    assert not new.exists()
    ground.project().up()
    assert new.exists() is ("VACUUM" in way)


@pytest.mark.parametrize("between", [[], ["SELECT 1;"], [""]])
def test_a_table_made_anew_is_the_targets_still(ground: Ground, between: list[str]) -> None:
    texts = [REBUILD, *between, "ALTER TABLE users DROP COLUMN note;", "DELETE FROM users;",
             "-- banister: foreign_keys=off\nDROP TABLE users;"]  # fmt: skip
    found = ground.rehearse(*texts)
    rules = [{each.rule for each in m.all_findings} for m in found.migrations[-3:]]
    wanted = ("drop-column", "data-loss", "drop-table")
    assert [rule in each for rule, each in zip(wanted, rules, strict=True)] == [True] * 3
    last = found.migrations[-1].all_findings
    assert any("20,000 rows" in each.message or "20 k" in each.message for each in last), last


def test_comments_at_the_end_of_what_is_there_hide_nothing(ground: Ground) -> None:
    with closing(sqlite3.connect(ground.file)) as connection:
        connection.execute("CREATE TABLE k (a, b)")
        connection.execute("CREATE INDEX first ON k (a) -- for lists")
        connection.execute("CREATE INDEX second ON k (b)")
        connection.execute("CREATE VIEW seen AS SELECT a FROM k -- of all\n")
        connection.execute("CREATE VIEW next AS SELECT a FROM seen")
    found = ground.rehearse("DROP INDEX first; DROP INDEX second; DROP VIEW next;")
    assert found.verdict is not Verdict.CANNOT_RUN
    assert not found.lost_probes


def test_what_is_half_done_is_not_rehearsed(ground: Ground) -> None:
    ground.write({"002_half": "-- banister: transaction=off\nDROP TABLE audit;\nSELECT * FROM no;"})
    with pytest.raises(banister.MigrationFailed):
        ground.project().up()
    project = ground.project()
    with pytest.raises(DatabaseError) as caught:
        project.rehearse(project.plan().plan)
    assert caught.value.code == "unfinished"


def test_many_rows_are_looked_at_quickly_and_no_lock_is_left(ground: Ground) -> None:
    with closing(sqlite3.connect(ground.file)) as reader:
        cursor = reader.execute("SELECT * FROM users")
        cursor.fetchone()
        inserts = "".join(f"INSERT INTO plain VALUES ('c{n}', {n});\n" for n in range(2000))
        assert rules(ground.rehearse(inserts)) == []
        cursor.close()
        reader.execute("BEGIN IMMEDIATE")


def test_the_command_line_tells_it_in_every_format(
    ground: Ground, run_banister: RunBanister
) -> None:
    ground.write({"002_next": "DROP TABLE plain;"})
    env = {"DATABASE_URL": f"sqlite:///{ground.file}"}
    done = run_banister(
        "plan", "--check", "--format", "json", "--report", "r.html", "--report", "r.sarif",
        env=env, cwd=ground.root,
    )  # fmt: skip
    assert done.returncode == 3
    told = json.loads(done.stdout)
    (migration,) = told["migrations"]
    assert migration["verdict"] == "loses data"
    (statement,) = migration["statements"]
    assert statement["locks"][0]["mode"] == "RESERVED"
    assert statement["locks"][0]["kind"] == "database"
    assert "drop-table" in (ground.root / "r.html").read_text()
    sarif = json.loads((ground.root / "r.sarif").read_text())
    (rule,) = sarif["runs"][0]["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://www.sqlite.org/lang_droptable.html"
