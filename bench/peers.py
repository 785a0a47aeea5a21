"""Other tools that apply migrations, installed when they are measured; nothing of theirs is here.

A peer that cannot be installed is left out. Each gets the same SQL in its own form.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PEERS", "Peer", "installed"]

_PLACE = Path(__file__).resolve().parent.parent / ".cache" / "bench"
_MINUTES = 5 * 60


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A tool, and how it applies migrations."""

    name: str
    #: What to ask npm, or pip, for.
    npm: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    #: The program, where it is installed.
    program: str
    #: Write migrations into a folder: number, up and down of each.
    write: Callable[[Path, Sequence[tuple[int, str, str]]], None]
    #: What stands behind the program, for a folder and a URL.
    arguments: Callable[[Path, str], list[str]]

    @property
    def path(self) -> Path:
        """Where its program is, or would be."""
        inside = "node_modules/.bin" if self.npm else "venv/bin"
        return _PLACE / inside / self.program


def installed(peer: Peer) -> bool:
    """Install a peer where it is not yet; return whether it is there."""
    if peer.path.exists():
        return True
    _PLACE.mkdir(parents=True, exist_ok=True)
    venv = _PLACE / "venv"
    commands: list[list[str | Path]] = []
    if peer.npm:
        npm = shutil.which("npm")
        if npm is None:
            return False
        quiet = ["--no-audit", "--no-fund", "--silent"]
        commands.append([npm, "install", "--prefix", _PLACE, *quiet, *peer.npm])
    else:
        if not venv.exists():
            commands.append([sys.executable, "-m", "venv", venv])
        commands.append([venv / "bin" / "pip", "install", "--quiet", *peer.pip])
    for command in commands:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_MINUTES)
        if done.returncode != 0:
            return False
    return peer.path.exists()


def _dbmate(folder: Path, files: Sequence[tuple[int, str, str]]) -> None:
    for number, up, down in files:
        text = f"-- migrate:up\n{up}\n-- migrate:down\n{down}"
        (folder / f"{number:014}_step.sql").write_text(text)


def _node_pg_migrate(folder: Path, files: Sequence[tuple[int, str, str]]) -> None:
    for number, up, down in files:
        text = f"-- Up Migration\n{up}\n-- Down Migration\n{down}"
        (folder / f"{1_600_000_000_000 + number}_step.sql").write_text(text)


def _yoyo(folder: Path, files: Sequence[tuple[int, str, str]]) -> None:
    for number, up, down in files:
        (folder / f"{number:05}.step.sql").write_text(up)
        (folder / f"{number:05}.step.rollback.sql").write_text(down)


_ENVIRONMENT = """\
from os import environ
from alembic import context
from sqlalchemy import create_engine, pool
url = environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
_REVISION = '''\
from alembic import op
revision, down_revision = {here!r}, {before!r}
def upgrade():
    op.execute("""{up}""")
def downgrade():
    op.execute("""{down}""")
'''


def _alembic(folder: Path, files: Sequence[tuple[int, str, str]]) -> None:
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(_ENVIRONMENT)
    (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n")
    before = None
    for number, up, down in files:
        here = f"{number:05}"
        text = _REVISION.format(here=here, before=before, up=up, down=down)
        (folder / "versions" / f"{here}.py").write_text(text)
        before = here


PEERS = (
    Peer(
        name="dbmate",
        npm=("dbmate",),
        program="dbmate",
        write=_dbmate,
        arguments=lambda folder, url: [
            "--url",
            f"{url}?sslmode=disable",
            "-d",
            str(folder),
            "--no-dump-schema",
            "up",
        ],
    ),
    Peer(
        name="node-pg-migrate",
        npm=("node-pg-migrate", "pg"),
        program="node-pg-migrate",
        write=_node_pg_migrate,
        arguments=lambda folder, _: ["up", "-m", str(folder), "--verbose", "false"],
    ),
    Peer(
        name="yoyo-migrations",
        pip=("yoyo-migrations", "psycopg2-binary"),
        program="yoyo",
        write=_yoyo,
        arguments=lambda folder, url: [
            "apply",
            "--batch",
            "--no-config-file",
            "--database",
            url,
            str(folder),
        ],
    ),
    Peer(
        name="alembic",
        pip=("alembic", "psycopg[binary]"),
        program="alembic",
        write=_alembic,
        arguments=lambda folder, _: ["-c", f"{folder}/alembic.ini", "upgrade", "head"],
    ),
)
