"""`banister drift`: what it prints, and how it ends."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from projects import json_of, plain, two_migrations

from conftest import RunBanister

URL = ("--url", "sqlite:///app.db")
HEAD = "database  sqlite:///app.db, from --url\nfolder    migrations\n\n"


def by_hand(project: Path, statement: str) -> None:
    with closing(sqlite3.connect(project / "app.db")) as connection:
        connection.execute(statement)


@pytest.fixture
def project(tmp_path: Path, run_banister: RunBanister) -> Path:
    """Two migrations, both applied."""
    two_migrations(tmp_path)
    assert run_banister("up", *URL).returncode == 0
    return tmp_path


def test_no_drift_ends_with_0(run_banister: RunBanister, project: Path) -> None:
    done = run_banister("drift", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == f"{HEAD}no drift: 2 migrations run on SQLite N"


def test_drift_is_told_and_ends_with_3(run_banister: RunBanister, project: Path) -> None:
    by_hand(project, "CREATE TABLE audit (id int)")
    by_hand(project, "ALTER TABLE users ADD COLUMN note text")
    done = run_banister("drift", *URL)
    assert (done.returncode, done.stderr) == (3, "")
    assert plain(done.stdout) == (
        f"{HEAD}  table audit: not made by the migrations\n"
        "  column users.note: not made by the migrations\n\n"
        "2 differences: 2 migrations run on SQLite N"
    )
    (project / "banister.toml").write_text('drift.ignore = ["table audit"]\n')
    told = json_of(run_banister("drift", *URL, "--format", "json"))
    assert told["exit"] == 3
    assert (told["drift"], told["ignored"], told["migrations_run"]) == (True, 1, 2)
    (one,) = told["differences"]
    assert one["message"] == "column users.note: not made by the migrations"
    assert (one["kind"], one["name"], one["of"]) == ("column", "note", "users")


def test_an_edited_file_is_refused(run_banister: RunBanister, project: Path) -> None:
    file = next((project / "migrations").glob("001_*.up.sql"))
    file.write_text(file.read_text() + "\nSELECT 1;\n")
    done = run_banister("drift", *URL)
    assert done.returncode == 1
    assert "was edited after it had been applied" in done.stderr
    assert "no drift" not in done.stdout


def test_without_a_database_every_way_to_name_one_is_shown(
    run_banister: RunBanister, project: Path
) -> None:
    done = run_banister("drift")
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr


def test_a_change_since_the_last_run_is_known_without_files(
    run_banister: RunBanister, project: Path
) -> None:
    def stored(*more: str) -> tuple[int, str]:
        done = run_banister("drift", "--stored", *URL, *more)
        assert done.stderr == ""
        return done.returncode, plain(done.stdout).removeprefix(HEAD)

    shutil.rmtree(project / "migrations")
    same = "unchanged since the last run, when version 002 was applied last"
    assert stored() == (0, same)
    by_hand(project, "CREATE TABLE audit (id int)")
    ask = "`banister drift` compares with what the migrations make"
    assert stored() == (3, f"changed since the last run, when version 002 was applied last\n{ask}")
    (project / "banister.toml").write_text('drift.ignore = ["table audit"]\n')
    code, said = stored()
    assert code == 0
    assert said.startswith("not known: the fingerprint was taken otherwise: SQLite N, banister ")
    told = json_of(run_banister("drift", "--stored", *URL, "--format", "json"))
    assert (told["exit"], told["changed"], told["version"]) == (0, None, None)
    assert "taken otherwise" in told["reason"]
