"""Writing and loading settings, for the tests of how they are read."""

from pathlib import Path

import pytest

from banister.errors import UsageError
from banister.project import Settings, load_settings

__all__ = ["load", "place", "refused", "write"]


def write(folder: Path, text: str, name: str = "banister.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, env: str | None = None, **environ: str) -> Settings:
    return load_settings(folder, env=env, environ=environ)


def refused(folder: Path, env: str | None = None, **environ: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(folder, env, **environ)
    return caught.value


def place(error: UsageError) -> str:
    return str(error.location)
