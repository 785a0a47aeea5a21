"""`up` with nothing to do, and `status` then: told at once, in the words of the ordinary way."""

import os
import pty
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

import banister
from banister.quick import answer_at_once
from conftest import RunBanister, clean_environment
from servers import PostgresDatabase

FILES = {
    "001_users.up.sql": "-- Users, as they are: see the wiki\nCREATE TABLE users (id int);\n",
    "001_users.down.sql": "DROP TABLE users;\n",
    "002_orders.up.sql": "CREATE TABLE orders (id int);\r\n",
}


@pytest.fixture
def applied(tmp_path: Path, postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project whose migrations are applied, and stand in it."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "migrations").mkdir()
    for name, text in FILES.items():
        (tmp_path / "migrations" / name).write_text(text, newline="")
    banister.open(postgres.url, root=tmp_path, environ={}).up()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environment(url: str) -> dict[str, str]:
    """Return the environment of a process that names a database, and sets nothing else."""
    kept = {name: value for name, value in clean_environment().items() if "BANISTER" not in name}
    return {**kept, "DATABASE_URL": url}


def told(postgres: PostgresDatabase, **more: str) -> str | None:
    return answer_at_once(["up"], {"DATABASE_URL": postgres.url, **more})


def test_it_is_told_in_the_same_words_either_way(
    applied: Path, postgres: PostgresDatabase, run_banister: RunBanister
) -> None:
    (applied / "banister.toml").write_text('# Settings.\ndir = "migrations"\n\n# more\n')
    (applied / "migrations" / "README.md").write_text("banister")
    (applied / "migrations" / ".hidden.sql").write_text("")
    ordinary = run_banister("up", env={"DATABASE_URL": postgres.url})
    assert told(postgres) == ordinary.stdout
    assert (ordinary.returncode, ordinary.stderr) == (0, "")
    assert "the database is at 002" in ordinary.stdout


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata"])
def test_status_is_told_in_the_same_words_either_way(
    applied: Path, postgres: PostgresDatabase, run_banister: RunBanister, zone: str
) -> None:
    postgres.execute(f"ALTER DATABASE {postgres.name} SET timezone = '{zone}'")
    postgres.execute(
        "UPDATE schema_migrations SET duration_ms = 61999, applied_at = '2026-07-05 23:59:59.9Z'"
        " WHERE version = '001'"
    )
    at_once = answer_at_once(["status"], {"DATABASE_URL": postgres.url})
    ordinary = run_banister("status", env={"DATABASE_URL": postgres.url, "PGOPTIONS": ""})
    assert at_once == ordinary.stdout
    assert (ordinary.returncode, ordinary.stderr) == (0, "")
    assert "irreversible" in ordinary.stdout
    assert "1 min 1 s" in ordinary.stdout
    postgres.execute("UPDATE schema_migrations SET duration_ms = NULL, down_text = NULL")
    at_once = answer_at_once(["status", "--check"], {"DATABASE_URL": postgres.url})
    environment = {"DATABASE_URL": postgres.url, "PGOPTIONS": ""}
    ordinary = run_banister("status", "--check", env=environment)
    assert at_once == ordinary.stdout
    assert "not kept" in ordinary.stdout
    postgres.execute("UPDATE schema_migrations SET applied_at = 'infinity'")
    assert answer_at_once(["status"], {"DATABASE_URL": postgres.url}) is None


def test_status_is_marked_at_a_terminal_as_the_ordinary_way_marks_it(
    applied: Path, postgres: PostgresDatabase
) -> None:
    said = []
    for more in ({}, {"PGOPTIONS": ""}, {"NO_COLOR": "1"}, {"NO_COLOR": "1", "PGOPTIONS": ""}):
        ours, theirs = pty.openpty()
        subprocess.run(
            [sys.executable, "-m", "banister", "status"],
            env=environment(postgres.url) | {"TERM": "xterm"} | more,
            stdout=theirs, stderr=theirs, check=True,
        )  # fmt: skip
        os.close(theirs)
        said.append(read_all(ours))
    coloured, ordinary, plain, plain_ordinary = said
    assert coloured == ordinary
    assert plain == plain_ordinary
    assert b"\033[32mapplied" in coloured
    assert b"\033" not in plain


def read_all(descriptor: int) -> bytes:
    """Return what was written to a terminal whose other end is closed."""
    read = b""
    with open(descriptor, "rb", buffering=0) as terminal, suppress(OSError):
        while more := terminal.read(1 << 16):
            read += more
    return read


def test_another_history_is_left_to_the_ordinary_way(
    applied: Path, postgres: PostgresDatabase
) -> None:
    table, log = "schema_migrations", "schema_migrations_log"
    for change, back in (
        ("UPDATE {0} SET up_checksum = 'x' || up_checksum",
         "UPDATE {0} SET up_checksum = substr(up_checksum, 2)"),
        ("UPDATE {0} SET name = name || 'x'", "UPDATE {0} SET name = rtrim(name, 'x')"),
        ("UPDATE {0} SET version = '3' WHERE version = '002'",
         "UPDATE {0} SET version = '002' WHERE version = '3'"),
        ("INSERT INTO {0} (version, name) VALUES ('003', 'more')",
         "DELETE FROM {0} WHERE version = '003'"),
        ("INSERT INTO {0} (version, name) VALUES ('v', 'more')",
         "DELETE FROM {0} WHERE version = 'v'"),
        ("ALTER TABLE {0} ADD COLUMN more int", "ALTER TABLE {0} DROP COLUMN more"),
        ("ALTER TABLE {0} ALTER COLUMN name TYPE varchar(80)",
         "ALTER TABLE {0} ALTER COLUMN name TYPE text"),
        ("ALTER TABLE {0} DROP CONSTRAINT {0}_pkey", "ALTER TABLE {0} ADD PRIMARY KEY (version)"),
        ("ALTER TABLE {0} ENABLE ROW LEVEL SECURITY", "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY"),
        ("ALTER TABLE {0} RENAME TO gone", "ALTER TABLE gone RENAME TO {0}"),
        ("ALTER TABLE {1} RENAME TO gone", "ALTER TABLE gone RENAME TO {1}"),
        ("INSERT INTO {1} (run_id, event, version) VALUES ('r', 'started', '002')",
         "INSERT INTO {1} (run_id, event, version) VALUES ('r', 'applied', '002')"),
    ):  # fmt: skip
        postgres.execute(change.format(table, log))
        assert told(postgres) is None, change
        postgres.execute(back.format(table, log))
        assert told(postgres) is not None, back
    postgres.execute(f"DELETE FROM {table}")
    assert told(postgres) is None


def test_a_history_that_cannot_be_read_is_left_to_the_ordinary_way(
    applied: Path, postgres: PostgresDatabase
) -> None:
    with closing(postgres.connect(autocommit=False)) as holder:
        holder.execute("LOCK TABLE schema_migrations")
        assert told(postgres) is None
    for away in ("postgresql://127.0.0.1:1/x", "postgresql:///x?host=/nowhere&port=1"):
        assert answer_at_once(["up"], {"DATABASE_URL": away}) is None
    name = f"nobody_{postgres.name}"
    postgres.execute(f"CREATE ROLE {name} LOGIN")
    try:
        theirs = postgres.url.replace(f"user={postgres.server.superuser}", f"user={name}")
        assert theirs != postgres.url
        assert answer_at_once(["up"], {"DATABASE_URL": theirs}) is None
    finally:
        postgres.execute(f"DROP ROLE {name}")


def test_files_that_something_may_be_said_of_are_left_to_the_ordinary_way(
    applied: Path, postgres: PostgresDatabase
) -> None:
    folder = applied / "migrations"
    for name, text in (
        ("001_users.up.sql", b"CREATE TABLE users (id int, name text);"),
        ("001_users.down.sql", b'-- banister: keep="table users"\n'),
        ("001_users.down.sql", b"-- bannister: transaction=off\n"),
        ("001_users.down.sql", "-- für alle".encode()),
        ("001_users.down.sql", b"select 1;\0"),
        ("001_users.down.sql", b"-" * (1 << 16)),
        ("003_more.up.sql", b"select 1;"),
        ("001_more.up.sql", b"select 1;"),
        ("002_other.down.sql", b"select 1;"),
        ("0003_wide.down.sql", b"select 1;"),
        ("002_orders.down.sqlite.sql", b"select 1;"),
        ("more.SQL", b"select 1;"),
        ("more/001_inside.up.sql", b"select 1;"),
    ):  # fmt: skip
        path = folder / name
        before = path.read_bytes() if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text)
        assert told(postgres) is None, (name, text)
        path.unlink()
        if before is not None:
            path.write_bytes(before)
        if path.parent != folder:
            path.parent.rmdir()
        assert told(postgres) is not None, (name, text)
    up = folder / "002_orders.up.sql"
    up.rename(applied / "elsewhere.sql")
    assert told(postgres) is None
    up.symlink_to(applied / "elsewhere.sql")
    assert told(postgres) is None


