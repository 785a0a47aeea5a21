"""What the snapshot tests share: stories of schemas that change, and pg_dump as the judge.

A story is a file in tests/cases/snapshot: SQL, and below it what it changes, in the words of the
program, each on a line that begins with `--> `. It leaves the database as it found it.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from psycopg import Connection

from banister.engines.embedded import find_binaries
from banister.engines.postgres.catalog import catalog_queries, read_catalog
from banister.model import HistoryTable
from banister.snapshot import Snapshot
from servers import PostgresDatabase

__all__ = ["STORIES", "Step", "Story", "dump", "make_roles", "read_story", "snapshot_of"]

STORIES = sorted((Path(__file__).parent / "cases" / "snapshot").glob("*.sql"))

_MARK = "--> "


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change."""

    sql: str
    #: The differences from the state before, in words.
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Story:
    """A schema that changes step by step."""

    steps: tuple[Step, ...]
    #: The first major that knows what it is about.
    since: int


def read_story(path: Path) -> Story:
    """Return the story that a file tells."""
    text = path.read_text("utf-8")
    since = re.match(r"-- since: (\d+)\n", text)
    return Story(steps=tuple(_steps(text)), since=int(since[1]) if since else 14)


def _steps(text: str) -> Iterator[Step]:
    sql: list[str] = []
    words: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith(_MARK):
            words.append(line.removeprefix(_MARK))
        elif words:
            yield Step(sql="\n".join(sql), words=tuple(words))
            sql, words = [line], []
        else:
            sql.append(line)


def make_roles(database: PostgresDatabase) -> None:
    """Make the role that stories speak of; it stays, since it belongs to the whole server."""
    if not database.execute("SELECT 1 FROM pg_roles WHERE rolname = 'reader'"):
        database.execute("CREATE ROLE reader LOGIN")


_queries = cache(catalog_queries)


def snapshot_of(connection: Connection) -> Snapshot:
    """Return the schema as a connection sees it, in its open transaction or in one of its own."""
    with connection.transaction():
        connection.execute("SAVEPOINT before")
        found = read_catalog(
            connection,
            _queries(),
            major=connection.info.server_version // 10000,
            history=HistoryTable(),
        )
        connection.execute("ROLLBACK TO before")
    return found


def dump(database: PostgresDatabase) -> tuple[str, ...]:
    """Return what pg_dump writes of the schema, a text a statement, without their order.

    The order of columns and of privileges is taken out too.
    """
    program = find_binaries().bin_dir / "pg_dump"
    done = subprocess.run(
        [program, "--schema-only", database.url],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    left_out = ("--", "\\restrict", "\\unrestrict", "SET ", "SELECT pg_catalog.")
    kept = [line for line in done.stdout.split("\n") if not line.startswith(left_out)]
    paragraphs = re.split(r"\n\n+", "\n".join(kept).strip())
    return tuple(sorted(_settled(paragraph) for paragraph in paragraphs))


def _settled(statement: str) -> str:
    lines = statement.strip().split("\n")
    if re.match(r"CREATE (UNLOGGED |FOREIGN )?TABLE ", lines[0]):
        end = next((number for number, line in enumerate(lines) if line.startswith(")")), 1)
        columns = sorted(line.rstrip(",") for line in lines[1:end])
        lines = [lines[0], *columns, *lines[end:]]
    elif all(line.startswith(("GRANT", "REVOKE")) for line in lines):
        lines = sorted(lines)
    return "\n".join(lines)
