"""The example as its developers use it: npm, the commands of its documents, its workflow."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from banister.engines.embedded import find_binaries
from conftest import clean_environment
from servers import PostgresDatabase

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "portfolio"

npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@dataclass(frozen=True, kw_only=True)
class Developer:
    """Somebody with a shell in a copy of the example, `banister` on the PATH."""

    root: Path
    env: Mapping[str, str]

    @property
    def backend(self) -> Path:
        """Where package.json is."""
        return self.root / "backend"

    def types(
        self, script: str, env: Mapping[str, str] | None = None, *, cwd: Path | None = None
    ) -> str:
        """Run shell lines up to the first that fails, which none may; return what they print."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=cwd or self.backend,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def developer(tmp_path: Path) -> Developer:
    """A copy of the example, without what a user left there."""
    ignored = shutil.ignore_patterns("*.db*", ".env", ".banister", "node_modules")
    root = shutil.copytree(_EXAMPLE, tmp_path / "portfolio", ignore=ignored)
    programs = [str(Path(sys.executable).parent), str(find_binaries().bin_dir)]
    env = {
        **clean_environment(),
        "PATH": os.pathsep.join([*programs, os.environ.get("PATH", os.defpath)]),
        "npm_config_cache": str(tmp_path / "npm"),
        "npm_config_update_notifier": "false",
    }
    return Developer(root=root, env=env)


def _tables(database: PostgresDatabase) -> set[str]:
    rows = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in rows if not name.startswith("schema_migrations")}


_ALL = {"portfolios", "rebalance_events", "analytics_snapshots", "notification_preferences"}


@npm
@pytest.mark.parametrize("where", ["environment", ".env"])
def test_the_five_npm_commands_work_literally(
    developer: Developer, postgres: PostgresDatabase, where: str
) -> None:
    env = {"DATABASE_URL": postgres.url} if where == "environment" else {}
    if where == ".env":
        (developer.backend / ".env").write_text(f"DATABASE_URL={postgres.url}\n")

    said = developer.types("npm run db:migrate -- --dry-run", env)
    assert "would apply 2 migrations" in said
    assert _tables(postgres) == set()

    said = developer.types("cd ../backend && npm run db:migrate", env)
    assert "applied 2 migrations" in said
    assert ("from .env" in said) is (where == ".env")
    assert _tables(postgres) == _ALL

    assert "2 applied" in developer.types("npm run db:migrate -- --status", env)

    assert "rolled back 1 migration" in developer.types("npm run db:migrate -- --rollback", env)
    assert postgres.execute("SELECT count(*) FROM portfolios") == [(0,)]
    developer.types("npm run db:migrate", env)
    assert postgres.execute("SELECT id FROM portfolios") == [("demo-portfolio-1",)]

    said = developer.types("npm run db:migrate -- --rollback 2", env)
    assert "rolled back 2 migrations" in said
    assert _tables(postgres) == set()


@npm
def test_a_failing_migration_fails_the_npm_script(developer: Developer) -> None:
    said = developer.types(
        "npm run db:migrate -- --rollback 0 || echo refused with $?", {"DB_PATH": "dev.db"}
    )
    assert "refused with 2" in said


@npm
def test_the_commands_of_the_readme_work_as_written(
    developer: Developer, postgres: PostgresDatabase
) -> None:
    script = "\n".join(_shell_blocks(developer.root / "README.md"))
    url = shlex.quote(postgres.url)
    script = _replace(script, "postgresql://portfolio@localhost:5432/portfolio", url)
    said = developer.types(script, cwd=developer.root)
    # First on the SQLite file of .env.example, then on the database in the environment.
    assert "sqlite:///dev.db, from .env" in said
    assert "from DATABASE_URL" in said
    assert (developer.backend / "dev.db").is_file()
    assert _tables(postgres) == set()


