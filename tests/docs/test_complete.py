"""Nothing the program knows is missing in the docs, and nothing in them leads nowhere."""

import ast
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest
from pages import read_blocks

import banister
from banister import BanisterError
from banister.model import LogEvent, events
from banister.project import load_settings
from banister.project.keys import KEYS as SETTINGS
from banister.script.keys import KEYS as DIRECTIVES

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs"
_LINKED = sorted(
    page
    for folder in (_ROOT, _DOCS, _ROOT / "examples")
    for page in (folder.glob("*.md") if folder == _ROOT else folder.rglob("*.md"))
    if "node_modules" not in page.parts
)
_WORD = re.compile(r"[a-z]+(_[a-z]+)*")


def _text(page: str) -> str:
    return (_DOCS / page).read_text("utf-8")


def _coded(page: str) -> set[str]:
    """What stands in backticks outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```$", "", _text(page), flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", prose))


def test_generated_parts_are_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, _ROOT / "scripts" / "update_docs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/update_docs.py\n{done.stdout}{done.stderr}"


def test_every_command_has_a_heading_and_its_help() -> None:
    commands = list(runpy.run_path(str(_ROOT / "scripts" / "update_docs.py"))["all_commands"]())
    assert {"up", "down", "server start"} <= set(commands)
    text = _text("commands.md")
    assert [c for c in commands if not re.search(rf"(?m)^###? {c}$", text)] == []
    assert [c for c in commands if f"<!-- help: {c} -->" not in text] == []


def test_every_setting_is_documented() -> None:
    rows = set(re.findall(r"(?m)^\| `(\w+)` \|", _text("settings.md")))
    assert {key.name for key in SETTINGS} == rows


def test_every_directive_is_documented() -> None:
    cells = " ".join(re.findall(r"(?m)^\| (`.*?`) \| (?:up|up, down) \|", _text("files.md")))
    assert [key for key in DIRECTIVES if not re.search(rf"[` ]{key}\b", cells)] == []


def test_every_log_event_is_documented() -> None:
    assert {str(event) for event in LogEvent} - _coded("history.md") == set()


def test_every_event_and_public_name_is_documented() -> None:
    coded = {re.sub(r"\W.*", "", code.removeprefix("banister.")) for code in _coded("library.md")}
    assert set(events.__all__) - coded == set()
    assert set(banister.__all__) - {"__version__"} - coded == set()


def test_every_exit_code_is_documented() -> None:
    rows = set(re.findall(r"(?m)^\| (\d+) \|", _text("errors.md")))
    # 3 belongs to --check, 130 and 143 are the shell's numbers for SIGINT and SIGTERM.
    assert {str(error.exit_code) for error in _errors()} | {"0", "3", "130", "143"} == rows


def _errors(error: type[BanisterError] = BanisterError) -> Iterator[type[BanisterError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _errors(kind)


def test_every_code_of_an_error_or_finding_is_documented_and_none_is_made_up() -> None:
    rows = set(re.findall(r"(?m)^\| `(\w+)` \|", _text("errors.md")))
    used = _codes_in_source()
    assert {"out_of_order", "duplicate_version", "migration_failed", "unterminated_string"} <= used
    assert used - rows == set(), "missing in docs/errors.md"
    assert rows - used == set(), "in docs/errors.md, but not in the program"


def _codes_in_source() -> set[str]:
    """Every constant that becomes the `code` of an error, a finding or a problem."""
    found: set[str] = set()
    for path in (_ROOT / "src" / "banister").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for value in _code_values(node):
                found |= {
                    constant.value
                    for constant in ast.walk(value)
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
                }
    return {code for code in found if _WORD.fullmatch(code)}


def _code_values(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.keyword(arg="code", value=ast.IfExp(body=one, orelse=other)):
            yield from (one, other)
        case ast.keyword(arg="code", value=value):
            yield value
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield value
        case ast.Assign(
            targets=[ast.Tuple(elts=[ast.Name(id="code"), *_])], value=ast.Tuple(elts=[first, *_])
        ):
            yield first
        case ast.Dict(values=values):
            yield from (value.elts[0] for value in values if _is_problem(value))
        case ast.Call(func=ast.Attribute(attr="say" | "_add"), args=[first, second, *_]):
            # (severity, code, …) or (code, …).
            yield second if isinstance(first, ast.Attribute) else first
        case ast.FunctionDef(args=arguments):
            named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            yield from (default for name, default in named if name.arg == "code" and default)


def _is_problem(value: ast.expr) -> TypeGuard[ast.Tuple]:
    """Whether it is a row (code, what, hint) of the splitters' tables."""
    match value:
        case ast.Tuple(elts=[ast.Constant(value=str(code)), _, _]):
            return "_" in code
    return False


@pytest.mark.parametrize("page", _LINKED, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(target)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    """The names that headings get where Markdown is shown."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"(?m)^#+ (.+)$", prose)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (_ROOT / "README.md").read_text("utf-8")
    pages = {f"docs/{page.name}" for page in _DOCS.glob("*.md")}
    assert pages - set(re.findall(r"\]\(([^)#\s]+)", readme)) == set()
    records = {page.name for page in (_DOCS / "decisions").glob("0*.md")}
    assert records - set(re.findall(r"\]\(([^)#\s]+)", _text("decisions/README.md"))) == set()


def test_settings_in_examples_are_settings(tmp_path: Path) -> None:
    found = [
        (page, block)
        for page in _LINKED
        for block in read_blocks(page.read_text("utf-8"))
        if block.language == "toml"
    ]
    assert found
    for number, (page, block) in enumerate(found):
        own = "tool" not in tomllib.loads(block.text)
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ("banister.toml" if own else "pyproject.toml")).write_text(block.text)
        assert load_settings(folder, env=None, environ={}).file is not None, page
