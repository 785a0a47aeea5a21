"""The example goes up, down by its two documented rollbacks, and up again, on both engines."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from banister.engines.embedded import find_binaries
from conftest import RunBanister
from servers import AnyDatabase, PostgresDatabase, SqliteDatabase

_BACKEND = Path(__file__).resolve().parents[2] / "examples" / "portfolio" / "backend"
_MIGRATIONS = Path("src", "db", "migrations")
_TABLES = {"portfolios", "rebalance_events", "analytics_snapshots", "notification_preferences"}
_DEMO_EVENTS = [("demo-rebalance-1",), ("demo-rebalance-2",), ("demo-rebalance-3",)]


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    """A copy of the example's backend, without what a user left there."""
    ignored = shutil.ignore_patterns("*.db*", ".env", ".banister", "node_modules")
    return shutil.copytree(_BACKEND, tmp_path / "backend", ignore=ignored)


class Example:
    """The example's commands on one database."""

    def __init__(self, run: RunBanister, backend: Path, url: str) -> None:
        self._run = run
        self.backend = backend
        self._env = {"DATABASE_URL": url}

    def migrate(self, *args: str, succeeds: bool = True) -> str:
        """Run `banister migrate` and return what it says."""
        done = self._run("migrate", *args, cwd=self.backend, env=self._env)
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, *args: str) -> None:
        """Run `banister up`."""
        done = self._run("up", *args, cwd=self.backend, env=self._env)
        assert done.returncode == 0, done.stdout + done.stderr

    def states(self, *args: str) -> Mapping[str, str]:
        """Return version → state as `migrate --status` gives them."""
        told = json.loads(self.migrate("--status", "--format", "json", *args))
        return {row["version"]: row["state"] for row in told["migrations"]}

    def add(self, name: str, up: str, down: str) -> None:
        """Put another migration into the copy."""
        (self.backend / _MIGRATIONS / f"{name}.up.sql").write_text(up)
        (self.backend / _MIGRATIONS / f"{name}.down.sql").write_text(down)


@pytest.fixture
def example(run_banister: RunBanister, backend: Path, any_database: AnyDatabase) -> Example:
    """The example on an empty database of each engine in turn."""
    return Example(run_banister, backend, any_database.url)


@pytest.fixture
def on_sqlite(run_banister: RunBanister, backend: Path, sqlite_path: Path) -> Example:
    """The example on a SQLite file that does not exist yet."""
    return Example(run_banister, backend, f"sqlite:///{sqlite_path}")


def _tables(database: AnyDatabase) -> set[str]:
    if isinstance(database, SqliteDatabase):
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        rows = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in rows} - {"sqlite_sequence"}


