"""Write into the docs what the program itself says.

Always: the `--help` texts of docs/commands.md and the table of settings in docs/settings.md. With
--examples also what the commands in the pages print, by running them; this needs the embedded
PostgreSQL. Look at the difference before you commit it: it is what users will see.

usage: update_docs.py [--check] [--examples [PAGE ...]]
    --check     write nothing; exit 1 and show what would change
"""

import argparse
import difflib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

from banister.cli import main as banister
from banister.project.keys import KEYS

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ROOT / "docs" / "commands.md"
SETTINGS = ROOT / "docs" / "settings.md"


def main(arguments: list[str]) -> int:
    """Update the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; show what would change"
    )
    parser.add_argument("--examples", nargs="*", metavar="PAGE", help="run the examples too")
    asked = parser.parse_args(arguments)
    stale = 0
    for page, text in (
        (COMMANDS, with_helps(read(COMMANDS))),
        (SETTINGS, with_table(read(SETTINGS))),
    ):
        stale += replace(page, text, check=asked.check)
    if asked.examples is not None:
        sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "docs")]
        for page in [Path(name).resolve() for name in asked.examples] or example_pages():
            stale += replace(page, with_output(page), check=asked.check)
    return 1 if asked.check and stale else 0


def read(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def replace(page: Path, text: str, *, check: bool) -> bool:
    """Write a page that changed, or show how; return whether it did."""
    old = read(page)
    if old == text:
        return False
    name = str(page.relative_to(ROOT))
    if check:
        lines = (old.splitlines(), text.splitlines())
        print("\n".join(difflib.unified_diff(*lines, f"{name} as it is", name, lineterm="")))
    else:
        page.write_text(text, encoding="utf-8")
        print(f"wrote {name}")
    return True


def help_of(command: str) -> str:
    """Return what `banister COMMAND --help` prints on a terminal of 100 columns."""
    os.environ["COLUMNS"] = "100"
    said = io.StringIO()
    with redirect_stdout(said):
        banister([*command.split(), "--help"])
    return said.getvalue().strip("\n")


def all_commands(group: str = "") -> Iterator[str]:
    """Yield every command that the program lists, those of its groups too."""
    listed = help_of(group).partition("\nCommands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^  (\w[\w-]*)", listed, re.MULTILINE):
        command = f"{group} {name}".strip()
        yield command
        yield from all_commands(command)


def with_helps(text: str) -> str:
    """Return docs/commands.md with each help text as it is now."""

    def block(found: re.Match[str]) -> str:
        return f"{found['mark']}```text\n{help_of(found['command'])}\n```\n"

    pattern = r"(?P<mark><!-- help: (?P<command>[a-z ]*?) ?-->\n)```text\n.*?^```\n"
    return re.sub(pattern, block, text, flags=re.DOTALL | re.MULTILINE)


def with_table(text: str) -> str:
    """Return docs/settings.md with its table as the program has it."""
    rows = ["| setting | takes | default | what it does |", "|---|---|---|---|"]
    for key in KEYS:
        default = {None: "–", True: "true", False: "false", (): "none"}.get(
            key.default, f"`{key.default}`"
        )
        rows.append(f"| `{key.name}` | {key.kind} | {default} | {key.doc} |")
    table = "\n".join(rows)
    pattern = r"(<!-- generated: settings -->\n).*?(<!-- end -->)"
    return re.sub(
        pattern, lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text, flags=re.DOTALL
    )


def example_pages() -> list[Path]:
    """Return the pages whose blocks are run."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def with_output(page: Path) -> str:
    """Return a page with what its commands print now; what holds a line `…` is left as it is."""
    # The tests' own modules, found only now that they are on the path.
    from pages import run_page  # noqa: PLC0415

    from conftest import clean_environment  # noqa: PLC0415
    from fork_kit import Forks  # noqa: PLC0415
    from servers import Servers  # noqa: PLC0415

    text = read(page)
    servers = Servers()
    written, at = "", 0
    try:
        with tempfile.TemporaryDirectory(prefix="banister-docs-") as folder, Forks() as forks:
            for outcome in run_page(text, Path(folder), clean_environment(), servers, forks):
                if outcome.exit_code != outcome.expected_exit:
                    print(f"{page.name} {outcome}", file=sys.stderr)
                elif outcome.expected is not None and "…" not in outcome.expected.splitlines():
                    before = outcome.as_written()
                    start = text.index(before, max(at, line_start(text, outcome.line)))
                    written += text[at:start] + (before if outcome.kept else outcome.as_it_is())
                    at = start + len(before)
    finally:
        servers.close()
    return written + text[at:]


def line_start(text: str, number: int) -> int:
    """Return the offset at which line `number` (from 1) begins."""
    return sum(len(line) for line in text.splitlines(keepends=True)[: number - 1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
