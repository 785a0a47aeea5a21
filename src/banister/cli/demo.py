"""`banister demo`: the example project on a PostgreSQL of its own, from nothing to nothing."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

import banister
from banister.cli.common import Invocation, command_options

__all__ = ["command"]

_COMMANDS = ("status", "plan", "up", "status", "down 2", "up")

_SETTINGS = 'dir = "migrations"\n'


@click.command("demo", help="Run the example on a PostgreSQL of its own: up, down and up again.")
@command_options(database=False)
def command(invocation: Invocation) -> int:
    """Show every daily command at work."""
    from banister.engines.embedded import server_start, server_stop  # noqa: PLC0415 -- --help

    output = invocation.output
    told: list[dict[str, Any]] = []
    with _project() as folder:
        output.say("A small project: a portfolio backend with two migrations.")
        output.say("Its database is a PostgreSQL that runs for this demo only.", "")
        output.say(output.style.bold("$ export DATABASE_URL=embedded:"), "")
        server_start(folder)
        try:
            for line in _COMMANDS:
                output.say(output.style.bold(f"$ banister {line}"))
                code, answer = _call(folder, line, as_json=output.as_json)
                told.append({"command": f"banister {line}", "exit": code, "answer": answer})
                output.say("")
                if code != 0:
                    break
        finally:
            server_stop(folder)
    output.put(commands=told)
    failed = any(step["exit"] != 0 for step in told)
    if not failed:
        output.say(
            "Now with a database of your own, in a folder of your own:",
            "  banister init",
            "  banister new create_users",
            "  export DATABASE_URL=postgresql://user@localhost/mydb    # or sqlite:///dev.db",
            "  banister up",
        )
    return 1 if failed else 0


@contextmanager
def _project() -> Iterator[Path]:
    """The example's migrations in a folder that is gone afterwards."""
    example = Path(banister.__file__).parent / "example"
    with tempfile.TemporaryDirectory(prefix="banister-demo-") as name:
        folder = Path(name)
        # As root the server runs as another account, which must get to its data in here; where
        # it does not, they would be kept elsewhere and stay behind.
        folder.chmod(0o711)
        shutil.copytree(example, folder / "migrations")
        (folder / "banister.toml").write_text(_SETTINGS, encoding="utf-8")
        yield folder


def _call(folder: Path, line: str, *, as_json: bool) -> tuple[int, Any]:
    """Run one command the way a user would; its text goes straight to where ours goes."""
    arguments = [sys.executable, "-m", "banister", *shlex.split(line)]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("BANISTER_")
    } | {"DATABASE_URL": "embedded:"}
    if as_json:
        arguments += ["--format", "json"]
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE if as_json else None,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if as_json else None
