"""Fixtures of the SQLite tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from banister.engines.sqlite import SqliteEngine
from sqlite_kit import make_engine


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app data.db"


@pytest.fixture
def engine(path: Path) -> Iterator[SqliteEngine]:
    made = make_engine(path)
    made.prepare()
    yield made
    made.close()
