"""SQLite behind the engine contract."""

from banister.engines.sqlite.engine import SqliteEngine

__all__ = ["SqliteEngine"]