def _schema(database: AnyDatabase) -> str:
    """Return the schema as the database's own tools tell it, without Banister's tables."""
    if isinstance(database, SqliteDatabase):
        rows = database.execute(
            "SELECT type, name, sql FROM sqlite_master "
            "WHERE tbl_name NOT LIKE 'schema_migrations%' AND name NOT LIKE 'sqlite_%' "
            "ORDER BY type, name"
        )
        return "\n".join(map(str, rows))
    dump = subprocess.run(
        [
            find_binaries().bin_dir / "pg_dump",
            "--schema-only",
            "--exclude-table=public.schema_migrations*",
            database.url,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    # Their tokens are new in every dump.
    lines = dump.stdout.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


def test_up_both_rollbacks_and_up_again(example: Example, any_database: AnyDatabase) -> None:
    assert example.states() == {"001": "pending", "002": "pending"}
    example.migrate()
    assert example.states() == {"001": "applied", "002": "applied"}
    assert _tables(any_database) >= _TABLES
    assert any_database.execute("SELECT id FROM portfolios") == [("demo-portfolio-1",)]
    assert "nothing to apply" in example.migrate()

    assert "002_seed_demo_data" in example.migrate("--rollback")
    assert example.states() == {"001": "applied", "002": "pending"}
    assert any_database.execute("SELECT id FROM portfolios") == []

    assert "001_initial_schema" in example.migrate("--rollback")
    assert example.states() == {"001": "pending", "002": "pending"}
    assert not _tables(any_database) & _TABLES

    example.migrate()
    assert example.states() == {"001": "applied", "002": "applied"}
    events = any_database.execute("SELECT id FROM rebalance_events ORDER BY occurred_at")
    assert events == _DEMO_EVENTS


def test_the_example_goes_up_and_down_on_every_major(
    run_banister: RunBanister, backend: Path, every_postgres: PostgresDatabase
) -> None:
    example = Example(run_banister, backend, every_postgres.url)
    example.migrate()
    assert _tables(every_postgres) >= _TABLES
    example.migrate("--rollback", "2")
    assert not _tables(every_postgres) & _TABLES


def test_going_down_restores_the_schema_exactly(
    example: Example, any_database: AnyDatabase
) -> None:
    any_database.execute("CREATE TABLE already_there (id integer PRIMARY KEY)")
    before = _schema(any_database)
    assert "already_there" in before
    example.up("--to", "001")
    with_tables = _schema(any_database)
    assert with_tables != before
    example.migrate()
    assert _schema(any_database) == with_tables
    example.migrate("--rollback", "2")
    assert _schema(any_database) == before


def test_a_dry_run_changes_nothing(example: Example, any_database: AnyDatabase) -> None:
    assert "002" in example.migrate("--dry-run")
    if isinstance(any_database, SqliteDatabase):
        assert not any_database.path.exists()
    else:
        assert _tables(any_database) == set()
    example.migrate()
    assert "dry run" in example.migrate("--rollback", "2", "--dry-run")
    assert example.states() == {"001": "applied", "002": "applied"}


def test_rolling_back_the_demo_data_deletes_exactly_its_rows(
    example: Example, any_database: AnyDatabase
) -> None:
    example.migrate()
    any_database.execute(
        "INSERT INTO portfolios (id, user_id, name, allocations) VALUES "
        """('demo-portfolio-10', 'demo-user', 'Balanced (demo)', '{"BTC": 100}')"""
    )
    any_database.execute(
        "INSERT INTO rebalance_events (id, portfolio_id, trigger_reason) "
        "VALUES ('demo-rebalance-4', 'demo-portfolio-10', 'manual'), "
        "('from-the-app', 'demo-portfolio-1', 'manual')"
    )
    any_database.execute("INSERT INTO notification_preferences (user_id) VALUES ('demo-user')")
    example.migrate("--rollback")
    assert any_database.execute("SELECT id FROM portfolios") == [("demo-portfolio-10",)]
    assert any_database.execute("SELECT id FROM rebalance_events") == [("demo-rebalance-4",)]
    assert any_database.execute("SELECT user_id FROM notification_preferences") == [("demo-user",)]


def test_demo_rows_that_exist_already_are_left_as_they_are(
    example: Example, any_database: AnyDatabase
) -> None:
    example.migrate()
    example.migrate("--rollback")
    any_database.execute(
        "INSERT INTO portfolios (id, user_id, name, allocations) VALUES "
        """('demo-portfolio-1', 'me', 'Kept by hand', '{"BTC": 100}')"""
    )
    example.migrate()
    assert any_database.execute("SELECT name FROM portfolios") == [("Kept by hand",)]
    assert any_database.execute("SELECT id FROM rebalance_events ORDER BY id") == _DEMO_EVENTS


def test_production_leaves_the_demo_data_out_and_later_migrations_do_not_mind(
    example: Example, any_database: AnyDatabase
) -> None:
    production = ("--env", "production")
    assert example.states(*production) == {"001": "pending", "002": "skipped"}
    assert "skipped" in example.migrate(*production)
    assert example.states(*production) == {"001": "applied", "002": "skipped"}
    assert any_database.execute("SELECT count(*) FROM portfolios") == [(0,)]
    recorded = any_database.execute(
        "SELECT version, name FROM schema_migrations_log WHERE event = 'skipped'"
    )
    assert recorded == [("002", "seed_demo_data")]

    example.add(
        "003_add_notes",
        "ALTER TABLE portfolios ADD COLUMN notes text;",
        "ALTER TABLE portfolios DROP COLUMN notes;",
    )
    example.migrate(*production)
    assert example.states(*production) == {"001": "applied", "002": "skipped", "003": "applied"}
    assert "nothing to apply" in example.migrate(*production)

    example.migrate()
    assert example.states() == {"001": "applied", "002": "applied", "003": "applied"}
    assert any_database.execute("SELECT id FROM rebalance_events ORDER BY id") == _DEMO_EVENTS
    # In reverse order of application: the demo data came last.
    example.migrate("--rollback")
    assert example.states(*production) == {"001": "applied", "002": "skipped", "003": "applied"}


def test_production_needs_its_variable(run_banister: RunBanister, backend: Path) -> None:
    done = run_banister("migrate", "--env", "production", cwd=backend, env={"DB_PATH": "app.db"})
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr
    assert not (backend / "app.db").exists()


def test_a_sqlite_file_that_held_tables_gets_no_demo_data(
    on_sqlite: Example, sqlite_path: Path
) -> None:
    database = SqliteDatabase(path=sqlite_path)
    database.execute("CREATE TABLE already_there (id integer PRIMARY KEY)")
    on_sqlite.migrate()
    assert on_sqlite.states() == {"001": "applied", "002": "skipped"}
    assert database.execute("SELECT count(*) FROM portfolios") == [(0,)]
    on_sqlite.migrate()
    assert on_sqlite.states() == {"001": "applied", "002": "skipped"}


def test_a_new_sqlite_file_gets_the_demo_data_also_when_a_first_run_stops_before_it(
    on_sqlite: Example, sqlite_path: Path
) -> None:
    on_sqlite.up("--to", "001")
    database = SqliteDatabase(path=sqlite_path)
    assert database.execute("SELECT count(*) FROM portfolios") == [(0,)]
    on_sqlite.up()
    assert on_sqlite.states() == {"001": "applied", "002": "applied"}
    assert database.execute("SELECT id FROM portfolios") == [("demo-portfolio-1",)]


def test_a_new_sqlite_file_gets_the_demo_data_also_after_a_failure_in_between(
    on_sqlite: Example, sqlite_path: Path
) -> None:
    seed = on_sqlite.backend / _MIGRATIONS / "002_seed_demo_data.up.sql"
    right = seed.read_text()
    seed.write_text(right.replace("INTO rebalance_events", "INTO rebalance_event"))
    said = on_sqlite.migrate(succeeds=False)
    assert "rebalance_event" in said
    assert on_sqlite.states() == {"001": "applied", "002": "pending"}
    with closing(sqlite3.connect(sqlite_path)) as file:
        assert file.execute("SELECT count(*) FROM portfolios").fetchall() == [(0,)]
    seed.write_text(right)
    on_sqlite.migrate()
    assert on_sqlite.states() == {"001": "applied", "002": "applied"}
