"""The example as its developers use it: npm, the commands of its documents, its workflow."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from banister.engines.embedded import find_binaries
from conftest import clean_environment
from fork_kit import Forks
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
def developer(tmp_path: Path, forks: Forks) -> Developer:
    """A copy of the example, without what a user left there."""
    ignored = shutil.ignore_patterns("*.db*", ".env", ".banister", "node_modules")
    root = shutil.copytree(_EXAMPLE, tmp_path / "portfolio", ignore=ignored)
    own = tmp_path / "bin"
    own.mkdir()
    forks.program(own / "banister")
    programs = [own, Path(sys.executable).parent, find_binaries().bin_dir]
    env = {
        **clean_environment(),
        "PATH": os.pathsep.join([*map(str, programs), os.environ.get("PATH", os.defpath)]),
        "npm_config_cache": str(tmp_path / "npm"),
        "npm_config_update_notifier": "false",
    }
    return Developer(root=root, env=env)


def _tables(database: PostgresDatabase) -> set[str]:
    rows = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in rows if not name.startswith("schema_migrations")}


_ALL = {"portfolios", "rebalance_events", "analytics_snapshots", "notification_preferences"}


@npm
@pytest.mark.parametrize(
    "where", ["environment", pytest.param(".env", marks=pytest.mark.everything)]
)
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
    # An empty pair of files, so far.
    guide = (developer.root / "docs" / "MIGRATION.md").read_text()
    assert "| `003_add_portfolio_notes` | Changes nothing |" in guide
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


@dataclass(kw_only=True)
class Job:
    """A job of the workflow."""

    commands: list[str] = field(default_factory=list)
    #: Variables that name a database.
    env: dict[str, str] = field(default_factory=dict)
    needs: str | None = None


def _workflow_jobs() -> dict[str, Job]:
    """Return the jobs of the workflow; every command stands on a line of its own."""
    jobs: dict[str, Job] = {}
    _, _, text = (
        (_EXAMPLE / ".github" / "workflows" / "migrations.yml").read_text().partition("\njobs:\n")
    )
    for line in text.splitlines():
        if job := re.fullmatch(r"  (\w+):", line):
            jobs[job[1]] = Job()
        elif command := re.fullmatch(r"\s+- run: (.+)", line):
            jobs[list(jobs)[-1]].commands.append(command[1])
        elif variable := re.fullmatch(r"      (\w+_URL): (.+)", line):
            jobs[list(jobs)[-1]].env[variable[1]] = variable[2]
        elif needs := re.fullmatch(r"    needs: (\w+)", line):
            jobs[list(jobs)[-1]].needs = needs[1]
        else:
            assert "run:" not in line
    return jobs


_JOBS = {"files": None, "ways_down": "files", "postgres": "ways_down", "sqlite": "ways_down"}


@npm
@pytest.mark.parametrize("job", _JOBS)
def test_the_workflow_passes(
    developer: Developer, request: pytest.FixtureRequest, job: str
) -> None:
    jobs = _workflow_jobs()
    assert {name: found.needs for name, found in jobs.items()} == _JOBS
    install, *commands = jobs[job].commands
    assert install in {"pip install banister", "pip install 'banister[embedded]'"}
    env = dict(jobs[job].env)
    assert ("DATABASE_URL" in env) is (job in {"postgres", "sqlite"})
    for name, url in env.items():
        if url.startswith("postgresql:"):
            database: PostgresDatabase = request.getfixturevalue("postgres")
            env[name] = database.url
    assert len(commands) > 1
    developer.types("\n".join(commands), env)


@npm
def test_the_workflow_fails_where_the_guide_says_something_else(developer: Developer) -> None:
    _, *commands = _workflow_jobs()["ways_down"].commands
    down = developer.backend / "src/db/migrations/002_seed_demo_data.down.sql"
    down.write_text("DELETE FROM rebalance_events WHERE portfolio_id = 'demo-portfolio-1';")
    before = (developer.root / "docs" / "MIGRATION.md").read_bytes()
    said = developer.types(f"{commands[-1]} || echo refused with $?")
    assert "| `002_seed_demo_data` | Deletes 3 rows of rebalance_events |" in said
    assert "refused with 3" in said
    assert (developer.root / "docs" / "MIGRATION.md").read_bytes() == before


def test_what_a_developer_leaves_there_stays_out_of_version_control(developer: Developer) -> None:
    left = [
        "backend/.env",
        "backend/dev.db",
        "backend/dev.db-wal",
        "backend/.banister/server.json",
        "backend/before-rollback.dump",
    ]
    script = f"git init -q . && printf '%s\\n' {' '.join(left)} | git check-ignore --stdin"
    assert developer.types(script, cwd=developer.root).split() == left