def test_other_settings_and_ways_are_left_to_the_ordinary_way(
    applied: Path, postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url
    for more in (
        {"BANISTER_ENV": "production"}, {"BANISTER_ROLE": "owner"}, {"BANISTER_FORMAT": "json"},
        {"PGOPTIONS": "-c role=x"}, {"PGSERVICE": "app"}, {"PGSSLMODE": "require"},
        {"PGPASSWORD": "up"[::-1] + "'"}, {"PGPASSWORD": "apply"}, {"DATABASE_URL": ""},
        {"DATABASE_URL": f"{url}&sslmode=require"}, {"DATABASE_URL": "service=app"},
        {"DATABASE_URL": url.replace("postgresql:", "postgresql+asyncpg:")},
        {"DATABASE_URL": "sqlite:///app.db"}, {"DATABASE_URL": "embedded:"},
    ):  # fmt: skip
        assert told(postgres, **more) is None, more
    assert answer_at_once(["up"], {"BANISTER_URL": url, "DATABASE_URL": "embedded:"}) is not None
    assert answer_at_once(["up", "--to", "1"], {"DATABASE_URL": url}) is None
    for name, text in (
        ("banister.toml", 'dir = "migrations"\nlock_timeout = "5s"\n'),
        ("banister.toml", '[env.production]\nurl = "x"\n'),
        ("banister.toml", 'dir = "elsewhere"\n'),
        ("pyproject.toml", "[tool.banister]\n"),
    ):
        (applied / name).write_text(text)
        assert told(postgres) is None, text
        (applied / name).unlink()
    (applied / "inside").mkdir()
    (applied / "inside" / "migrations").symlink_to(applied / "migrations")
    (applied / "banister.toml").write_text("")
    monkeypatch.chdir(applied / "inside")
    assert told(postgres) is None


def test_it_needs_neither_the_driver_nor_the_command_line(
    applied: Path, postgres: PostgresDatabase
) -> None:
    program = "import sys; from banister.cli import main; main(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, "up"],
        env=environment(postgres.url),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "the database is at 002" in done.stdout
    loaded = set(done.stdout.split())
    assert loaded & {"psycopg", "click", "dataclasses", "pathlib", "banister.model"} == set()
    asked = [sys.executable, "-c", program, "status"]
    shown = subprocess.run(
        asked, env=environment(postgres.url), capture_output=True, text=True, check=True
    )
    assert "2 applied" in shown.stdout
    loaded = set(shown.stdout.split())
    assert loaded & {"psycopg", "click", "pathlib", "banister.model", "banister.errors"} == set()


def test_an_interrupt_while_the_server_is_silent_ends_the_command(applied: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql://127.0.0.1:{server.getsockname()[1]}/app"
        with subprocess.Popen(
            [sys.executable, "-m", "banister", "up"],
            env=environment(url),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as command:  # fmt: skip
            connection, _ = server.accept()
            with connection:
                command.send_signal(signal.SIGINT)
                _, said = command.communicate(timeout=30)
    assert command.returncode == 130
    assert "Traceback" not in said


def test_it_ends_well_where_nobody_can_read_it(applied: Path, postgres: PostgresDatabase) -> None:
    for closed in (">&-", "2>&-", ">/dev/full"):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -m banister up {closed}', sys.executable],
            env=environment(postgres.url),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), closed
