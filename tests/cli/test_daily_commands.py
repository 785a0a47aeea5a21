"""What the daily commands print, whole, for people and for programs."""

from pathlib import Path

import pytest
from projects import json_of, migrations, plain, two_migrations

from conftest import RunBanister

URL = ("--url", "sqlite:///app.db")

HEAD = "database  sqlite:///app.db, from --url\nfolder    migrations\n"
HEAD_WITH_SERVER = "database  sqlite:///app.db (SQLite N), from --url\nfolder    migrations\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two migrations."""
    return two_migrations(tmp_path)


def test_up_down_status_for_people(run_banister: RunBanister, project: Path) -> None:
    done = run_banister("up", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == (
        f"{HEAD}\n"
        "  001_users   applied  1 statement   0 ms\n"
        "  002_orders  applied  2 statements  0 ms\n"
        "applied 2 migrations in 0 ms"
    )
    done = run_banister("up", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == f"{HEAD}\nnothing to apply; the database is at 002"

    done = run_banister("down", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == (
        f"{HEAD}\n  002_orders  rolled back  1 statement  0 ms\nrolled back 1 migration in 0 ms"
    )
    done = run_banister("status", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == (
        f"{HEAD_WITH_SERVER}\n"
        "  001  users   applied  TIME  0 ms\n"
        "  002  orders  pending\n"
        "\n"
        "1 applied, 1 pending"
    )
    assert run_banister("down", "--to", "0", *URL).returncode == 0
    done = run_banister("down", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == f"{HEAD}\nnothing to roll back"


def test_up_and_down_for_programs(run_banister: RunBanister, project: Path) -> None:
    told = json_of(run_banister("up", *URL, "--format", "json"))
    assert told["command"] == "up"
    assert told["error"] is None
    assert told["target"] == {"display": "sqlite:///app.db", "source": "--url"}
    assert told["run_id"]
    assert told["duration_ms"] >= 0
    first, second = told["migrations"]
    assert first["duration_ms"] >= 0
    assert first | {"duration_ms": 0, "checksum": ""} == {
        "version": "001",
        "name": "users",
        "direction": "up",
        "mode": "whole",
        "statements": 1,
        "statement_count": 1,
        "done_before": 0,
        "file": "migrations/001_users.up.sql",
        "checksum": "",
        "notes": [],
        "state": "applied",
        "duration_ms": 0,
    }
    assert second["version"] == "002"

    told = json_of(run_banister("down", "2", *URL, "--format=json"))
    assert [(m["version"], m["direction"], m["state"]) for m in told["migrations"]] == [
        ("002", "down", "rolled_back"),
        ("001", "down", "rolled_back"),
    ]
    assert json_of(run_banister("down", *URL, "--format=json"))["migrations"] == []


def test_status_for_programs(run_banister: RunBanister, project: Path) -> None:
    run_banister("up", "--to", "1", *URL)
    told = json_of(run_banister("status", *URL, "--format", "json"))
    assert told["database"]["display"] == "sqlite:///app.db"
    assert told["database"]["server"].startswith("SQLite 3.")
    assert [(m["version"], m["name"], m["state"]) for m in told["migrations"]] == [
        ("001", "users", "applied"),
        ("002", "orders", "pending"),
    ]
    assert told["migrations"][0]["applied_at"].endswith("+00:00")
    assert told["migrations"][1]["applied_at"] is None


def test_status_check_exits_with_3_while_something_is_pending_or_wrong(
    run_banister: RunBanister, project: Path
) -> None:
    assert run_banister("status", *URL).returncode == 0
    assert run_banister("status", "--check", *URL).returncode == 3
    assert json_of(run_banister("status", "--check", *URL, "--format=json"))["exit"] == 3
    run_banister("up", *URL)
    assert run_banister("status", "--check", *URL).returncode == 0
    migrations(project, m001_users__up="CREATE TABLE other (id integer);\n")
    done = run_banister("status", "--check", *URL)
    assert done.returncode == 3
    assert "edited" in done.stdout
    assert "--accept-edit 001" in done.stderr


def test_status_without_migrations_says_what_to_do_next(
    run_banister: RunBanister, tmp_path: Path
) -> None:
    migrations(tmp_path)
    done = run_banister("status", *URL)
    assert done.returncode == 0
    assert "no migrations yet; `banister new NAME` makes the first" in done.stdout


def test_nothing_is_made_by_reads(run_banister: RunBanister, project: Path) -> None:
    for command in (["status"], ["plan"], ["migrate", "--dry-run"], ["migrate", "--status"]):
        assert run_banister(*command, *URL).returncode == 0
    assert not (project / "app.db").exists()


def test_plan_with_a_database(run_banister: RunBanister, project: Path) -> None:
    run_banister("up", "--to", "1", *URL)
    done = run_banister("plan", "--sql", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == (
        f"{HEAD_WITH_SERVER}\n"
        "would apply 1 migration:\n"
        "\n"
        "  002  orders  2 statements  in one transaction\n"
        "\n"
        "-- 002_orders (up)\n"
        "BEGIN;\n"
        "CREATE TABLE orders (id integer);\n"
        "CREATE INDEX by_id ON orders (id);\n"
        "COMMIT;\n"
        "\n"
        "dry run: nothing was run"
    )
    told = json_of(run_banister("plan", "--sql", *URL, "--format", "json"))
    assert told["looked_at_database"] is True
    assert [m["version"] for m in told["migrations"]] == ["002"]
    assert told["migrations"][0]["state"] == "pending"
    assert told["migrations"][0]["sql"] == [
        "CREATE TABLE orders (id integer);",
        "CREATE INDEX by_id ON orders (id);",
    ]


@pytest.mark.parametrize("command", [["plan"], ["migrate", "--dry-run"]])
def test_without_a_database_the_files_are_checked_and_listed(
    run_banister: RunBanister, project: Path, command: list[str]
) -> None:
    done = run_banister(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == (
        "folder    migrations\n"
        "\n"
        "would apply 2 migrations:\n"
        "\n"
        "  001  users   1 statement   in one transaction\n"
        "  002  orders  2 statements  in one transaction\n"
        "\n"
        "no database was looked at: everything in the folder counts as pending\n"
        "\n"
        "dry run: nothing was run"
    )
    told = json_of(run_banister(*command, "--format", "json"))
    assert told["looked_at_database"] is False
    assert told["target"] is None
    assert told["database"] is None
    assert len(told["migrations"]) == 2


BROKEN = {
    "m002_again__up": "SELECT 1;\n",
    "m003_typo__up": "-- banister: tgas=demo\nSELECT 1;\n",
    "m004_open__up": "SELECT 1;\nBEGIN;\nSELECT 2;\n",
    "m005_lonely__down": "SELECT 1;\n",
}


@pytest.mark.parametrize(
    "command", [["plan"], ["migrate", "--dry-run"], ["lint"], ["up", *URL], ["plan", *URL]]
)
def test_all_problems_are_told_at_once_each_with_its_place_and_what_to_do(
    run_banister: RunBanister, project: Path, command: list[str]
) -> None:
    migrations(project, **BROKEN)
    done = run_banister(*command)
    assert done.returncode == 1
    blocks = done.stderr.split("error: ")[1:]
    places = ("002_", "003_typo.up.sql:1:", "004_open.up.sql:2:1", "005_lonely.down.sql")
    assert len(blocks) == len(places)
    for block in blocks:
        assert sum(place in block for place in places) == 1, block
        assert "\nhint:" in block
    assert not (project / "app.db").exists()

    told = json_of(run_banister(*command, "--format", "json"))
    assert told["error"]["code"] == "findings"
    errors = [finding for finding in told["findings"] if finding["severity"] == "error"]
    assert len(errors) == len(places)
    assert all(finding["hint"] and finding["location"]["path"] for finding in errors)


def test_a_warning_is_told_once(run_banister: RunBanister, project: Path) -> None:
    run_banister("up", *URL)
    (project / "migrations" / "001_users.down.sql").unlink()
    migrations(project, m003_more__up="SELECT 1;\n")
    done = run_banister("up", *URL)
    assert done.returncode == 0
    assert done.stderr.count("003_more has no down file") == 1
    assert "001_users" not in done.stderr
    told = json_of(run_banister("status", *URL, "--format", "json"))
    codes = [(finding["code"], finding["version"]) for finding in told["findings"]]
    assert len(codes) == len(set(codes))


class TestMigrate:
    """The four daily tasks behind one command, as scripts call them."""

    def test_all_of_them_in_their_order(self, run_banister: RunBanister, project: Path) -> None:
        env = {"DATABASE_URL": "sqlite:///app.db"}

        def out(*args: str) -> str:
            done = run_banister("migrate", *args, env=env)
            assert (done.returncode, done.stderr) == (0, ""), args
            return done.stdout

        assert "would apply 2 migrations" in out("--dry-run")
        assert "2 pending" in out("--status")
        assert "applied 2 migrations" in out()
        assert "would roll back 2 migrations" in out("--dry-run", "--rollback", "2")
        assert "would roll back 1 migration:" in out("--rollback", "--dry-run")
        assert "rolled back 1 migration " in out("--rollback")
        assert "1 applied, 1 pending" in out("--status")
        assert "applied 1 migration " in out()
        assert "rolled back 2 migrations" in out("--rollback", "2")
        assert "2 pending" in out("--status")

    def test_json_names_the_command_that_was_typed(
        self, run_banister: RunBanister, project: Path
    ) -> None:
        told = json_of(run_banister("migrate", "--status", *URL, "--format", "json"))
        assert told["command"] == "migrate"
        assert [m["state"] for m in told["migrations"]] == ["pending", "pending"]

    @pytest.mark.parametrize(
        "args", [["--status", "--dry-run"], ["--status", "--rollback"], ["--rollback", "0"]]
    )
    def test_what_makes_no_sense_is_wrong_usage(
        self, run_banister: RunBanister, project: Path, args: list[str]
    ) -> None:
        done = run_banister("migrate", *args, *URL)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert not (project / "app.db").exists()


def test_a_failed_migration_for_people_and_programs(
    run_banister: RunBanister, project: Path
) -> None:
    migrations(project, m002_orders__up="CREATE TABLE orders (id);\nSELECT * FROM nowhere;\n")
    migrations(project, m003_later__up="SELECT 1;\n", m003_later__down="SELECT 1;\n")
    done = run_banister("up", *URL)
    assert done.returncode == 1
    assert plain(done.stdout) == (
        f"{HEAD}\n  001_users  applied  1 statement   0 ms\n  002_orders  failed"
    ).replace("001_users ", "001_users  ")
    assert plain(done.stderr).startswith(
        "error: migration 002_orders.up.sql failed: no such table: nowhere [SQLITE_ERROR]\n"
        "  --> migrations/002_orders.up.sql:2:15 (up, statement 2 of 2)\n"
        "    2 | SELECT * FROM nowhere;\n"
        "      |               ^\n"
        "state: 002 was rolled back whole; 001 stays applied; the database is at 001; 2 pending\n"
        "hint:  "
    )
    assert done.stderr.endswith("run `banister up` again\n")
    told = json_of(run_banister("up", *URL, "--format", "json"))
    assert told["exit"] == 1
    error = told["error"]
    assert error["code"] == "migration_failed"
    assert error["version"] == "002"
    assert (error["sqlstate"], error["sqlite_error"]) == (None, "SQLITE_ERROR")
    assert told["database"]["display"] == "sqlite:///app.db"
    assert told["database"]["server"].startswith("SQLite 3.")
    assert error["pending"] == ["003"]
    assert error["location"] == {
        "path": "migrations/002_orders.up.sql",
        "line": 2,
        "column": 15,
        "note": "up, statement 2 of 2",
    }
    assert [(m["version"], m["state"]) for m in told["migrations"]] == [("002", "failed")]


def test_what_cannot_be_rolled_back_is_refused_before_anything_runs(
    run_banister: RunBanister, project: Path
) -> None:
    (project / "migrations" / "001_users.down.sql").unlink()
    run_banister("up", *URL)
    for command in (["down", "2"], ["plan", "--rollback", "2"], ["migrate", "--rollback", "2"]):
        done = run_banister(*command, *URL)
        assert done.returncode == 1
        assert "nothing to roll back" not in done.stdout
        assert "error: 001_users cannot be rolled back: it has no down file" in done.stderr
        assert "hint:  write 001_users.down.sql" in done.stderr
        assert done.stderr.endswith("state: nothing was run; 1 problem to solve first\n")
    assert "2 applied" in run_banister("status", *URL).stdout


def test_what_tags_leave_out_is_listed_and_recorded(
    run_banister: RunBanister, project: Path
) -> None:
    migrations(project, m003_demo__up="-- banister: tags=demo\nSELECT 1;\n")
    env = {"BANISTER_SKIP_TAGS": "demo"}
    assert "skipped by their tags:\n\n  003  demo  demo\n" in (
        run_banister("plan", *URL, env=env).stdout
    )
    told = json_of(run_banister("up", *URL, "--format", "json", env=env))
    assert [(m["version"], m["state"]) for m in told["migrations"]] == [
        ("003", "skipped"),
        ("001", "applied"),
        ("002", "applied"),
    ]
    assert run_banister("status", "--check", *URL, env=env).returncode == 0


def test_baseline_records_without_running(run_banister: RunBanister, project: Path) -> None:
    done = run_banister("baseline", "1", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == (
        f"{HEAD}\n  001_users  recorded as applied, not run\nrecorded 1 migration"
    )
    assert "1 applied, 1 pending" in run_banister("status", *URL).stdout
    told = json_of(run_banister("baseline", "002", *URL, "--format", "json"))
    assert told["migrations"] == [{"version": "002", "name": "orders", "state": "baselined"}]


def test_repair_accepts_an_edit(run_banister: RunBanister, project: Path) -> None:
    run_banister("up", *URL)
    migrations(project, m001_users__up="CREATE TABLE users (id integer PRIMARY KEY);\n\n-- so\n")
    assert run_banister("status", "--check", *URL).returncode == 3
    done = run_banister("repair", "--accept-edit", "1", *URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "001_users: the files as they are now are recorded" in done.stdout
    assert run_banister("status", "--check", *URL).returncode == 0
    told = json_of(run_banister("repair", "--accept-edit", "1", *URL, "--format", "json"))
    assert told["migrations"][0]["state"] == "edit_accepted"


@pytest.mark.parametrize("args", [[], ["1"], ["1", "--done", "1", "--retry", "1"], ["--done", "1"]])
def test_repair_asks_for_one_decision(
    run_banister: RunBanister, project: Path, args: list[str]
) -> None:
    assert run_banister("repair", *args, *URL).returncode == 2
