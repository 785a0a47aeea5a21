"""One file of many megabytes beside psql: INSERTs of a row each, and COPY with its rows.

    python bench/large.py [MEGABYTES]

Prints a table: target, measured, peak memory, verdict. 200 megabytes are what the targets are for.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from server import PYTHON, Server, environment, serving
from verdicts import verdict

#: Times what psql takes.
TARGETS = {"INSERTs": 0.8, "COPY rows": 1.1}
#: Megabytes of memory at the most.
MEMORY = 100.0
_STATEMENTS = "statements are split, checked and sent by Python, with a second for the start"

_TABLE = "CREATE TABLE large (id bigint, name text, note text);\n"
_ROWS = 1000


def lines(kind: str, megabytes: float) -> Iterator[str]:
    """Yield the text of the file, a thousand rows at a time."""
    yield _TABLE
    if kind == "COPY rows":
        yield "COPY large FROM stdin;\n"
    written, number = 0, 0
    while written < megabytes * 1_000_000:
        rows = range(number, number + _ROWS)
        if kind == "COPY rows":
            part = "".join(f"{n}\tname {n}\tit's a note about {n}\n" for n in rows)
        else:
            part = "".join(
                f"INSERT INTO large VALUES ({n}, 'name {n}', 'it''s a note about {n}');\n"
                for n in rows
            )
        yield part
        written += len(part)
        number += _ROWS
    if kind == "COPY rows":
        yield "\\.\n"


def measured(command: list[str], root: Path, around: dict[str, str]) -> tuple[float, float]:
    """Return the seconds that a process takes and the most memory that it has held, in MB."""
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=root, env=around, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - started, used.ru_maxrss / 1024


def compare(server: Server, kind: str, megabytes: float) -> tuple[float, float, float]:
    """Return the seconds of Banister and of psql, and the memory of the first."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "migrations").mkdir()
        (root / ".git").mkdir()
        path = root / "migrations" / "001_large.up.sql"
        with path.open("w") as file:
            file.writelines(lines(kind, megabytes))
        (root / "migrations" / "001_large.down.sql").write_text("DROP TABLE large;\n")
        url = server.url(server.fresh())
        ours, memory = measured([PYTHON, "-m", "banister", "up"], root, environment(url, root))
        url = server.url(server.fresh())
        psql = [server.psql, "-qX", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(path), url]
        theirs, _ = measured(psql, root, environment(url, root))
    return ours, theirs, memory


def rows(server: Server, megabytes: float) -> Iterator[str]:
    """Yield the rows of the table."""
    for kind, target in TARGETS.items():
        ours, theirs, memory = compare(server, kind, megabytes)
        met = ours / theirs <= target and memory <= MEMORY
        yield (
            f"| one file of {megabytes:g} MB of {kind} | {target} × psql -1, {MEMORY:g} MB "
            f"| {ours:.2f} s to {theirs:.2f} s: {ours / theirs:.2f} ×, {memory:.0f} MB "
            f"| {verdict(met=met, why=_STATEMENTS)} |"
        )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("megabytes", nargs="?", type=float, default=200.0)
    asked = parser.parse_args()
    print("| what | target | measured | verdict |\n|---|---|---|---|")
    with serving() as server:
        for row in rows(server, asked.megabytes):
            print(row, flush=True)


if __name__ == "__main__":
    main()
