"""Markdown pages whose code blocks are run: reading them, running them, comparing what is printed.

What a fenced block means:

- `console`: lines that begin with `$ ` are typed; what stands below them is what they print, on
  standard output and standard error together. A line `…` stands for any lines.
- `sh`: a script; it must succeed.
- `python`: a program; what it prints is not compared.
- `json`, `sql`, `toml`, `text`: not run.

HTML comments directly above a block, one a line, say more:

- `<!-- not run: REASON -->`: the block is left alone.
- `<!-- exit: N -->`: the last command ends with N, not with 0.
- `<!-- file: PATH -->`: the block is written to that file of the page's project.
- `<!-- from: COMMAND -->`: a `json` or `text` block is what the command prints.
- `<!-- before: COMMAND -->`: a command that must succeed is run first and not shown.

All blocks of a page run in their order, in one project folder and as in one shell. A URL such as
`postgresql://app@localhost:5432/app` in a command stands for an empty database that the test has.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from banister.project.conninfo import parse_url
from fork_kit import Forks
from servers import MAJORS, Servers

__all__ = ["Block", "Outcome", "Shell", "normal", "read_blocks", "run_page", "same"]

#: The database that pages speak of.
DOCUMENTED_URL = "postgresql://app@localhost:5432/app"

#: Run in place of what a page says, since make would first build a virtual environment.
_INSTEAD = {"make demo": "banister demo"}

_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>\w*)[ \t]*$")
_COMMENT = re.compile(r"^<!-- (?P<key>[a-z ]+): (?P<value>.*) -->$")
#: What differs between two runs, or two machines.
_VARYING = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:?00)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min)\b"), "N ms"),
    (re.compile(r'("\w+_ms"): \d+'), r"\1: N"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r'("pid"): \d+'), r"\1: N"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "CHECKSUM"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "ID"),
    (re.compile(r"\b(PostgreSQL|SQLite|Python|psycopg|libpq|banister:?) \d+(\.\d+)*"), r"\1 N"),
    (re.compile(r"(backup|_before)_\d{8}_\d{6}"), r"\1_TIME"),
    (re.compile(r"\b\d+(\.\d+)? (bytes|kB)\b"), "N bytes"),
    (re.compile(r"(?<=\S)  +"), "  "),
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    language: str
    text: str
    #: Line of its fence, from 1.
    line: int
    #: From the comments above it; "before" may be there more than once.
    marks: tuple[tuple[str, str], ...] = ()

    def mark(self, key: str) -> str | None:
        """Return the value of a mark; None where it is not there."""
        return next((value for name, value in self.marks if name == key), None)

    def exchanges(self) -> list[tuple[str, str]]:
        """Return the commands of a `console` block, each with what it prints."""
        pairs: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                pairs.append((line[2:], []))
            elif pairs:
                pairs[-1][1].append(line)
            else:
                raise ValueError(f"line {self.line}: a console block begins with `$ `")
        return [(command, "\n".join(lines)) for command, lines in pairs]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one command did, beside what the page says of it."""

    line: int
    language: str
    command: str
    #: None: what it prints does not matter.
    expected: str | None
    printed: str
    expected_exit: int
    exit_code: int

    @property
    def kept(self) -> bool:
        """Whether the page tells the truth."""
        if self.exit_code != self.expected_exit:
            return False
        return self.expected is None or same(self.expected, self.printed)

    def as_written(self) -> str:
        """Return the part of the page that this is about."""
        return self._part(self.expected or "")

    def as_it_is(self) -> str:
        """Return what should stand there."""
        return self._part(self.printed)

    def _part(self, printed: str) -> str:
        if self.language != "console":
            return f"```{self.language}\n{printed}\n```"
        return f"$ {self.command}\n" + (f"{printed}\n" if printed else "")

    def __str__(self) -> str:
        said = "" if self.expected is None else f"\n--- the page says\n{self.expected}"
        return (
            f"line {self.line}: $ {self.command}\n"
            f"exit {self.exit_code}, expected {self.expected_exit}{said}\n"
            f"--- it prints\n{self.printed}\n"
        )


