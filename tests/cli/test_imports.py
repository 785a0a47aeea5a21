"""What a command imports: offline commands pay for no driver."""

import subprocess
import sys
from pathlib import Path

import pytest
from projects import two_migrations

from conftest import clean_environment

HEAVY = {"psycopg", "psycopg_binary", "sqlite3", "rich", "banister.engines.embedded"}

TELL = """
import sys
from banister.cli import main
code = main()
print(*sys.modules, sep="\\n", file=open("modules.txt", "w"))
sys.exit(code)
"""


def imported(folder: Path, *args: str) -> set[str]:
    subprocess.run(
        [sys.executable, "-c", TELL, *args],
        cwd=folder, env=clean_environment(), capture_output=True, check=True,
    )  # fmt: skip
    return set((folder / "modules.txt").read_text().split())


@pytest.mark.parametrize(
    "args",
    [
        ["--version"], ["--help"], ["up", "--help"], ["new", "x"], ["lint"], ["plan"],
        ["migrate", "--dry-run"], ["plan", "--format", "json"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_offline_command_imports_no_driver(tmp_path: Path, args: list[str]) -> None:
    assert imported(two_migrations(tmp_path), *args) & HEAVY == set()


def test_version_and_help_import_next_to_nothing_of_ours(tmp_path: Path) -> None:
    for flag in ("--version", "--help"):
        ours = {name for name in imported(tmp_path, flag) if name.startswith("banister.")}
        assert ours <= {
            "banister._version", "banister.cli", "banister.cli.main", "banister.cli.group",
        }, flag  # fmt: skip


def test_one_engine_does_not_import_the_other(tmp_path: Path) -> None:
    project = two_migrations(tmp_path)
    assert "psycopg" not in imported(project, "up", "--url", "sqlite:///app.db")
