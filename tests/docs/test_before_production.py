"""The way through a failed deployment that the README shows, and that it leads back exactly."""

import re
import subprocess
from pathlib import Path

from pages import DOCUMENTED_URL, Shell, read_blocks

from banister.engines.postgres.dumps.programs import find_program
from conftest import clean_environment
from fork_kit import Forks
from servers import MAJORS, PostgresDatabase, Servers

_README = Path(__file__).resolve().parents[2] / "README.md"
_SECTION = "## Before you migrate production"


def dumped(database: PostgresDatabase) -> str:
    """The whole database as pg_dump tells it, without the key that differs by itself."""
    program = find_program("pg_dump", database.major)
    done = subprocess.run(
        [program.path, database.conninfo], capture_output=True, text=True, check=True
    )
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


def test_the_section_of_the_readme_leads_back_to_where_it_began(
    tmp_path: Path, servers: Servers, forks: Forks
) -> None:
    text = _README.read_text("utf-8")
    begins = text[: text.index(_SECTION)].count("\n")
    ends = begins + text[text.index(_SECTION) + 3 :].partition("\n## ")[0].count("\n")
    assert DOCUMENTED_URL in text
    with servers.database(MAJORS[-1]) as database:
        shell = Shell(
            folder=tmp_path / "app",
            environment=clean_environment(),
            url=database.url,
            display=database.url,
            forks=forks,
        )
        before = after = ""
        commands: list[str] = []
        for block in read_blocks(text):
            inside = begins <= block.line <= ends
            if inside and not before:
                before = dumped(database)
            outcomes = list(shell.run(block))
            if inside:
                assert all(o.exit_code == o.expected_exit for o in outcomes), outcomes
                commands += [line for o in outcomes for line in o.command.splitlines()]
                after = dumped(database)
                if commands[-1:] == ["banister up --backup"]:
                    assert after != before
                    applied = database.execute("SELECT version FROM schema_migrations ORDER BY 1")
                    assert applied == [("001",), ("002",), ("003",)]
    assert [c for c in commands if c.startswith("banister")] == [
        "banister backup --test-restore",
        "banister plan",
        "banister up --backup",
        'banister restore "$(ls backups/backup_*.sql | tail -1)" --replace --yes',
        "banister status",
    ]
    assert "users" in before
    assert after == before
