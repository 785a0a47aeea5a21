"""How a command ends: the exit codes, where errors go, and one JSON document in every case."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from projects import json_of, migrations, two_migrations

from conftest import RunBanister, clean_environment
from servers import PostgresDatabase

URL = ("--url", "sqlite:///app.db")
COMMANDS = (
    ["up"], ["down"], ["status"], ["plan"], ["migrate"], ["new", "x"], ["lint"], ["baseline", "1"],
    ["repair", "--accept-edit", "1"], ["doctor"],
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two migrations."""
    return two_migrations(tmp_path)


class TestUsage:
    """Exit code 2, and a hint to what was meant."""

    @pytest.mark.parametrize(
        ("args", "error", "hint"),
        [
            (["upp"], "no such command: upp", "did you mean `banister up`?"),
            (
                ["server", "strat"],
                "no such command: strat",
                "did you mean `banister server start`?",
            ),
            (["xyzzy"], "no such command: xyzzy", "see `banister --help`"),
            (["status", "--chekc"], "no such option '--chekc'", "did you mean --check?"),
            (["migrate", "--dryrun"], "no such option '--dryrun'", "did you mean --dry-run?"),
            (["up", "--dry-run"], "no such option '--dry-run'", "the dry run is `banister plan`"),
            (
                ["down", "--dry-run"],
                "no such option '--dry-run'",
                "the dry run is `banister plan --rollback`",
            ),
            (
                ["--url", "sqlite:///app.db", "up"],
                "no such option '--url'",
                "options stand behind the command: `banister up --url …`",
            ),
            (["new"], "missing argument 'NAME...'", "see `banister new --help`"),
            (["down", "0"], "invalid value for '[COUNT]'", "see `banister down --help`"),
            (["down", "2", "--to", "1"], "give a count or --to, not both", ""),
            (["up", "--to", "7", *URL], "there is no version 7", "the last ones are 001, 002"),
            (["up", "--env", "prodd", *URL], '"prodd"', 'did you mean "prod"?'),
        ],
    )
    def test_what_is_wrong_and_what_was_meant(
        self, run_banister: RunBanister, project: Path, args: list[str], error: str, hint: str
    ) -> None:
        (project / "banister.toml").write_text("[env.prod]\ntimezone = 'UTC'\n")
        done = run_banister(*args)
        assert done.returncode == 2
        assert "error" not in done.stdout
        first, *rest = done.stderr.splitlines()
        assert first.startswith("error: ")
        assert error in first
        assert hint in "\n".join(rest)

        told = json_of(run_banister(*args, "--format", "json"))
        assert told["exit"] == 2
        assert error in told["error"]["message"]
        assert hint in (told["error"]["hint"] or "")

    def test_an_unknown_setting_names_the_nearest_and_its_place(
        self, run_banister: RunBanister, project: Path
    ) -> None:
        (project / "banister.toml").write_text('\nlock_timeuot = "5s"\n')
        done = run_banister("status", *URL)
        assert done.returncode == 2
        assert "banister.toml:2" in done.stderr
        assert "lock_timeout" in done.stderr.split("hint:")[1]

    def test_an_unknown_directive_names_the_nearest(
        self, run_banister: RunBanister, project: Path
    ) -> None:
        migrations(project, m003_x__up="-- banister: transactoin=off\nSELECT 1;\n")
        done = run_banister("up", *URL)
        assert done.returncode == 1
        assert 'did you mean "transaction' in done.stderr

    @pytest.mark.parametrize("group", [[], ["server"]])
    def test_no_command_shows_the_help_as_an_error(
        self, run_banister: RunBanister, group: list[str]
    ) -> None:
        done = run_banister(*group)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"Usage: {' '.join(['banister', *group])} ")

    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_help_is_a_result(self, run_banister: RunBanister, flag: str) -> None:
        for args in ([], ["server"], ["status"]):
            done = run_banister(*args, flag)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith("Usage: banister")

    def test_help_names_the_exit_codes(self, run_banister: RunBanister) -> None:
        assert "130 and 143 interrupted" in " ".join(run_banister("-h").stdout.split())
        assert "exits with 3" in run_banister("status", "-h").stdout

    def test_json_is_one_document_for_an_unknown_command(self, run_banister: RunBanister) -> None:
        told = json_of(run_banister("upp", "--format=json"))
        assert told["error"]["code"] == "usage"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] not in ("new", "lint", "plan")])
def test_without_a_database_every_way_to_name_one_is_shown(
    run_banister: RunBanister, project: Path, command: list[str]
) -> None:
    if command == ["doctor"]:
        done = run_banister(*command)
        assert done.returncode == 0
        said = done.stdout
    else:
        done = run_banister(*command)
        assert done.returncode == 2
        assert "error: no database is named" in done.stderr
        said = done.stderr
    ways = ["--url", "BANISTER_URL", "--env NAME", "DATABASE_URL", ".env", "DB_PATH"]
    places = [said.index(way) for way in ways]
    assert places == sorted(places)
    assert not list(project.glob("*.db"))


