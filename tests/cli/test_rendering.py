"""Where an error points: the file, the line, and a caret under the right character."""

from pathlib import Path

import pytest
from projects import json_of, migrations

from conftest import RunBanister
from servers import PostgresDatabase


@pytest.mark.parametrize(
    ("text", "place", "shown", "caret"),
    [
        ("SELECT nope;\n", "1:8", "SELECT nope;", 7),
        ("SELECT 1;\n\tSELECT\tnope;\n", "2:9", " SELECT nope;", 8),
        ("SELECT 1;\r\n  SELECT nope;\r\n", "2:10", "  SELECT nope;", 9),
        ("SELECT 'é', nope;\n", "1:13", "SELECT 'é', nope;", 12),
        ("SELECT '日本', nope;\n", "1:14", "SELECT '日本', nope;", 15),
        ("SELECT 'e\u0301', nope;\n", "1:14", "SELECT 'e\u0301', nope;", 12),
        ("-- 日本\n\nSELECT 1,\n  nope;\n", "4:3", "  nope;", 2),
        ("DO $$\nBEGIN\n  PERFORM nope;\nEND $$;\n", "3:3", "  PERFORM nope;", 2),
    ],
    ids=["plain", "tabs", "crlf", "accent", "wide", "combining", "multi-line", "plpgsql"],
)
def test_the_caret_stands_under_what_the_server_means(
    run_banister: RunBanister,
    postgres: PostgresDatabase,
    tmp_path: Path,
    text: str,
    place: str,
    shown: str,
    caret: int,
) -> None:
    migrations(tmp_path, m001_a__up=text, m001_a__down="SELECT 1;\n")
    done = run_banister("up", env={"DATABASE_URL": postgres.url})
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: migration 001_a.up.sql failed: column ")
    assert lines[0].endswith("[42703]")
    assert lines[1].startswith(f"  --> migrations/001_a.up.sql:{place} (up, statement ")
    assert lines[2] == f"{place.split(':', maxsplit=1)[0]:>5} | {shown}"
    assert lines[3] == f"      | {' ' * caret}^"
    assert [line for line in lines if line.startswith("state: 001 was rolled back whole")]
    assert lines[-1].startswith("hint:  ")


def test_of_a_long_line_the_part_around_the_error_is_shown(
    run_banister: RunBanister, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    values = ", ".join(str(number) for number in range(2000))
    text = f"SELECT {values}, nope, {values};\n"
    migrations(tmp_path, m001_a__up=text, m001_a__down="SELECT 1;\n")
    done = run_banister("up", env={"DATABASE_URL": postgres.url})
    _, place, source, caret, *_ = done.stderr.splitlines()
    assert f":1:{text.index('nope') + 1} " in place
    assert len(source) < 140
    assert source.count("…") == 2
    assert source.index("nope") == caret.index("^")


def test_what_else_the_server_said_is_shown(
    run_banister: RunBanister, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    migrations(
        tmp_path,
        m001_a__up="CREATE TABLE t (id integer PRIMARY KEY);\n"
        "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\n",
        m001_a__down="DROP TABLE t;\n",
    )
    env = {"DATABASE_URL": postgres.url}
    done = run_banister("up", env=env)
    assert "[23505]\n  --> migrations/001_a.up.sql:3:1 (up, statement 3 of 3)\n" in done.stderr
    assert "\ndetail: Key (id)=(1) already exists.\n" in done.stderr
    told = json_of(run_banister("up", "--format", "json", env=env))
    assert told["database"]["server"].startswith("PostgreSQL ")
    error = told["error"]
    assert (error["sqlstate"], error["sqlite_error"]) == ("23505", None)
    assert error["detail"] == "Key (id)=(1) already exists."


def test_a_failed_down_says_what_is_still_applied(
    run_banister: RunBanister, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    migrations(
        tmp_path,
        m001_a__up="CREATE TABLE t (id integer);\n",
        m001_a__down="DROP TABLE t;\nDROP TABLE nope;\n",
    )
    env = {"DATABASE_URL": postgres.url}
    assert run_banister("up", env=env).returncode == 0
    done = run_banister("down", env=env)
    assert done.returncode == 1
    assert "--> migrations/001_a.down.sql:2:1 (down, statement 2 of 2)" in done.stderr
    assert "state: 001 was rolled back whole; 001 is still applied" in done.stderr
    assert postgres.execute("SELECT to_regclass('t') IS NOT NULL") == [(True,)]
