"""The GitHub action and the hooks of pre-commit: what they call exists, and their steps run."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from projects import migrations

from banister.cli.program import _banister
from conftest import clean_environment

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
_EXPRESSION = re.compile(r"\$\{\{ *(?P<what>[^}]+?) *\}\}")


def test_every_command_and_option_is_there() -> None:
    called = re.compile(r"^banister (\w+)", re.MULTILINE)
    calls = [call for step in STEPS for call in called.findall(step["run"])]
    calls += [hook["entry"].removeprefix("banister ") for hook in HOOKS]
    assert {"lint", "plan", "verify"} <= set(calls)
    context = click.Context(_banister)
    for call in calls:
        assert _banister.get_command(context, call) is not None, call
    command = _banister.get_command(context, "plan")
    assert command is not None
    known = {name for option in command.params for name in option.opts}
    text = next(step["run"] for step in STEPS if step["name"] == "Rehearse")
    assert set(re.findall(r"--[a-z]+", text)) <= known


def test_no_expression_stands_in_a_script_where_a_title_could_be_code() -> None:
    assert [step["name"] for step in STEPS if "${{" in step["run"]] == []


def test_nothing_of_others_is_called() -> None:
    assert [step for step in STEPS if "uses" in step] == []


class Runner:
    """What GitHub does around the steps of a composite action, as far as they can tell."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        self.folder = folder
        self.inputs = {name: str(each["default"]) for name, each in ACTION["inputs"].items()}
        self.inputs |= {name.replace("_", "-"): value for name, value in inputs.items()}
        self.values = {"github.base_ref": "main", "github.event.pull_request.number": "7"}
        self.environment = clean_environment()
        tools = folder / "tools"
        tools.mkdir()
        (tools / "banister").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m banister "$@"\n')
        (tools / "gh").write_text(f'#!/bin/sh\necho "$@" >> "{folder}/gh"\n')
        for tool in tools.iterdir():
            tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        self.environment |= {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(folder),
            "GITHUB_REPOSITORY": "team/app",
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        }

    def step(self, name: str) -> tuple[int, str]:
        """Run a step; return its exit code and what it printed."""
        step = next(each for each in STEPS if each["name"] == name)
        outputs, later = self.folder / "outputs", self.folder / "later"
        for path in (outputs, later):
            path.write_text("")
        given = {key: self._filled(value) for key, value in step.get("env", {}).items()}
        files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_ENV": str(later)}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.folder / "app" / self.inputs["working-directory"],
            env={**self.environment, **given, **files},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        for line in outputs.read_text().splitlines():
            key, _, value = line.partition("=")
            self.values[f"steps.{step['id']}.outputs.{key}"] = value
        self.environment |= dict(line.split("=", 1) for line in later.read_text().splitlines())
        return done.returncode, done.stdout + done.stderr

    def _filled(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            what = found["what"]
            name = what.removeprefix("inputs.")
            return self.inputs[name] if name != what else self.values.get(what, "")

        return _EXPRESSION.sub(value, text)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A repository with one migration on main, and a branch that adds another."""
    folder = tmp_path / "app"
    folder.mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    migrations(
        folder,
        m001_things__up="CREATE TABLE things (id bigint PRIMARY KEY, note text);\n",
        m001_things__down="DROP TABLE things;\n",
    )
    steps = (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["commit", "-qm", "x"],
        ["remote", "add", "origin", str(folder)],
        ["checkout", "-qb", "branch"],
    )
    for args in steps:
        subprocess.run([*git, *args], check=True, stdout=subprocess.DEVNULL)
    migrations(
        folder,
        m002_index__up="CREATE INDEX things_note ON things (note);\n",
        m002_index__down="DROP INDEX things_note;\n",
    )
    return folder


def test_a_dangerous_change_fails_with_annotations_a_summary_and_one_comment(
    app: Path, tmp_path: Path
) -> None:
    runner = Runner(tmp_path)
    assert runner.step("Settings")[0] == 0
    assert runner.step("Lint")[0] == 0
    code, said = runner.step("Rehearse")
    assert code == 0, said
    assert "::warning file=migrations/002_index.up.sql,line=1" in said
    assert runner.values["steps.plan.outputs.status"] == "3"
    assert Path(runner.values["steps.plan.outputs.sarif"]).is_file()
    assert Path(runner.values["steps.plan.outputs.html"]).is_file()
    assert "create-index-blocking" in (tmp_path / "summary").read_text("utf-8")
    assert runner.step("Verify")[0] == 0
    assert runner.step("Comment")[0] == 0
    listed, written = (tmp_path / "gh").read_text().splitlines()
    assert "--paginate repos/team/app/issues/7/comments" in listed
    assert "--method POST repos/team/app/issues/7/comments" in written
    code, said = runner.step("Result")
    assert code != 0
    assert "lint ended with 0, plan with 3, verify with 0" in said


def test_a_harmless_change_passes(app: Path, tmp_path: Path) -> None:
    migrations(app, m002_index__up="CREATE TABLE more (id bigint PRIMARY KEY);\n")
    migrations(app, m002_index__down="DROP TABLE more;\n")
    runner = Runner(tmp_path)
    for name in ("Settings", "Lint", "Rehearse", "Verify", "Result"):
        code, said = runner.step(name)
        assert code == 0, said
