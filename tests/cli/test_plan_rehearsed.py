"""`banister plan` as a rehearsal: what it prints, writes and ends with."""

import json
from pathlib import Path
from typing import Any

import pytest
from projects import migrations

from conftest import RunBanister
from servers import PostgresDatabase

REHEARSE = {"BANISTER_PLAN_REHEARSE": "true"}
SETUP = "CREATE TABLE things (id bigint PRIMARY KEY, note text);\n"
INDEX = "CREATE INDEX things_note ON things (note);\n"
LARGE = {"BANISTER_PLAN_SMALL_BYTES": "0"}


@pytest.fixture
def url(tmp_path: Path, postgres: PostgresDatabase, run_banister: RunBanister) -> str:
    migrations(tmp_path, m001_setup__up=SETUP, m001_setup__down="DROP TABLE things;\n")
    assert run_banister("up", "--url", postgres.url).returncode == 0
    return postgres.url


def test_a_plan_is_rehearsed_unless_it_is_told_not_to_be(
    url: str, tmp_path: Path, run_banister: RunBanister
) -> None:
    migrations(tmp_path, m002_index__up=INDEX)
    told = run_banister("plan", "--url", url, env={**REHEARSE, **LARGE})
    assert told.returncode == 0
    assert "002  index  blocks writes" in told.stdout
    assert "CREATE INDEX CONCURRENTLY things_note ON public.things" in told.stdout
    assert "migrations/002_index.up.sql:1:1  create-index-blocking" in told.stdout
    assert "SHARE on things" in told.stdout
    assert max(map(len, told.stdout.partition("one transaction")[2].splitlines())) <= 100
    assert "dry run: nothing was run" in told.stdout
    short = run_banister("plan", "--no-rehearsal", "--url", url, env=REHEARSE)
    assert "blocks writes" not in short.stdout
    assert short.returncode == 0


def test_json_has_what_programs_read(url: str, tmp_path: Path, run_banister: RunBanister) -> None:
    migrations(tmp_path, m002_index__up="SELECT 1;\n" + INDEX)
    told = run_banister("plan", "--check", "--format", "json", "--url", url, env=LARGE)
    assert told.returncode == 3
    found: dict[str, Any] = json.loads(told.stdout)
    assert (found["exit"], found["rehearsal"]["not_certified"]) == (3, None)
    (migration,) = found["migrations"]
    assert (migration["version"], migration["name"]) == ("002", "index")
    assert (migration["verdict"], migration["state"]) == ("blocks writes", "pending")
    first, second = migration["statements"]
    assert (first["line"], first["locks"], first["findings"]) == (1, [], [])
    assert (second["line"], second["sql"]) == (2, INDEX.strip())
    (lock,) = second["locks"]
    assert (lock["relation"], lock["blocks"], lock["held_through"]) == ("things", ["writes"], 2)
    (build,) = second["builds"]
    assert (build["relation"], build["rows"]) == ("things", 0)
    assert build["size_bytes"] > 0
    (finding,) = second["findings"]
    assert (finding["rule"], finding["severity"]) == ("create-index-blocking", "warning")
    assert "things" in finding["message"]
    assert "CONCURRENTLY" in finding["safer"]


@pytest.mark.parametrize("option", ["--no-rehearsal", "--scratch-url=postgresql:///nowhere"])
def test_json_has_a_list_of_statements_also_where_none_was_looked_at(
    url: str, tmp_path: Path, run_banister: RunBanister, option: str
) -> None:
    migrations(tmp_path, m002_index__up="SELECT 1;\n" + INDEX)
    told = run_banister("plan", option, "--format", "json", "--url", url, env=REHEARSE)
    (migration,) = json.loads(told.stdout)["migrations"]
    assert (migration["statements"], migration["statement_count"]) == ([], 2)


def test_json_has_a_list_of_statements_behind_one_that_fails(
    url: str, tmp_path: Path, run_banister: RunBanister
) -> None:
    migrations(tmp_path, m002_wrong__up="SELECT nothing;", m003_next__up="SELECT 1;")
    told = run_banister("plan", "--format", "json", "--url", url, env=REHEARSE)
    found = json.loads(told.stdout)
    assert [len(each["statements"]) for each in found["migrations"]] == [1, 0]
    assert [each["statement_count"] for each in found["migrations"]] == [1, 1]


