"""What a command imports: offline commands pay for no driver."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

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
    least = {"banister._version", "banister.cli", "banister.cli.main"}
    for flag, more in (
        ("--version", set()),
        ("--help", {"banister.cli.program", "banister.cli.group"}),
    ):
        names = imported(tmp_path, flag)
        ours = {name for name in names if name.startswith("banister.")}
        assert ours <= least | more, flag
        assert ("click" in names) == bool(more)


def test_a_command_of_the_files_imports_nothing_of_runs_and_copies(tmp_path: Path) -> None:
    project = two_migrations(tmp_path)
    for args in (["new", "x"], ["lint"]):
        apart = ("engines", "proof", "rehearsal", "scratch", "backup", "runner", "records")
        found = {name.split(".")[1] for name in imported(project, *args) if "banister." in name}
        assert found & set(apart) == set(), args


def test_packages_that_import_later_have_all_their_names() -> None:
    for package in ("banister.model", "banister.project", "banister.report"):
        module = importlib.import_module(package)
        homes = {name for name in module.__all__ if name in _modules(module)}
        # Once imported, a module would stand in the place of the name.
        assert homes == set(), package
        for name in module.__all__:
            home = sys.modules.get(getattr(getattr(module, name), "__module__", package))
            assert getattr(home, name, None) is not None or name in ("Event", "ProofEvent", "KEYS")
        with pytest.raises(AttributeError, match="nothing_of_that_name"):
            module.nothing_of_that_name  # noqa: B018


def _modules(package: ModuleType) -> set[str]:
    return {found.name for found in pkgutil.iter_modules(package.__path__)}


def test_one_engine_does_not_import_the_other(tmp_path: Path) -> None:
    project = two_migrations(tmp_path)
    assert "psycopg" not in imported(project, "up", "--url", "sqlite:///app.db")
