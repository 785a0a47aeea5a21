"""What the pages show is what happens: every command block is run, what it prints is compared."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Block, read_blocks, run_page, same

from conftest import clean_environment
from fork_kit import Forks
from servers import Servers

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *sorted(_ROOT.glob("docs/**/*.md"))]
_RUN = {"console", "sh", "python"}
_KNOWN = {*_RUN, "json", "sql", "toml", "text", "yaml"}


def _name(page: Path) -> str:
    return str(page.relative_to(_ROOT))


def _blocks() -> Iterator[tuple[Path, Block]]:
    for page in _PAGES:
        for block in read_blocks(page.read_text("utf-8")):
            yield page, block


def _is_run(page: Path) -> bool:
    blocks = read_blocks(page.read_text("utf-8"))
    return any(b.language in _RUN or b.mark("from") is not None for b in blocks)


@pytest.mark.parametrize("page", [page for page in _PAGES if _is_run(page)], ids=_name)
def test_commands_do_what_the_page_says(
    page: Path, tmp_path: Path, servers: Servers, forks: Forks
) -> None:
    text = page.read_text("utf-8")
    outcomes = list(run_page(text, tmp_path, clean_environment(), servers, forks))
    broken = [str(outcome) for outcome in outcomes if not outcome.kept]
    assert not broken, f"{_name(page)}, see scripts/update_docs.py\n\n" + "\n".join(broken)


def test_every_block_says_what_it_is() -> None:
    unknown = [
        f"{_name(page)}:{block.line} {block.language or 'no language'}"
        for page, block in _blocks()
        if block.language not in _KNOWN
    ]
    assert unknown == []


def test_a_block_is_left_out_only_for_a_reason_of_its_own() -> None:
    reasons = {
        f"{_name(page)}:{block.line}": block.mark("not run")
        for page, block in _blocks()
        if block.language in _RUN and block.mark("not run") is not None
    }
    assert all(reason and len(reason) > 10 for reason in reasons.values()), reasons
    # One more than there are now is a reason to think again.
    assert len(reasons) <= 8, reasons


def test_make_demo_is_the_command_that_is_run_instead_of_it() -> None:
    makefile = (_ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^demo:.*\n\t@\$\(BIN\)/banister demo$", makefile, re.MULTILINE)


def test_json_examples_are_envelopes() -> None:
    found = [(page, block) for page, block in _blocks() if block.language == "json"]
    assert found
    for page, block in found:
        told = json.loads(block.text)
        assert list(told)[:5] == ["format", "command", "exit", "error", "migrations"], _name(page)
        if told["error"] is not None:
            assert {"code", "message", "location", "state", "hint"} <= told["error"].keys()


def test_comparing_sees_a_difference_and_forgives_what_varies() -> None:
    assert same("applied 2 migrations in 139 ms", "applied 2 migrations in 1.2 s")
    assert same("  001  a  7 ms  demo", "  001  a  1011 ms   demo")
    assert same("one\n…\nfour", "one\ntwo\nthree\nfour")
    assert same("one\n…\nfour", "one\nfour")
    assert not same("one\n…\nfour", "one\ntwo\nfour\nfive")
    assert not same("applied 2 migrations in 139 ms", "applied 3 migrations in 139 ms")
    assert not same("error: a", "error: b")
    assert not same("", "something")
