"""No password gets out: not in any format, at any fault, nor in the arguments of a program."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from projects import json_of, two_migrations

from conftest import Call, RunBanister, clean_environment
from servers import PostgresDatabase

COMMANDS = (
    ["up"], ["down"], ["status"], ["plan"], ["migrate"], ["migrate", "--rollback"], ["lint"],
    ["baseline", "1"], ["repair", "--accept-edit", "1"], ["doctor"], ["new", "x"], ["upp"],
    ["up", "--nope"],
)  # fmt: skip


def a_password() -> str:
    """A new one each time, with what URLs, JSON, Python and shells quote."""
    return f"s3cr{secrets.token_hex(4)}'\"\\ %/é&=x"


def marks(password: str) -> tuple[str, ...]:
    """Parts that must not be seen, in whatever way the rest is quoted."""
    return (password[4:12], quote(password, safe=""))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two migrations."""
    return two_migrations(tmp_path)


def urls(password: str) -> Iterator[str]:
    """Unreachable, malformed in several ways, and of a kind that is not known."""
    encoded = quote(password, safe="")
    yield f"postgresql://me:{encoded}@127.0.0.1:1/db"
    yield f"postgresql://me:{password}@127.0.0.1:1/db"
    yield f"postgresql://me:{encoded}@127.0.0.1:port/db"
    yield f"mysql://me:{encoded}@127.0.0.1/db"
    yield f"host=127.0.0.1 port=1 password='{encoded}'"
    yield f"postgresql://me@127.0.0.1:1/db?password={encoded}&nope=1"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_password_whatever_is_wrong_with_the_url(
    call: Call, project: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    for number, form in enumerate(["text", "json", "text", "json", "text", "json"]):
        password = a_password()
        url = list(urls(password))[number]
        named = ["--url", url] if number % 2 else []
        monkeypatch.setenv("DATABASE_URL", "" if named else url)
        code, said = call(*command, *named, "--format", form)
        assert code in {0, 1, 2, 3}
        for mark in marks(password):
            assert mark not in said, url
        if form == "json":
            assert '"format": 1' in said


def test_a_password_typed_in_the_wrong_place_is_not_repeated(
    run_banister: RunBanister, project: Path
) -> None:
    password = a_password()
    url = f"postgresql://me:{quote(password, safe='')}@127.0.0.1:1/db"
    for args in (
        [url],
        ["up", url],
        ["up", f"--ulr={url}"],
        ["down", url],
        ["up", "--format", url],
    ):
        done = run_banister(*args)
        assert done.returncode == 2
        for mark in marks(password):
            assert mark not in done.stderr, args


FAULTY = """
import sys
import banister.engines
def fail(target, *args, **kwargs):
    raise RuntimeError(f"cannot parse {sorted(target.secrets)}")
banister.engines.open_engine = fail
from banister.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_shows_no_password(project: Path, form: str) -> None:
    password = a_password()
    url = f"postgresql://me:{quote(password, safe='')}@127.0.0.1:1/db"
    done = subprocess.run(
        [sys.executable, "-c", FAULTY, "status", "--format", form],
        cwd=project, env={**clean_environment(), "DATABASE_URL": url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot parse" in done.stderr
    assert "Traceback" in done.stderr
    for mark in marks(password):
        assert mark not in done.stdout
        assert mark not in done.stderr


@pytest.mark.parametrize("password", ["up", "null", "format", '"', "status"])
def test_a_password_that_is_an_ordinary_word_leaves_the_json_whole(
    run_banister: RunBanister, project: Path, password: str
) -> None:
    url = f"postgresql://me:{quote(password)}@127.0.0.1:1/db"
    told = json_of(run_banister("status", "--format", "json", env={"DATABASE_URL": url}))
    assert told["command"] == "status"
    assert f":{password}@" not in str(told)


def test_a_password_that_is_the_name_of_the_user_spoils_no_line(
    run_banister: RunBanister, project: Path
) -> None:
    env = {"DATABASE_URL": "postgresql://postgres:postgres@127.0.0.1:1/app"}
    done = run_banister("up", env=env)
    assert "database  postgresql://postgres@127.0.0.1:1/app, from DATABASE_URL\n" in done.stdout
    assert ":postgres@" not in done.stdout + done.stderr
    told = json_of(run_banister("up", "--format", "json", env=env))
    assert told["target"]["display"] == "postgresql://postgres@127.0.0.1:1/app"


def test_a_refused_password_is_not_shown(
    run_banister: RunBanister, project: Path, postgres: PostgresDatabase
) -> None:
    password = a_password()
    role = f"r{secrets.token_hex(4)}"
    env = {"DATABASE_URL": postgres.url.replace("user=postgres", f"user={role}")}
    env["PGPASSWORD"] = password
    for form in ("text", "json"):
        done = run_banister("up", "--format", form, env=env)
        assert done.returncode == 1
        for mark in marks(password):
            assert mark not in done.stdout + done.stderr


def test_a_password_in_an_argument_warns_once_and_one_in_a_variable_does_not(
    run_banister: RunBanister, project: Path
) -> None:
    url = "postgresql://me:hunter2@127.0.0.1:1/db"
    done = run_banister("status", "--url", url)
    assert done.stderr.count("warning: --url holds a password") == 1
    assert "hint:  use DATABASE_URL" in done.stderr
    told = json_of(run_banister("status", "--url", url, "--format", "json"))
    assert [finding["code"] for finding in told["findings"]] == ["password_in_arguments"]
    assert "warning" not in run_banister("status", env={"DATABASE_URL": url}).stderr


RECORD = """#!/bin/sh
printf '%s\\n' "$0 $*" >> "$ARGUMENTS"
echo "recorded 1.0"
"""


def test_programs_that_are_started_get_no_password(
    run_banister: RunBanister, project: Path, tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("psql", "pg_dump"):
        (programs / name).write_text(RECORD)
        (programs / name).chmod(0o755)
    password = a_password()
    done = run_banister(
        "doctor",
        env={
            "DATABASE_URL": f"postgresql://me:{quote(password, safe='')}@127.0.0.1:1/db",
            "PATH": f"{programs}:/usr/bin:/bin",
            "ARGUMENTS": str(tmp_path / "arguments"),
        },
    )
    assert "recorded 1.0" in done.stdout
    recorded = (tmp_path / "arguments").read_text()
    assert len(recorded.splitlines()) == 2
    for mark in marks(password):
        assert mark not in recorded
