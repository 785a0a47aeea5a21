"""Migrations, folders and histories as plain data, for tests of what is decided about them."""

from datetime import UTC, datetime, timedelta

from banister.errors import Finding
from banister.model import (
    AppliedMigration,
    Dialect,
    Direction,
    Folder,
    History,
    Migration,
    Plan,
    Script,
    Source,
    Unfinished,
    Version,
)
from banister.planning import PlanOptions
from banister.script import make_script

__all__ = [
    "POSTGRES",
    "SQLITE",
    "a_folder",
    "a_history",
    "a_migration",
    "a_row",
    "a_script",
    "codes",
    "versions",
]

POSTGRES = PlanOptions(dialect=Dialect.POSTGRESQL)
SQLITE = PlanOptions(dialect=Dialect.SQLITE)
FIRST = datetime(2024, 5, 1, 12, tzinfo=UTC)


def a_script(text: str, direction: Direction = Direction.UP, *, path: str = "") -> Script:
    """A script whose directives are right."""
    path = path or f"migrations/001_first.{direction}.sql"
    script, findings = make_script(Source(path=path, text=text), direction)
    assert not findings
    return script


def a_migration(label: str, up: str = "", down: str | None = "SELECT 'down';") -> Migration:
    """A migration; `label` is number and name. Without an `up` its text is like no other's."""
    number, _, name = label.partition("_")
    up = up or f"CREATE TABLE t_{number} (id int);"
    path = f"migrations/{label}"
    return Migration(
        version=Version(number),
        name=name,
        up=a_script(up, path=f"{path}.up.sql"),
        down=None if down is None else a_script(down, Direction.DOWN, path=f"{path}.down.sql"),
    )


def a_folder(*migrations: Migration, findings: tuple[Finding, ...] = ()) -> Folder:
    """A folder of these migrations, in order of their versions."""
    ordered = tuple(sorted(migrations, key=lambda migration: migration.version))
    return Folder(path="migrations", migrations=ordered, findings=findings)


def a_row(migration: Migration, *, minute: int = 0, foreign: bool = False) -> AppliedMigration:
    """The row that records a migration; a foreign one has only what other runners write."""
    at = FIRST + timedelta(minutes=minute)
    if foreign:
        return AppliedMigration(version=migration.version, name=migration.name, applied_at=at)
    down = migration.down
    return AppliedMigration(
        version=migration.version,
        name=migration.name,
        applied_at=at,
        up_checksum=migration.up.checksum,
        down_checksum=down.checksum if down else None,
        down_text=down.source.whole if down else None,
        down_kept=down is not None,
        duration_ms=7,
    )


def a_history(
    *migrations: Migration,
    foreign: bool = False,
    skipped: tuple[str, ...] = (),
    unfinished: tuple[Unfinished, ...] = (),
    seeded: bool | None = None,
    database_is_new: bool = False,
) -> History:
    """The history of a database that applied these migrations, in the order given."""
    rows = (a_row(item, minute=n, foreign=foreign) for n, item in enumerate(migrations))
    return History(
        applied=tuple(rows),
        skipped=frozenset(map(Version, skipped)),
        unfinished=unfinished,
        seeded=seeded,
        database_is_new=database_is_new,
    )


def versions(plan: Plan) -> list[str]:
    """The versions of a plan's steps, in order."""
    return [step.version.text for step in plan.steps]


def codes(findings: tuple[Finding, ...]) -> list[str]:
    """Severity and rule of every finding."""
    return [f"{finding.severity}:{finding.code}" for finding in findings]
