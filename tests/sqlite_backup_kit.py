"""What the tests of SQLite's backups share: a migrated file, and looks into files."""

import sqlite3
from contextlib import closing
from pathlib import Path

import banister

__all__ = ["UP", "migrated", "open_project", "root_of", "rows", "run"]

UP = "CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT);\nINSERT INTO t VALUES (1, 'a'), (2, 'b');"


def migrated(root: Path) -> banister.Project:
    (root / "migrations").mkdir()
    (root / "migrations" / "001_t.up.sql").write_text(UP)
    made = open_project(root)
    made.up()
    return made


def open_project(root: Path, name: str = "app.db", **settings: object) -> banister.Project:
    return banister.open(
        f"sqlite:///{root / name}", dir="migrations", root=root, environ={}, settings=settings
    )


def root_of(project: banister.Project) -> Path:
    return project.settings.root


def rows(path: Path, query: str = "SELECT id FROM t ORDER BY id") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
