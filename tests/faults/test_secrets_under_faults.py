"""No password gets out under any fault: neither ours nor one in a migration file."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from conftest import Call, RunBanister, clean_environment
from password_kit import GuardedServer, a_password, forms, guarded_server
from postgres_kit import wait_until

COMMANDS = (
    ["up"], ["status"], ["status", "--check"], ["plan", "--sql"], ["plan", "--rollback"],
    ["migrate"], ["migrate", "--dry-run"], ["migrate", "--rollback"], ["migrate", "--status"],
    ["down"], ["lint"],
    ["baseline", "1"], ["repair", "--accept-edit", "1"], ["repair", "1", "--done", "1"],
    ["repair", "1", "--retry", "1"], ["doctor"], ["new", "x"],
)  # fmt: skip
MAKES_ROLE = (
    "CREATE FUNCTION makes_role() RETURNS void LANGUAGE plpgsql AS $$\n"
    "BEGIN\n  CREATE ROLE postgres PASSWORD '{s}';\nEND $$;"
)
OFF = "-- banister: transaction=off\n"
#: Where a password stands in SQL, and a fault beside it.
STATEMENTS = (
    "CREATE ROLE made PASSWORD '{s}' NONSENSE;",
    "CREATE ROLE made PASSWORD = '{s}';",
    "CREATE ROLE made\n  PASSWORD\n  '{s}' NONSENSE;",
    "CREATE ROLE made PASSWORD /* now */ E'{s}' '{s}';",
    "CREATE ROLE postgres PASSWORD '{s}';",
    "ALTER ROLE nobody_at_all ENCRYPTED PASSWORD $x${s}$x$;",
    "CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere OPTIONS (user 'u', password '{s}');",
    "SET password '{s}';",
    "DO $$ BEGIN\n  EXECUTE 'CREATE ROLE postgres PASSWORD ''{s}''';\nEND $$;",
    "DO $$ BEGIN\n  EXECUTE format('CREATE ROLE postgres PASSWORD %L', '{s}');\nEND $$;",
    "DO $$ BEGIN\n  RAISE EXCEPTION 'cannot run: %', 'CREATE ROLE x PASSWORD ''{s}''';\nEND $$;",
    "DO $$ BEGIN\n  RAISE NOTICE '%', 'CREATE ROLE x PASSWORD ''{s}''';\n  PERFORM 1 / 0;\nEND $$;",
    MAKES_ROLE + "\nSELECT makes_role();",
    OFF + "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 password={s}' PUBLICATION p;",
    OFF + "VACUUM;\nCREATE ROLE postgres PASSWORD '{s}';",
    "CREATE ROLE made PASSWORD '{s};\nSELECT 1;",
    "CREATE ROLE made PASSWORD\n'{s};\nSELECT 1;",
)


@pytest.fixture(scope="module")
def server() -> Iterator[GuardedServer]:
    with guarded_server() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two migrations, of which the second takes its time."""
    write(tmp_path, "001_t.up", "CREATE TABLE t (id int);")
    write(tmp_path, "001_t.down", "DROP TABLE t;")
    write(tmp_path, "002_slow.up", "ALTER TABLE t ADD COLUMN a int;\nSELECT pg_sleep(0.01);")
    write(tmp_path, "002_slow.down", "ALTER TABLE t DROP COLUMN a;\nSELECT pg_sleep(0.01);")
    return tmp_path


def write(project: Path, name: str, text: str) -> None:
    folder = project / "migrations"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sql").write_text(text)


def check(password: str, *texts: str) -> None:
    """Fail where a text holds a spelling of the password."""
    for text in texts:
        for form in forms(password):
            assert form not in text, text
            assert json.dumps(form)[1:-1] not in text, text


def everything_logged(server: GuardedServer, name: str) -> str:
    """Return all rows of the log as text; empty where there is none."""
    there = server.rows("SELECT to_regclass('schema_migrations_log') IS NOT NULL", name)
    if there != [(True,)]:
        return ""
    return str(server.rows("SELECT l::text FROM schema_migrations_log l", name))


def ending(done: subprocess.CompletedProcess[str], form: str) -> None:
    """Check that the command ended in its own words."""
    assert "Traceback" not in done.stderr
    if form == "json":
        assert json.loads(done.stdout)["format"] == 1


