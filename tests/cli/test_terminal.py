"""Terminals, pipes, encodings: nothing about them changes what is done to the database."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from projects import json_of, migrations, two_migrations

from conftest import RunBanister, clean_environment
from servers import PostgresDatabase, SqliteDatabase

URL = ("--url", "sqlite:///app.db")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two migrations."""
    return two_migrations(tmp_path)


def on_a_terminal(cwd: Path, *args: str, env: Mapping[str, str] = os.environ) -> tuple[int, str]:
    """Run with standard output and error on a terminal of 80 columns; return code and bytes."""
    ours, theirs = pty.openpty()
    environment = {**clean_environment(), "TERM": "xterm", "COLUMNS": "80", **env}
    process = subprocess.Popen(
        [sys.executable, "-m", "banister", *args],
        cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # Linux: EIO once the other side is closed
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def lines_left(shown: str) -> list[str]:
    """What stands on the screen in the end, without colour."""
    left = []
    for line in shown.split("\n"):
        kept = ""
        for part in re.split(r"(\r\033\[K)", line):
            kept = "" if part == "\r\033[K" else kept + part
        left.append(re.sub(r"\033\[[\d;]*m", "", kept))
    return left


def test_a_terminal_gets_colour_and_a_pipe_gets_none(
    run_banister: RunBanister, project: Path
) -> None:
    code, shown = on_a_terminal(project, "up", *URL, env={})
    assert code == 0
    assert "\033[32mapplied\033[0m" in shown
    code, shown = on_a_terminal(project, "up", "--to", "9", *URL, env={})
    assert "\033[1;31merror:\033[0m" in shown
    assert "\033" not in run_banister("status", *URL).stdout
    assert "\033" not in run_banister("up", "--to", "9", *URL).stderr


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_switched_off(project: Path, env: Mapping[str, str]) -> None:
    code, shown = on_a_terminal(project, "up", *URL, env=env)
    assert code == 0
    assert "\033" not in shown


def test_a_long_step_shows_its_progress_and_takes_it_off_again(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    migrations(
        tmp_path,
        m001_slow__up="SELECT 1;\nSELECT pg_sleep(1.5);\nSELECT 2;\n",
        m001_slow__down="SELECT 1;\n",
    )
    code, shown = on_a_terminal(tmp_path, "up", env={"DATABASE_URL": postgres.url})
    assert code == 0
    assert re.search(r"\r\033\[K  001_slow  [01] of 3 statements done  [01]\.\d s", shown)
    left = lines_left(shown)
    assert not any("statements done" in line for line in left)
    assert [line for line in left if line.startswith("  001_slow  applied  3 statements  ")]


def test_a_short_step_shows_no_progress(project: Path) -> None:
    _, shown = on_a_terminal(project, "up", *URL, env={})
    assert "\033[K" not in shown


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("closed", ["pipe", "descriptor"])
def test_a_reader_that_goes_away_does_not_stop_the_run(
    project: Path, form: str, closed: str
) -> None:
    command = [sys.executable, "-m", "banister", "up", *URL, "--format", form]
    reader, writer = os.pipe()
    os.close(reader)
    if closed == "descriptor":
        # A shell is the plain way to start a program with a standard output that is closed.
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(
        command, cwd=project, env=clean_environment(), stdout=writer, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    database = SqliteDatabase(path=project / "app.db")
    assert database.execute("SELECT count(*) FROM schema_migrations") == [(2,)]


def test_a_closed_pipe_keeps_the_exit_code_of_a_failure(project: Path) -> None:
    migrations(project, m001_users__up="SELECT nope;\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "banister", "up", *URL],
        cwd=project, env=clean_environment(), stdout=writer, stderr=writer, check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == 1  # and not the 120 of an interpreter that cannot flush


def test_help_into_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "banister", "--help"],
        cwd=tmp_path, env=clean_environment(), stdout=writer, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.stderr == b""


@pytest.mark.parametrize(
    "env",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
def test_characters_that_cannot_be_shown_are_no_reason_to_fail(
    run_banister: RunBanister, tmp_path: Path, env: dict[str, str]
) -> None:
    migrations(tmp_path, m001_größe__up="SELECT '日本', nope;\n", m001_größe__down="SELECT 1;\n")
    done = run_banister("status", *URL, env=env)
    assert done.returncode == 0, done.stderr
    assert "001" in done.stdout
    done = run_banister("up", *URL, env=env)
    assert done.returncode == 1
    assert "no such column: nope" in done.stderr
    told = json_of(run_banister("status", *URL, "--format", "json", env=env))
    assert told["migrations"][0]["name"] == "größe"


def test_a_folder_that_cannot_be_written_serves_for_reading(
    run_banister: RunBanister, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = tmp_path_factory.mktemp("data") / "app.db"
    project.chmod(0o555)
    try:
        for command in ("plan", "up", "status", "down"):
            done = run_banister(command, "--url", f"sqlite:///{database}", cwd=project)
            assert done.returncode == 0, done.stderr
    finally:
        project.chmod(0o755)
    assert sorted(path.name for path in project.iterdir()) == ["migrations"]