def test_the_first_way_that_is_set_counts_and_is_named(
    run_banister: RunBanister, project: Path
) -> None:
    (project / "banister.toml").write_text('[env.prod]\nurl = "sqlite:///table.db"\n')
    (project / ".env").write_text("DATABASE_URL=sqlite:///dotenv.db\n")
    env = {
        "BANISTER_URL": "sqlite:///banister.db",
        "DATABASE_URL": "sqlite:///database.db",
        "DB_PATH": "path.db",
    }
    args = ["--url", "sqlite:///flag.db", "--env", "prod"]
    expected = [
        (args, env, "sqlite:///flag.db, from --url, environment prod"),
        (args[2:], env, "sqlite:///banister.db, from BANISTER_URL, environment prod"),
        (args[2:], {**env, "BANISTER_URL": ""}, "sqlite:///table.db, from [env.prod]"),
        ([], {**env, "BANISTER_URL": ""}, "sqlite:///database.db, from DATABASE_URL"),
        ([], {"DB_PATH": "path.db"}, "sqlite:///dotenv.db, from .env"),
    ]
    for arguments, environment, said in expected:
        done = run_banister("up", *arguments, env=environment)
        assert done.returncode == 0, done.stderr
        assert f"database  {said}" in done.stdout
    (project / ".env").unlink()
    done = run_banister("up", env={"DB_PATH": "path.db"})
    assert "database  sqlite:///path.db, from DB_PATH" in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////nowhere/x/app.db"]
)
def test_json_is_one_document_whatever_the_database(
    run_banister: RunBanister, project: Path, command: list[str], url: str
) -> None:
    json_of(run_banister(*command, "--url", url, "--format", "json"))


def test_a_connection_failure_is_an_error_of_the_database(
    run_banister: RunBanister, project: Path
) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    done = run_banister("status", "--url", url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    told = json_of(run_banister("status", "--url", url, "--format", "json"))
    assert told["error"]["code"] == "connection"


FAULTY = """
import sys
import banister.api
def fail(*args, **kwargs):
    raise RuntimeError("broken by the test")
banister.api.read_folder = fail
from banister.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_fault_of_our_own_shows_its_traceback_and_is_one_document(
    project: Path, form: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTY, "status", *URL, "--format", form],
        cwd=project, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    if form == "json":
        told = json_of(done)
        assert told["error"]["code"] == "internal"
        assert "broken by the test" in told["error"]["message"]
    else:
        assert "error: a fault in Banister itself: RuntimeError: broken by the test" in done.stderr
        assert "please report this" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_interrupted_run_says_what_is_left(
    postgres: PostgresDatabase, tmp_path: Path, number: signal.Signals, code: int, form: str
) -> None:
    migrations(
        tmp_path,
        m001_a__up="CREATE TABLE a (id integer);\n",
        m001_a__down="DROP TABLE a;\n",
        m002_b__up="CREATE TABLE b (id integer);\nSELECT pg_sleep(60);\n",
        m002_b__down="DROP TABLE b;\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "banister", "up", "--format", form],
        cwd=tmp_path, env={**clean_environment(), "DATABASE_URL": postgres.url},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        _wait_for_sleep(postgres)
        os.kill(process.pid, number)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    state = "001 stays applied; nothing of 002_b is left"
    if form == "json":
        told = json.loads(stdout)
        assert told["exit"] == code
        assert told["error"]["code"] == "interrupted"
        assert told["error"]["state"].startswith(state)
        assert [(m["version"], m["state"]) for m in told["migrations"]] == [
            ("001", "applied"),
            ("002", "interrupted"),
        ]
    else:
        assert f"state: {state}" in stderr
        assert "Traceback" not in stderr
    tables = postgres.execute("SELECT to_regclass('a') IS NOT NULL, to_regclass('b') IS NOT NULL")
    assert tables == [(True, False)]


def _wait_for_sleep(postgres: PostgresDatabase) -> None:
    deadline = time.monotonic() + 30
    running = (
        "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep' "
        "AND datname = current_database()"
    )
    while not postgres.execute(running):
        assert time.monotonic() < deadline, "the migration did not get to its pg_sleep"
        time.sleep(0.05)


def test_an_error_goes_to_standard_error_and_a_result_to_standard_output(
    run_banister: RunBanister, project: Path
) -> None:
    migrations(project, m003_bad__up="SELECT FROM FROM;\n", m003_bad__down="SELECT 1;\n")
    done = run_banister("up", *URL)
    assert done.returncode == 1
    assert "applied" in done.stdout
    assert "error:" not in done.stdout
    assert done.stderr.startswith("error: ")
