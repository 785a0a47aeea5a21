"""What rolling back does is found out by doing it, on scratch databases of both engines."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import banister
from banister import FindingsError, MigrationFailed, RollbackTable, RollbackWay
from servers import PostgresDatabase

_BACKEND = Path(__file__).resolve().parents[2] / "examples" / "portfolio" / "backend"

#: One migration a row: its up, its down, what rolling it back does.
FOLDER = {
    "001_base": (
        (
            "CREATE TABLE users (id serial PRIMARY KEY, email text, role text);"
            "CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);"
            "INSERT INTO users (email, role) VALUES ('a', 'x'), ('b', 'x'), ('c', 'y');"
        ),
        "DROP TABLE users CASCADE; DROP TABLE orders;",
        "Drops users, orders (in that order)",
    ),
    "002_note": (
        (
            "ALTER TABLE users ADD COLUMN note text; CREATE INDEX users_note ON users (note);"
            "UPDATE users SET note = 'n';"
        ),
        "ALTER TABLE users DROP COLUMN note; DELETE FROM orders WHERE user_id IS NULL;",
        "Drops column users.note, and with it index users_note; may delete rows of orders",
    ),
    "003_type": (
        "ALTER TABLE users ALTER email TYPE varchar(50), ALTER email SET NOT NULL;",
        "ALTER TABLE users ALTER email TYPE text, ALTER email DROP NOT NULL;",
        "Changes column users.email: character varying(50) → text, not null yes → no",
    ),
    "004_names": (
        (
            "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN email TO mail;"
            "CREATE UNIQUE INDEX people_mail ON people (mail);"
            "ALTER INDEX users_note RENAME TO people_note;"
        ),
        (
            "ALTER INDEX people_note RENAME TO users_note; DROP INDEX people_mail;"
            "ALTER TABLE people RENAME COLUMN mail TO email; ALTER TABLE people RENAME TO users;"
        ),
        (
            "Drops index people_mail; renames people to users; renames index people_note to "
            "users_note; renames column users.mail to email"
        ),
    ),
    "005_schema": (
        (
            "CREATE SCHEMA app; CREATE TABLE app.a (id int); CREATE TABLE app.b (id int);"
            "CREATE TYPE mood AS ENUM ('x'); CREATE VIEW v AS SELECT 1 AS one;"
        ),
        "DROP VIEW v; DROP TYPE mood; DROP SCHEMA app CASCADE;",
        "Drops view v, type mood, schema app, and with them app.a, app.b",
    ),
    "006_rows": (
        (
            "DROP TABLE orders; UPDATE people SET role = 'z' WHERE mail = 'a';"
            "INSERT INTO people (mail) VALUES ('d');"
        ),
        (
            "CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES people);"
            "DELETE FROM people WHERE mail = 'd'; UPDATE people SET role = 'x' WHERE role = 'z';"
            "INSERT INTO orders VALUES (1, 1);"
        ),
        (
            "Brings back orders; deletes 1 row of people; changes people.role in 1 row; "
            "adds 1 row to orders"
        ),
    ),
    "007_one_way": (
        "-- banister: irreversible\nDELETE FROM people WHERE mail = 'c';",
        None,
        "Cannot be rolled back",
    ),
    "008_forgotten": ("SELECT 1;", None, "No down file"),
    "009_all": (
        "CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 10001);",
        "DELETE FROM t WHERE id > 0; DELETE FROM people;",
        "Deletes every row of people and at least 10000 rows of t",
    ),
    "010_outside": (
        "-- banister: transaction=off\nCREATE INDEX CONCURRENTLY t_id ON t (id);",
        "-- banister: transaction=off\nDROP INDEX CONCURRENTLY t_id;",
        "Drops index t_id",
    ),
    "011_block": (
        "CREATE TABLE t1 (id int); CREATE TABLE t2 (id int);",
        "DO $$ BEGIN DROP TABLE t2; DROP TABLE t1; END $$;",
        "Drops t2, t1 (in that order)",
    ),
    # Rows that policies hide from the owner of their table.
    "012_policy": (
        (
            "CREATE TABLE secrets (id int PRIMARY KEY); INSERT INTO secrets VALUES (1), (2), (3);"
            "ALTER TABLE secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        ),
        (
            "ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY; DELETE FROM secrets WHERE id < 3;"
            "ALTER TABLE secrets DISABLE ROW LEVEL SECURITY;"
        ),
        "Changes table secrets: row security enabled, forced → none; deletes 2 rows of secrets",
    ),
}


def project(
    root: Path, files: Mapping[str, str], *, url: str | None = None, scratch_url: str | None = None
) -> banister.Project:
    (root / "migrations").mkdir(exist_ok=True)
    for name, text in files.items():
        (root / "migrations" / f"{name}.sql").write_text(text)
    return banister.open(url, root=root, environ={}, scratch_url=scratch_url)


def texts(table: RollbackTable) -> dict[str, str]:
    return {row.label: row.text for row in table.rows}


def test_each_down_is_told_by_what_it_did(tmp_path: Path) -> None:
    files = {f"{name}.up": up for name, (up, _, _) in FOLDER.items()}
    files |= {f"{name}.down": down for name, (_, down, _) in FOLDER.items() if down is not None}
    table = project(tmp_path, files).rollback_table()
    assert texts(table) == {name: text for name, (_, _, text) in FOLDER.items()}
    assert [row.way for row in table.rows[6:8]] == [RollbackWay.IRREVERSIBLE, RollbackWay.MISSING]


@pytest.mark.parametrize("url", [None, "sqlite:///dev.db"])
def test_the_example_says_the_same_on_both_engines(url: str | None, tmp_path: Path) -> None:
    opened = banister.open(
        url, root=tmp_path, dir=_BACKEND / "src" / "db" / "migrations", environ={},
        # What is left out of production is documented all the same.
        settings={"skip_tags": ["demo"]},
    )  # fmt: skip
    seen = []
    assert texts(opened.rollback_table(on_event=lambda event: seen.append(event.doing))) == {
        "001_initial_schema": "Drops notification_preferences, analytics_snapshots, "
        "rebalance_events, portfolios (in that order)",
        "002_seed_demo_data": "Deletes 1 row of portfolios and 3 of rebalance_events",
    }
    assert seen == ["the way up", "002_seed_demo_data", "001_initial_schema"]
    assert list(tmp_path.iterdir()) == []


def test_sqlite_tables_that_are_made_anew_under_their_name_are_not_dropped(tmp_path: Path) -> None:
    made_anew = (
        "CREATE TABLE new (id integer PRIMARY KEY, email text{});"
        "INSERT INTO new SELECT id, email FROM users; DROP TABLE users;"
        "ALTER TABLE new RENAME TO users;"
    )
    table = project(
        tmp_path,
        {
            "001_users.up": "CREATE TABLE users (id integer PRIMARY KEY, email text);"
            "INSERT INTO users VALUES (1, 'a'), (2, 'b');",
            "001_users.down": "DROP TABLE Users;",
            "002_email.up": made_anew.format(" NOT NULL"),
            "002_email.down": made_anew.format(""),
            "003_names.up": "ALTER TABLE users RENAME TO people;"
            "ALTER TABLE people RENAME COLUMN email TO mail;",
            "003_names.down": "ALTER TABLE people RENAME COLUMN mail TO email;"
            "ALTER TABLE people RENAME TO users;"
            "CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM users; END;",
        },
        url="sqlite:///dev.db",
    ).rollback_table()
    assert texts(table) == {
        "001_users": "Drops users",
        # The trigger that 003 brings back goes with the table that 002 makes anew.
        "002_email": "Drops trigger t on users; changes column users.email: not null yes → no",
        "003_names": "Brings back trigger t on users; renames people to users; "
        "renames column users.mail to email",
    }


def test_a_down_that_fails_is_told_with_its_place(tmp_path: Path) -> None:
    files = {"001_a.up": "CREATE TABLE a (id int);", "001_a.down": "SELECT 1;\nDROP TABEL a;"}
    with pytest.raises(MigrationFailed, match="syntax error") as caught:
        project(tmp_path, files).rollback_table()
    assert caught.value.location is not None
    assert (caught.value.location.line, caught.value.location.column) == (2, 6)


def test_what_is_wrong_with_a_down_is_found_before_anything_runs(tmp_path: Path) -> None:
    files = {"001_a.up": "CREATE TABLE a (id int);", "001_a.down": "DROP TABLE a; COMMIT;"}
    seen: list[object] = []
    with pytest.raises(FindingsError, match="COMMIT cannot stand here"):
        project(tmp_path, files).rollback_table(on_event=seen.append)
    assert seen == []


def test_a_server_that_others_use_is_spared(tmp_path: Path, postgres: PostgresDatabase) -> None:
    files = {"001_a.up": "CREATE TABLE a (id int);", "001_a.down": "DROP TABLE a; DROP ROLE b;"}
    with pytest.raises(FindingsError, match="DROP ROLE reaches the whole server"):
        project(tmp_path, files, scratch_url=postgres.url).rollback_table()
    files["001_a.down"] = "DROP TABLE a;"
    found = project(tmp_path, files, scratch_url=postgres.url).rollback_table()
    assert texts(found) == {"001_a": "Drops a"}


def test_an_empty_folder_has_an_empty_table(tmp_path: Path) -> None:
    assert project(tmp_path, {}, url="sqlite:///dev.db").rollback_table().rows == ()
