"""Small projects for the tests of the command line."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["json_of", "migrations", "plain", "two_migrations"]

_TWO = {
    "m001_users__up": "CREATE TABLE users (id integer PRIMARY KEY);\n",
    "m001_users__down": "DROP TABLE users;\n",
    "m002_orders__up": "CREATE TABLE orders (id integer);\nCREATE INDEX by_id ON orders (id);\n",
    "m002_orders__down": "DROP TABLE orders;\n",
}


def migrations(folder: Path, **files: str) -> Path:
    """Write files into `folder`/migrations; `a__up` as a key stands for `a.up.sql`."""
    target = folder / "migrations"
    target.mkdir(exist_ok=True)
    for key, text in files.items():
        name, direction = key.removeprefix("m").rsplit("__", 1)
        path = target / f"{name}.{direction}.sql"
        path.write_text(text, encoding="utf-8", newline="")
    return target


def two_migrations(folder: Path) -> Path:
    """Make `folder` a project with two migrations that both engines take."""
    migrations(folder, **_TWO)
    return folder


def plain(text: str) -> str:
    """Times and durations → fixed words, so that output can be compared whole."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", text)
    text = re.sub(r"\d+(\.\d)? (ms|s)\b", "0 ms", text)
    text = re.sub(r"(SQLite|PostgreSQL) [\d.]+", r"\1 N", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def json_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one envelope on standard output, whose keys are always there."""
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    always = {"format", "command", "exit", "error", "migrations", "findings", "target", "database"}
    assert always <= told.keys()
    assert told["format"] == 1
    assert told["exit"] == done.returncode
    if told["error"] is not None:
        assert {"code", "message", "location", "state", "hint"} <= told["error"].keys()
    return told