@pytest.mark.parametrize(
    ("level", "top", "code"),
    [
        ("blocks-writes", "", 3),
        ("blocks-all", "", 0),
        ("brief-lock", "", 3),
        ("blocks-writes", '-- banister: accept=create-index-blocking reason="at night"\n', 0),
    ],
)
def test_check_ends_with_3_from_the_level_of_the_settings_on(
    url: str, tmp_path: Path, run_banister: RunBanister, level: str, top: str, code: int
) -> None:
    migrations(tmp_path, m002_index__up=top + INDEX)
    env = {**LARGE, "BANISTER_PLAN_CHECK": level}
    assert run_banister("plan", "--check", "--url", url, env=env).returncode == code


def test_a_small_table_is_no_reason_to_stop(
    url: str, tmp_path: Path, run_banister: RunBanister
) -> None:
    migrations(tmp_path, m002_index__up=INDEX)
    told = run_banister("plan", "--check", "--url", url)
    assert told.returncode == 0
    assert "brief exclusive lock" in told.stdout


def test_reports_are_written_by_their_ending(
    url: str, tmp_path: Path, run_banister: RunBanister
) -> None:
    migrations(tmp_path, m002_index__up=INDEX)
    reports = [option for end in ("html", "md", "sarif") for option in ("--report", f"r.{end}")]
    told = run_banister("plan", "--annotations", *reports, "--url", url, env=LARGE)
    assert told.returncode == 0
    assert (tmp_path / "r.html").read_text("utf-8").startswith("<!doctype html>")
    assert "create-index-blocking" in (tmp_path / "r.md").read_text("utf-8")
    assert json.loads((tmp_path / "r.sarif").read_text("utf-8"))["version"] == "2.1.0"
    assert "::warning file=migrations/002_index.up.sql,line=1" in told.stdout
    wrong = run_banister("plan", "--report", "r.pdf", "--url", url)
    assert (wrong.returncode, "r.pdf is no report" in wrong.stderr) == (2, True)
    nowhere = run_banister("plan", "--report", "nowhere/r.html", "--url", url)
    assert (nowhere.returncode, "there is no folder nowhere" in nowhere.stderr) == (2, True)


def test_what_cannot_be_rehearsed_is_said_and_only_a_check_fails(
    url: str, tmp_path: Path, run_banister: RunBanister
) -> None:
    migrations(tmp_path, m002_index__up=INDEX)
    nowhere = ("--scratch-url", "postgresql://nobody@127.0.0.1:1/x")
    told = run_banister("plan", *nowhere, "--url", url, env=REHEARSE)
    assert told.returncode == 0
    assert "warning: not rehearsed: cannot connect to" in told.stderr
    assert run_banister("plan", "--check", *nowhere, "--url", url).returncode == 3


def test_sqlite_is_rehearsed_on_a_file_of_its_own(
    tmp_path: Path, run_banister: RunBanister
) -> None:
    text = "CREATE TABLE a (n int);\nDROP TABLE a;\nSELECT 1 FROM b;"
    migrations(tmp_path, m001_setup__up=text)
    told = run_banister("plan", "--url", "sqlite:///app.db", env=REHEARSE)
    assert (told.returncode, told.stderr.count("not rehearsed")) == (0, 0)
    assert "cannot run: 1 error" in told.stdout
    checked = run_banister("plan", "--check", "--url", "sqlite:///app.db")
    assert checked.returncode == 3
    assert not (tmp_path / "app.db").exists()


def test_pg_dump_gets_the_password_in_a_file_and_nowhere_else(
    url: str, tmp_path: Path, run_banister: RunBanister
) -> None:
    programs, seen = tmp_path / "bin", tmp_path / "seen"
    programs.mkdir()
    program = programs / "pg_dump"
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in --version) echo "pg_dump (PostgreSQL) 18.0"; exit 0;; esac\n'
        f'{{ printf "%s\\n" "$@"; env; }} > {seen}\n'
        'echo "pg_dump: error: no" >&2; exit 1\n'
    )
    program.chmod(0o755)
    migrations(tmp_path, m002_index__up=INDEX)
    secret = "s3cr3t-hunter"
    env = {
        **REHEARSE,
        "PATH": f"{programs}:/usr/bin:/bin",
        "BANISTER_URL": f"{url} password={secret}" if "=" in url.partition("?")[0] else
        url.replace("postgresql://", f"postgresql://postgres:{secret}@", 1),
    }  # fmt: skip
    told = run_banister("plan", env=env)
    assert told.returncode == 0, told.stderr
    assert "pg_dump: error: no" in told.stdout
    assert secret not in told.stdout + told.stderr
    arguments, _, environment = seen.read_text().partition("\nPATH=")
    assert "passfile=" in arguments
    assert secret not in arguments.partition("--dbname=")[2].splitlines()[0]
    assert "PGPASSWORD" not in environment
