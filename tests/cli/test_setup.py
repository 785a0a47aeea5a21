"""The first minutes: init, new, doctor, the embedded server and the demo."""

import os
import re
import secrets
from pathlib import Path

import pytest
from projects import json_of, migrations, plain, two_migrations

from conftest import RunBanister

UNREACHABLE = "127.0.0.1:1/db"


class TestInit:
    """`banister init`."""

    def test_makes_settings_and_folder(self, run_banister: RunBanister, tmp_path: Path) -> None:
        done = run_banister("init")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("created banister.toml\ncreated migrations\n\nnext:\n")
        assert (tmp_path / "migrations").is_dir()
        assert run_banister("status", "--url", "sqlite:///app.db").returncode == 0

    def test_takes_another_folder_and_tells_programs(
        self, run_banister: RunBanister, tmp_path: Path
    ) -> None:
        told = json_of(run_banister("init", "--dir", "db/steps", "--format", "json"))
        assert told["files"] == ["banister.toml", "db/steps"]
        assert run_banister("new", "x").returncode == 0
        assert len(list((tmp_path / "db" / "steps").iterdir())) == 2

    def test_refuses_where_there_is_a_project(
        self, run_banister: RunBanister, tmp_path: Path
    ) -> None:
        (tmp_path / "banister.toml").write_text("# mine\n")
        done = run_banister("init")
        assert done.returncode == 2
        assert "is there already" in done.stderr
        assert (tmp_path / "banister.toml").read_text() == "# mine\n"
        assert not (tmp_path / "migrations").exists()


class TestNew:
    """`banister new`."""

    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in (folder / "migrations").iterdir())

    def test_begins_at_001_and_takes_the_next_number(
        self, run_banister: RunBanister, tmp_path: Path
    ) -> None:
        migrations(tmp_path)
        done = run_banister("new", "create_users")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (
            "created migrations/001_create_users.up.sql\n"
            "created migrations/001_create_users.down.sql\n"
        )
        told = json_of(run_banister("new", "Add  Émail!", "--format", "json"))
        assert told["files"] == [
            "migrations/002_add_email.up.sql",
            "migrations/002_add_email.down.sql",
        ]
        assert run_banister("new", "two", "words").stdout.startswith(
            "created migrations/003_two_words.up.sql"
        )
        assert run_banister("up", "--url", "sqlite:///app.db").returncode == 0

    def test_goes_on_with_timestamps(self, run_banister: RunBanister, tmp_path: Path) -> None:
        migrations(tmp_path, m20240101120000_a__up="SELECT 1;\n")
        assert run_banister("new", "b").returncode == 0
        newest = self.names(tmp_path)[-1]
        assert re.fullmatch(r"20\d{12}_b\.up\.sql", newest)

    def test_never_overwrites(self, run_banister: RunBanister, tmp_path: Path) -> None:
        folder = migrations(tmp_path)
        (folder / "001_a.down.sql").write_text("-- mine\n")
        run_banister("new", "a")
        assert (folder / "001_a.down.sql").read_text() == "-- mine\n"

    def test_refuses_a_name_without_letters(
        self, run_banister: RunBanister, tmp_path: Path
    ) -> None:
        migrations(tmp_path)
        done = run_banister("new", "!!!")
        assert done.returncode == 2
        assert self.names(tmp_path) == []


