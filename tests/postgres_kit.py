"""What the PostgreSQL tests share: projects in a folder, watchers on the server, processes."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import banister
from banister.model import Event
from conftest import clean_environment
from servers import PostgresDatabase

__all__ = ["Site", "SiteMaker", "role", "wait_until"]

#: How long a test waits for something that happens at once. Seconds.
_PATIENCE = 30.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look again and again until the condition holds; fail the test when it never does."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never seen: {what}"
        time.sleep(0.01)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A migrations folder and the database it is for."""

    database: PostgresDatabase
    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "migrations"

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files `001_a` (an up), `001_a.down` or with their whole name; LF as given."""
        self.folder.mkdir(exist_ok=True)
        for name, text in files.items():
            full = name
            if not name.endswith(".sql"):
                full = f"{name}.sql" if name.endswith(".down") else f"{name}.up.sql"
            data = text if isinstance(text, bytes) else text.encode()
            (self.folder / full).write_bytes(data)

    def project(self, *, url: str | None = None, **settings: object) -> banister.Project:
        """Open the project; `settings` override single settings."""
        return banister.open(
            url or self.database.url,
            dir=self.folder,
            root=self.root,
            environ={},
            settings=settings,
        )

    def up(self, *, url: str | None = None, **settings: Any) -> list[Event]:
        """Apply what is pending; return the events."""
        events: list[Event] = []
        self.project(url=url, **settings).up(on_event=events.append)
        return events

    def down(self, count: int = 1, **settings: Any) -> None:
        """Roll back."""
        self.project(**settings).down(count)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run SQL in a session of its own."""
        found: list[tuple[Any, ...]] = self.database.execute(query)
        return found

    def value(self, query: str) -> Any:
        """Return the one value that a query gives."""
        ((value,),) = self.rows(query)
        return value

    def exists(self, name: str) -> bool:
        """Tell whether there is a relation of that name."""
        return bool(self.value(f"SELECT to_regclass('{name}') IS NOT NULL"))

    def applied(self) -> list[str]:
        """Return the recorded versions in order of application; none without the table."""
        if not self.exists("public.schema_migrations"):
            return []
        return [
            version
            for (version,) in self.rows("SELECT version FROM schema_migrations ORDER BY applied_at")
        ]

    def log(self) -> list[tuple[Any, ...]]:
        """Return event, version and statement of the log, oldest first, without fingerprints."""
        return self.rows(
            "SELECT event, version, statement FROM schema_migrations_log "
            "WHERE event <> 'snapshot' ORDER BY id"
        )

    def runner_locks(self) -> int:
        """Return how many advisory locks are held in this database."""
        count: int = self.value(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return count

    def sessions(self, where: str = "true") -> list[int]:
        """Return the pids of Banister's sessions in this database for which `where` holds."""
        return [
            pid
            for (pid,) in self.rows(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                f"AND application_name = 'banister' AND pid <> pg_backend_pid() AND ({where})"
            )
        ]

    def wait_for_statement(self, part: str) -> int:
        """Wait until a session of Banister runs a statement with that text; return its pid."""
        where = f"state = 'active' AND query LIKE '%{part}%'"
        wait_until(lambda: bool(self.sessions(where)), f"a running statement with {part}")
        return self.sessions(where)[0]

    def wait_until_gone(self) -> None:
        """Wait until no session of Banister is left."""
        wait_until(lambda: not self.sessions(), "the end of the session")

    @contextmanager
    def command(
        self, *args: str, env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Start the command line in a process of its own; killed at the end if it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "banister", *args],
            cwd=self.root,
            env={**clean_environment(), "BANISTER_URL": self.database.url, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


class SiteMaker:
    """Makes sites in one test's own folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, database: PostgresDatabase, files: Mapping[str, str | bytes]) -> Site:
        site = Site(database=database, root=self._root)
        site.write(files)
        return site


@contextmanager
def role(database: PostgresDatabase, *statements: str) -> Iterator[tuple[str, str]]:
    """Make a role that may log in; give its name and its URL; run statements with its name."""
    name = f"role_{uuid4().hex[:10]}"
    database.execute(f"CREATE ROLE {name} LOGIN")
    try:
        for statement in statements:
            database.execute(statement.format(role=name))
        host = quote(str(database.server.socket_dir), safe="")
        url = f"postgresql:///{database.name}?host={host}&port={database.server.port}&user={name}"
        yield name, url
    finally:
        database.execute(f"DROP OWNED BY {name} CASCADE")
        database.execute(f"DROP ROLE {name}")
