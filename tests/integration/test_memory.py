"""Large files need little memory: bounds for the process that runs them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from banister.model import Dialect
from conftest import clean_environment
from servers import AnyDatabase

MIB = 1024 * 1024
#: The bound that is promised: this much, and three times the largest statement. Bytes.
BASE = 100 * MIB

MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""

POSTGRES_FIRST = pytest.mark.parametrize(
    "any_database",
    ["postgresql", pytest.param("sqlite", marks=pytest.mark.everything)],
    indirect=True,
)


def peak_of_a_run(root: Path, url: str, text: Callable[[], str], copies: int) -> int:
    """Run a file made of `copies` of a text; return the largest resident size in bytes."""
    folder = root / "migrations"
    folder.mkdir()
    (folder / "001_t.up.sql").write_text("CREATE TABLE t (id int, note text);")
    with (folder / "002_rows.up.sql").open("w") as file:
        for _ in range(copies):
            file.write(text())
    # Through a small process: a child is charged with what its parent held when it was forked.
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, sys.executable, "-m", "banister", "up", "--url", url],
        cwd=root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return int(measured.stdout.splitlines()[-1]) * 1024


@POSTGRES_FIRST
def test_many_statements(any_database: AnyDatabase, tmp_path: Path) -> None:
    line = f"INSERT INTO t VALUES (1, '{'x' * 10_000}');\n"
    peak = peak_of_a_run(tmp_path, any_database.url, lambda: line * 100, 140)
    assert any_database.execute("SELECT count(*) FROM t") == [(14_000,)]
    assert peak < BASE


def test_rows_of_a_copy(any_database: AnyDatabase, tmp_path: Path) -> None:
    if any_database.dialect is Dialect.SQLITE:
        pytest.skip("SQLite has no COPY")
    rows = "".join(f"{number}\tsome note; it's long enough\n" for number in range(40_000))
    # One COPY; the first copy of the text begins it.
    parts = iter(["COPY t FROM stdin;\n" + rows, *[rows] * 98, rows + "\\.\n"])
    peak = peak_of_a_run(tmp_path, any_database.url, lambda: next(parts), 100)
    assert any_database.execute("SELECT count(*) FROM t") == [(4_000_000,)]
    assert peak < BASE


@POSTGRES_FIRST
def test_one_long_statement(any_database: AnyDatabase, tmp_path: Path) -> None:
    size = 40 * MIB
    text = f"INSERT INTO t VALUES (1, '{'x' * size}');\n"
    peak = peak_of_a_run(tmp_path, any_database.url, lambda: text, 2)
    assert any_database.execute("SELECT count(*), sum(length(note)) FROM t") == [(2, 2 * size)]
    assert peak < BASE + 3 * size