@npm
def test_the_commands_of_the_migration_guide_work_as_written(
    developer: Developer, postgres: PostgresDatabase
) -> None:
    script = "\n".join(_shell_blocks(developer.root / "docs" / "MIGRATION.md"))
    server = {
        f"PG{key.upper().replace('DBNAME', 'DATABASE')}": str(value)
        for key, value in conninfo_to_dict(postgres.url).items()
        if key in ("host", "port", "user")
    }
    with _another_database(postgres) as restored:
        script = _replace(script, "portfolio_restored", restored)
        said = developer.types(script, {"DATABASE_URL": postgres.url, **server})
        with closing(psycopg.connect(postgres.url, dbname=restored)) as connection:
            rows = connection.execute("SELECT count(*) FROM schema_migrations_log").fetchall()
    assert rows[0][0] > 0
    assert "003_add_portfolio_notes" in said
    for block in _shell_blocks(developer.root / "docs" / "MIGRATION.md", language="sql"):
        for statement in block.split(";")[:-1]:
            assert postgres.execute(statement)


@contextmanager
def _another_database(database: PostgresDatabase) -> Iterator[str]:
    """Name a database that does not exist yet and is gone afterwards."""
    name = f"{database.name}_restored"
    yield name
    with closing(database.connect(dbname="postgres")) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _shell_blocks(document: Path, *, language: str = "sh") -> list[str]:
    found = re.findall(
        rf"^```{language}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found
    return found


def _replace(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_the_guide_lists_every_migration_and_the_order_of_its_drops() -> None:
    guide = (_EXAMPLE / "docs" / "MIGRATION.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", guide, re.MULTILINE))
    migrations = _EXAMPLE / "backend" / "src" / "db" / "migrations"
    downs = {path.name.removesuffix(".down.sql"): path for path in migrations.glob("*.down.sql")}
    assert listed.keys() == downs.keys()
    dropped = re.findall(r"DROP TABLE (\w+);", downs["001_initial_schema"].read_text())
    assert f"Drops {', '.join(dropped)} (in that order)" == listed["001_initial_schema"]
    deleted = re.findall(r"DELETE FROM (\w+)", downs["002_seed_demo_data"].read_text())
    assert deleted == ["rebalance_events", "portfolios"]


def _workflow_jobs() -> dict[str, list[str]]:
    """Return the commands of each job of the workflow; every one stands on a line of its own."""
    jobs: dict[str, list[str]] = {}
    _, _, text = (
        (_EXAMPLE / ".github" / "workflows" / "migrations.yml").read_text().partition("\njobs:\n")
    )
    for line in text.splitlines():
        if job := re.fullmatch(r"  (\w+):", line):
            jobs[job[1]] = []
        elif command := re.fullmatch(r"\s+- run: (.+)", line):
            jobs[list(jobs)[-1]].append(command[1])
        else:
            assert "run:" not in line
    return jobs


@npm
@pytest.mark.parametrize("job", ["files", "postgres", "sqlite"])
def test_the_workflow_passes(
    developer: Developer, request: pytest.FixtureRequest, job: str
) -> None:
    assert _workflow_jobs().keys() == {"files", "postgres", "sqlite"}
    install, *commands = _workflow_jobs()[job]
    assert install == "pip install banister"
    env = {}
    if job == "postgres":
        database: PostgresDatabase = request.getfixturevalue("postgres")
        env = {"DATABASE_URL": database.url}
    elif job == "sqlite":
        env = {"DATABASE_URL": "sqlite:///ci.db"}
    assert len(commands) > 2
    developer.types("\n".join(commands), env)


def test_what_a_developer_leaves_there_stays_out_of_version_control(developer: Developer) -> None:
    left = ["backend/.env", "backend/dev.db", "backend/dev.db-wal", "backend/.banister/server.json"]
    script = f"git init -q . && printf '%s\\n' {' '.join(left)} | git check-ignore --stdin"
    assert developer.types(script, cwd=developer.root).split() == left