@pytest.mark.parametrize(
    ("how", "form"),
    [
        ("url", "json"),
        ("pairs", "text"),
        pytest.param("url", "text", marks=pytest.mark.everything),
        pytest.param("pairs", "json", marks=pytest.mark.everything),
    ],
)
def test_no_command_tells_it_whether_it_is_right_or_wrong(
    server: GuardedServer, project: Path, call: Call, monkeypatch: pytest.MonkeyPatch,
    how: str, form: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(project)
    with server.database() as (name, password):
        wrong = a_password()
        for command in COMMANDS:
            for given in (password, wrong):
                for variable, value in server.named(how, name, given).items():
                    monkeypatch.setenv(variable, value)
                _, said = call(*command, "--format", form)
                refused = "password authentication failed" in said
                offline = command[0] in {"lint", "new"}
                assert refused is (given == wrong and not offline), (command, said)
                assert "Traceback" not in said
                check(password, said)
                check(wrong, said)
        check(password, everything_logged(server, name))


@pytest.mark.parametrize(
    ("command", "how", "fault", "form"),
    [
        pytest.param(
            command,
            how,
            fault,
            form,
            marks=()
            if (fault in {"SIGINT", "crash"}) is (command == "up") is (form == "json")
            else pytest.mark.everything,
        )
        for command, how in (("up", "url"), ("down", "pairs"))
        for fault in ("SIGTERM", "SIGINT", "terminate", "crash")
        for form in ("text", "json")
    ],
)
def test_no_run_that_is_cut_off_tells_it(
    server: GuardedServer, run_banister: RunBanister, project: Path,
    command: str, how: str, fault: str, form: str,
) -> None:  # fmt: skip
    slow = project / "migrations" / f"002_slow.{command}.sql"
    with server.database() as (name, password):
        env = server.named(how, name, password)
        if command == "down":
            assert run_banister("up", cwd=project, env=env).returncode == 0
        slow.write_text(slow.read_text().replace("0.01", "60"))
        if command == "down":
            assert (
                run_banister("repair", "--accept-edit", "2", cwd=project, env=env).returncode == 0
            )
        args = [sys.executable, "-m", "banister", command, "--format", form]
        with subprocess.Popen(
            args, cwd=project, env={**clean_environment(), **env},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            wait_until(lambda: bool(sleepers(server, name)), "the long statement")
            match fault:
                case "SIGTERM" | "SIGINT":
                    process.send_signal(signal.Signals[fault])
                case "terminate":
                    server.rows(f"SELECT pg_terminate_backend({sleepers(server, name)[0]})")
                case "crash":
                    # A run of several migrations asks it what became of them.
                    server.crash()
                    server.start_again()
            out, err = process.communicate(timeout=60)
        done = subprocess.CompletedProcess(args, process.returncode, out, err)
        ending(done, form)
        assert process.returncode == {"SIGTERM": 143, "SIGINT": 130}.get(fault, 1), done
        check(password, out, err, everything_logged(server, name))


def sleepers(server: GuardedServer, name: str) -> list[object]:
    """Return the processes in a database that sleep."""
    query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND wait_event = 'PgSleep'"
    return [pid for (pid,) in server.rows(query)]


@pytest.mark.parametrize(
    ("statement", "form"),
    [
        pytest.param(
            statement,
            form,
            marks=() if number % 2 == (form == "json") else pytest.mark.everything,
        )
        for number, statement in enumerate(STATEMENTS)
        for form in ("text", "json")
    ],
)
def test_no_password_in_a_file_is_told_whatever_is_wrong_with_the_file(
    server: GuardedServer, project: Path, call: Call, monkeypatch: pytest.MonkeyPatch,
    statement: str, form: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(project)
    with server.database() as (name, password):
        for variable, value in server.named("url", name, password).items():
            monkeypatch.setenv(variable, value)
        mark = os.urandom(6).hex()
        write(project, "003_role.up", statement.replace("{s}", f"in{mark}sql"))
        for command in (["lint"], ["plan", "--sql"], ["up"], ["status"]):
            code, said = call(*command, "--format", form)
            assert mark not in said, command
            check(password, said)
            assert code == 1 or command != ["up"]
        assert mark not in everything_logged(server, name)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_session_in_the_way_has_its_password_told(
    server: GuardedServer, run_banister: RunBanister, project: Path, form: str
) -> None:
    """Neither the statement that waits nor the one that is waited for is shown."""
    with server.database() as (name, password):
        env = server.named("pairs", name, password)
        assert run_banister("up", cwd=project, env=env).returncode == 0
        secret = f"in{os.urandom(6).hex()}sql"
        other = f"CREATE ROLE other_{name} PASSWORD '{secret}'"
        write(project, "003_role.up", f"{other};\nALTER TABLE t ADD COLUMN b int;")
        settings = {"BANISTER_LOCK_TIMEOUT": "900ms", "BANISTER_LOCK_RETRY": "1s"}
        url = server.running.database_url(name)
        with psycopg.connect(url, application_name="in the way") as holder:
            holder.execute("LOCK TABLE t")
            holder.execute(f"ALTER ROLE {name} CONNECTION LIMIT 50 PASSWORD '{secret}'".encode())
            server.rows(f"GRANT pg_read_all_stats TO {name}")
            done = run_banister(
                "up", "--show-queries", "--format", form, cwd=project, env={**env, **settings}
            )
            holder.rollback()
        ending(done, form)
        assert done.returncode == 1
        assert "55P03" in done.stdout + done.stderr
        assert "in the way" in done.stdout
        assert "(not shown: it may hold a secret)" in done.stdout
        check(password, done.stdout, done.stderr, everything_logged(server, name))
        assert secret not in done.stdout + done.stderr + everything_logged(server, name)
