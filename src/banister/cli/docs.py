"""`banister docs`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from banister.cli.common import Invocation, command_options
from banister.cli.files import write_whole
from banister.errors import UsageError
from banister.report import Style
from banister.report.marked import BEGIN, END, LineChange, MarkedText, marked_text
from banister.report.rollbacks import rollback_lines, rollbacks_json

__all__ = ["command"]


@dataclass(frozen=True, kw_only=True)
class _Page:
    """A file that has the table, or shall have it."""

    path: Path
    marked: MarkedText


@click.command(
    "docs",
    help="Write the table of what rolling back does into Markdown files, or print it.",
    epilog="With --check it exits with 3 when a file is not up to date.",
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; say which lines are not up to date.")
@click.option(
    "--scratch-url", metavar="URL", help="A server on which scratch databases may be made."
)
@command_options()
def command(
    invocation: Invocation, *, files: tuple[str, ...], check: bool, scratch_url: str | None
) -> int:
    """Write, check or print the table."""
    if check and not files:
        raise UsageError("--check needs the file to look at", hint="banister docs --check FILE")
    paths = {Path(file).resolve(): Path(file) for file in files}
    # What cannot be written to is told before anything is tried.
    for path in paths.values():
        _read(path)
    output = invocation.output
    project = invocation.project(offline=True, scratch_url=scratch_url)
    table = project.rollback_table(on_event=output.proving)
    output.put(**rollbacks_json(table))
    lines = rollback_lines(table)
    if not files:
        output.say(*lines)
        return 0
    # Read again: somebody may have gone on writing meanwhile.
    pages = [_read(path) for path in paths.values()]
    changes = [page.marked.changes(lines) for page in pages]
    for page, changed in zip(pages, changes, strict=True):
        if changed and not check:
            write_whole(page.path, page.marked.with_lines(lines).encode())
        output.say(*_told(page.path, changed, output.style, check=check))
    output.put(
        files=[
            _page_json(page.path, changed, check=check)
            for page, changed in zip(pages, changes, strict=True)
        ]
    )
    return 3 if check and any(changes) else 0


def _read(path: Path) -> _Page:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}",
            hint=f"make it with these two lines where the table is to stand:\n{BEGIN}\n{END}",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: it is left as it is") from error
    return _Page(path=path, marked=marked_text(text, str(path)))


def _told(path: Path, changes: Sequence[LineChange], style: Style, *, check: bool) -> list[str]:
    if not changes:
        return [f"{path} is up to date"]
    if not check:
        return [f"the table is written to {path}"]
    lines = [f"{path} is not up to date"]
    for change in changes:
        if change.before is not None:
            lines.append(style.bad(f"  {path}:{change.number}: - {change.before}"))
        if change.after is not None:
            lines.append(style.good(f"  {path}:{change.number}: + {change.after}"))
    return [*lines, "", f"`banister docs {path}` writes what the migrations do now"]


def _page_json(path: Path, changes: Sequence[LineChange], *, check: bool) -> dict[str, Any]:
    state = "up to date" if not changes else "not up to date" if check else "written"
    return {
        "path": str(path),
        "state": state,
        "lines": [
            {"line": change.number, "before": change.before, "after": change.after}
            for change in changes
        ],
    }