def read_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, with their marks."""
    blocks: list[Block] = []
    marks: list[tuple[str, str]] = []
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if comment := _COMMENT.match(line):
            marks.append((comment["key"], comment["value"]))
        elif fence := _FENCE.match(line):
            body: list[str] = []
            for _, inside in lines:
                if inside == fence["fence"]:
                    break
                body.append(inside)
            blocks.append(
                Block(
                    language=fence["language"],
                    text="\n".join(body),
                    line=number,
                    marks=tuple(marks),
                )
            )
            marks = []
        elif line.strip():
            marks = []
    return blocks


def normal(text: str) -> str:
    """Return text without what differs from run to run."""
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def same(expected: str, printed: str) -> bool:
    """Whether a command printed what the page says; a line `…` stands for any lines."""
    parts = re.split(r"(?m)^[ \t]*…$\n?", normal(expected) + "\n")
    pattern = r"(?:.*\n)*?".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, normal(printed) + "\n") is not None


@dataclass(kw_only=True)
class Shell:
    """A person at a terminal in a project folder of their own; the folder is made."""

    #: The project; everything else is kept beside it.
    folder: Path
    environment: Mapping[str, str]
    #: What DOCUMENTED_URL stands for, if anything.
    url: str = ""
    #: How the program shows that URL.
    display: str = ""
    #: What commands are forked from.
    forks: Forks
    _beside: Path = field(init=False)

    def __post_init__(self) -> None:
        self._beside = self.folder.with_name(f"{self.folder.name}-shell")
        programs = self._beside / "bin"
        programs.mkdir(parents=True)
        self.folder.mkdir()
        self.forks.program(programs / "banister")
        python = programs / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        self.environment = {
            **self.environment,
            "PATH": f"{programs}:{self.environment.get('PATH', '')}",
            "HOME": str(self._beside),
            "COLUMNS": "100",
            "PAGE_DATABASE_URL": self.url,
        }
        (self._beside / "state").write_text(f"cd '{self.folder}'\n")

    def run(self, block: Block) -> Iterator[Outcome]:
        """Do what a block says; yield what each of its commands did."""
        for key, value in block.marks:
            if key == "before":
                yield self._run(block, value, expected=None, exit_code=0)
        path = block.mark("file")
        if path is not None:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(block.text + "\n", encoding="utf-8")
        if block.mark("not run") is not None:
            return
        last = int(block.mark("exit") or 0)
        if (command := block.mark("from")) is not None:
            yield self._run(block, command, expected=block.text, exit_code=last)
        elif block.language == "sh":
            yield self._run(block, f"set -eu\n{block.text}", expected=None, exit_code=last)
        elif block.language == "python":
            program = self._beside / "example.py"
            program.write_text(block.text + "\n", encoding="utf-8")
            yield self._run(block, f"python {program}", expected=None, exit_code=last)
        elif block.language == "console":
            pairs = block.exchanges()
            for number, (command, expected) in enumerate(pairs, start=1):
                wanted = last if number == len(pairs) else 0
                yield self._run(block, command, expected=expected, exit_code=wanted)

    def _run(self, block: Block, command: str, *, expected: str | None, exit_code: int) -> Outcome:
        """Run a command where the one before it ended, with the variables that it left."""
        state = self._beside / "state"
        real = _INSTEAD.get(command, command)
        real = real.replace(DOCUMENTED_URL, "${PAGE_DATABASE_URL}")
        keep = f"{{ export -p; echo \"cd '$PWD'\"; }} > '{state}'"
        script = f". '{state}'\nkeep() {{ {keep}; }}\ntrap keep EXIT\n{real}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        printed = done.stdout.replace(str(self.folder), "/home/you/app")
        for real_part in (self.url, self.display):
            printed = printed.replace(real_part, DOCUMENTED_URL) if real_part else printed
        return Outcome(
            line=block.line,
            language=block.language,
            command=command,
            expected=expected,
            printed=printed.strip("\n"),
            expected_exit=exit_code,
            exit_code=done.returncode,
        )


def run_page(
    text: str, folder: Path, environment: Mapping[str, str], servers: Servers, forks: Forks
) -> Iterator[Outcome]:
    """Run the blocks of a page in their order, in a new project in `folder`.

    A page that names the documented database gets an empty one.
    """
    with ExitStack() as stack:
        url = display = ""
        if DOCUMENTED_URL in text:
            url = stack.enter_context(servers.database(MAJORS[-1])).url
            display = parse_url(url).display
        project = folder / "app"
        # What the pages show is what users see.
        shown = {k: v for k, v in environment.items() if k != "BANISTER_PLAN_REHEARSE"}
        shell = Shell(folder=project, environment=shown, url=url, display=display, forks=forks)
        stack.callback(_remove_cluster, project)
        for block in read_blocks(text):
            yield from shell.run(block)


def _remove_cluster(project: Path) -> None:
    """Remove the data of the page's embedded server, which may lie elsewhere when we are root."""
    record = project / ".banister" / "server.json"
    if record.is_file():
        shutil.rmtree(json.loads(record.read_text("utf-8"))["folder"], ignore_errors=True)
