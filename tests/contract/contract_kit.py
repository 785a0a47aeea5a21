"""What the contract tests share: a project on a real database, and looks at that database."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import banister
from banister.engines.base import Engine
from banister.model import AppliedMigration, Dialect, Event, RunInfo, Step, Version
from banister.planning import make_step
from samples import a_script
from servers import AnyDatabase, PostgresDatabase, SqliteDatabase

__all__ = ["OURS", "RUN", "THREE", "Place", "carry_out", "names", "place", "step_of", "told"]

RUN = RunInfo(run_id="run-1", who="tester", host="here", tool_version="0")
THREE = {
    "001_a.up": "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);\n",
    "001_a.down": "DROP TABLE a;\n",
    "002_b.up": "CREATE TABLE b (id int PRIMARY KEY);\n",
    "002_b.down": "DROP TABLE b;\n",
    "003_c.up": "CREATE TABLE c (id int PRIMARY KEY);\n",
    "003_c.down": "DROP TABLE c;\n",
}
OURS = {"schema_migrations", "schema_migrations_log"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder of migrations and the database they are for."""

    root: Path
    database: AnyDatabase

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.database.dialect is Dialect.SQLITE

    def project(self, **settings: object) -> banister.Project:
        """Open the project with nothing from this machine's environment."""
        return banister.open(
            self.database.url, root=self.root, environ={}, settings=settings or None
        )

    def write(self, files: Mapping[str, str]) -> None:
        """Put files into the migrations folder; `001_a.up` stands for `001_a.up.sql`."""
        folder = self.root / "migrations"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.sql").write_bytes(text.encode())

    def remove(self, *names: str) -> None:
        """Take files out of the folder."""
        for name in names:
            (self.root / "migrations" / f"{name}.sql").unlink()

    def run(self, *statements: str) -> None:
        """Run statements with the driver itself."""
        for statement in statements:
            self.database.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database with the driver itself."""
        return self.database.execute(query)

    def history(self) -> list[str]:
        """Versions in the history table, in order of application."""
        return [str(row[0]) for row in self.rows("SELECT version FROM schema_migrations "
                                                 "ORDER BY applied_at")]  # fmt: skip

    def events(self) -> list[tuple[str, str | None]]:
        """Events and versions of the log, in their order; what the schema was is left out."""
        rows = self.rows(
            "SELECT event, version FROM schema_migrations_log WHERE event <> 'snapshot' ORDER BY id"
        )
        return [(event, version) for event, version in rows]

    def tables(self) -> set[str]:
        """The tables there are; none where there is no file, which is not made by looking."""
        if isinstance(self.database, PostgresDatabase):
            query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        elif not self.database.path.exists():
            return set()
        else:
            query = (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        return {name for (name,) in self.rows(query)}

    def columns(self, table: str = "schema_migrations") -> list[str]:
        """The columns of a table, in their order."""
        query = (
            f"SELECT name FROM pragma_table_info('{table}')"
            if self.is_sqlite
            else "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped "
            f"AND attrelid = '{table}'::regclass ORDER BY attnum"
        )
        return [name for (name,) in self.rows(query)]

    def fingerprint(self) -> object:
        """Something that every write to the database changes."""
        if isinstance(self.database, SqliteDatabase):
            folder = self.database.path.parent
            return {item.name: item.read_bytes() for item in folder.glob("app.db*")}
        schema = "SELECT max(xmin::text::bigint), count(*) FROM "
        return [self.rows(schema + name) for name in ("pg_class", "pg_attribute")] + [
            self.rows(f"SELECT xmin, * FROM {name}") for name in sorted(self.tables())
        ]


@pytest.fixture
def place(any_database: AnyDatabase, tmp_path: Path) -> Place:
    """Three migrations and an empty database."""
    made = Place(root=tmp_path, database=any_database)
    made.write(THREE)
    return made


def told(run: Callable[..., object], **options: object) -> list[Event]:
    """What a run tells."""
    events: list[Event] = []
    run(on_event=events.append, **options)
    return events


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def step_of(place: Place, label: str, text: str, *, down: str | None = None) -> Step:
    """The step that applies a text."""
    number, _, name = label.partition("_")
    script = a_script(text, path=f"migrations/{label}.up.sql")
    step, findings = make_step(
        Version(number),
        name,
        script,
        place.database.dialect,
        down=None if down is None else a_script(down, path=f"migrations/{label}.down.sql"),
    )
    assert findings == ()
    return step


def carry_out(
    engine: Engine, step: Step, *before: str
) -> tuple[list[Event], AppliedMigration | None]:
    """Apply a step to its end; return what it told, and the row."""
    events: list[Event] = []

    def gather() -> Generator[Event, None, AppliedMigration | None]:
        return (yield from engine.apply(step, RUN, expected=frozenset(map(Version, before))))

    running = gather()
    while True:
        try:
            events.append(next(running))
        except StopIteration as end:
            row: AppliedMigration | None = end.value
            return events, row