class TestDoctor:
    """`banister doctor`."""

    def test_a_good_setup(self, run_banister: RunBanister, tmp_path: Path) -> None:
        two_migrations(tmp_path)
        env = {"DATABASE_URL": "sqlite:///app.db"}
        done = run_banister("doctor", env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert "ok      migrations: 2 in migrations\n" in done.stdout
        assert "ok      database: sqlite:///app.db, from DATABASE_URL: SQLite N" in plain(
            done.stdout
        )
        assert "ok      history: 0 applied\n" in done.stdout
        assert not (tmp_path / "app.db").exists()
        told = json_of(run_banister("doctor", "--format", "json", env=env))
        assert {check["verdict"] for check in told["checks"]} == {"ok"}

    def test_a_folder_with_problems(self, run_banister: RunBanister, tmp_path: Path) -> None:
        migrations(tmp_path, m001_a__up="BEGIN;\n")
        done = run_banister("doctor", "--url", "sqlite:///app.db")
        assert done.returncode == 1
        assert "wrong   migrations: 1 in migrations; 1 with problems" in done.stdout
        assert "`banister lint` shows all of them" in done.stdout
        assert "error: wrong with this setup: migrations" in done.stderr

    def test_no_folder(self, run_banister: RunBanister) -> None:
        done = run_banister("doctor", "--url", "sqlite:///app.db")
        assert done.returncode == 1
        assert "wrong   migrations: there is no folder migrations" in done.stdout

    def test_bad_settings(self, run_banister: RunBanister, tmp_path: Path) -> None:
        (tmp_path / "banister.toml").write_text("nope = 1\n")
        done = run_banister("doctor")
        assert done.returncode == 1
        assert "wrong   settings: " in done.stdout

    def test_a_database_out_of_reach_shows_no_password(
        self, run_banister: RunBanister, tmp_path: Path
    ) -> None:
        two_migrations(tmp_path)
        password = secrets.token_hex(8)
        env = {"DATABASE_URL": f"postgresql://me:{password}@{UNREACHABLE}"}
        done = run_banister("doctor", env=env)
        assert done.returncode == 1
        assert "wrong   database: " in done.stdout
        told = json_of(run_banister("doctor", "--format", "json", env=env))
        assert told["error"]["code"] == "setup"
        assert [check["name"] for check in told["checks"] if check["verdict"] == "wrong"] == [
            "database"
        ]
        assert password not in done.stdout + done.stderr + str(told)


class TestServer:
    """`banister server`: as root it runs under another account."""

    def test_start_url_use_stop(self, run_banister: RunBanister, tmp_path: Path) -> None:
        two_migrations(tmp_path)
        done = run_banister("server", "url")
        assert done.returncode == 1
        assert "hint:  start it with `banister server start`" in done.stderr
        try:
            told = json_of(run_banister("server", "start", "--format", "json"))
            assert told["command"] == "server start"
            pid = told["server"]["pid"]
            assert Path(f"/proc/{pid}").exists()
            if os.geteuid() == 0:
                assert Path(f"/proc/{pid}").stat().st_uid != 0
            again = run_banister("server", "start")
            assert again.returncode == 0
            assert f"pid {pid}" in again.stdout
            url = run_banister("server", "url").stdout.strip()
            assert url == told["server"]["url"]
            done = run_banister("up", env={"DATABASE_URL": url})
            assert done.returncode == 0, done.stderr
            done = run_banister("status", "--check", "--url", "embedded:")
            assert done.returncode == 0, done.stderr
            assert Path(f"/proc/{pid}").exists()
        finally:
            stopped = run_banister("server", "stop")
        assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
        told = json_of(run_banister("server", "stop", "--format", "json"))
        assert told["server"] == {"stopped": False}


class TestDemo:
    """`banister demo`."""

    def test_for_people(self, run_banister: RunBanister, tmp_path: Path) -> None:
        done = run_banister("demo")
        assert (done.returncode, done.stderr) == (0, "")
        commands = re.findall(r"^\$ banister (.*)$", done.stdout, re.MULTILINE)
        assert commands == ["status", "plan", "up", "status", "down 2", "up"]
        assert "rolled back 2 migrations" in done.stdout
        assert done.stdout.count("applied 2 migrations in") == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.everything
    def test_for_programs(self, run_banister: RunBanister) -> None:
        told = json_of(run_banister("demo", "--format", "json"))
        assert [step["exit"] for step in told["commands"]] == [0] * 6
        assert told["commands"][2]["answer"]["command"] == "up"
