"""How soon short commands are done: a run with nothing to do, and what needs the files alone.

    python bench/start.py [MIGRATIONS] [--runs N]

Prints JSON, then a table: target, median, verdict. Every round runs every command once beside
`python -c pass`, on one server, and the medians are of all rounds: what the machine does meanwhile,
it does to all of them. Seconds count from process start to end.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from verdicts import verdict

from banister.engines.embedded import stop
from banister.model import Dialect
from banister.scratch.cluster import start_cluster
from banister.scratch.folders import run_folder
from banister.scratch.programs import usable_programs
from banister.script import scan

UP = (
    "-- Step {n}: a table with what it needs.\n"
    "CREATE TABLE t{n} (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'new');\n"
)
#: Command → what it has to reach, in seconds.
TARGETS = {
    "up": 0.10,
    "--version": 0.06,
    "--help": 0.08,
    "new more": 0.08,
    "lint --dir thousand": 0.30,
    "status": 0.15,
}
BASE = "python -c pass"
#: What has to be reached in MB of SQL text a second.
SPLITTING = 50.0
TEXTS = {
    "INSERTs of a row": lambda n: f"INSERT INTO t (id, name) VALUES ({n}, 'it''s; {n}');\n",
    "INSERTs of 100 rows": lambda n: (
        "INSERT INTO t (id, name) VALUES\n"
        + ",\n".join(f"({n}, 'it''s number; {row}')" for row in range(100))
        + ";\n"
    ),
    "a schema": lambda n: UP.format(n=n) + f"CREATE INDEX i{n} ON t{n} (name);\n",
}


def write_pairs(folder: Path, count: int) -> None:
    """Write small migrations with their ways back."""
    for n in range(1, count + 1):
        index = f"CREATE INDEX i{n} ON t{n} (name);\n" if n % 5 == 0 else ""
        (folder / f"{n:05}_step.up.sql").write_text(UP.format(n=n) + index)
        (folder / f"{n:05}_step.down.sql").write_text(f"DROP TABLE t{n};\n")


def seconds(root: Path, command: list[str], environment: dict[str, str]) -> float:
    """Return how long a process takes from start to end."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, check=False, capture_output=True
    )
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit((done.stdout + done.stderr).decode())
    return took


def measure(root: Path, url: str, runs: int) -> dict[str, list[float]]:
    """Return the times of every command, one a round."""
    # Installed programs have their bytecode, and their environment sets nothing of ours.
    left_out = ("PYTHONDONTWRITEBYTECODE", "DATABASE_URL")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in left_out and not name.startswith(("BANISTER_", "PG"))
    }
    environment |= {"DATABASE_URL": url, "PYTHONPYCACHEPREFIX": str(root / "pyc")}
    (root / ".git").mkdir()
    commands = {BASE: ["-c", "pass"]}
    commands |= {name: ["-m", "banister", *name.split()] for name in TARGETS}
    for command in commands.values():
        seconds(root, command, environment)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            # What `new` writes would be pending.
            for left in (root / "migrations").glob("*_more.*"):
                left.unlink()
            times[name].append(seconds(root, command, environment))
    return times


def splitting(make: Callable[[int], str], rounds: int = 7) -> float:
    """Return how many MB of text are split in a second of this process, at its best."""
    text = ""
    while len(text) < 2_000_000:
        start = text.count("\n")
        text += "".join(make(n) for n in range(start, start + 500))
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        scan(text, Dialect.POSTGRESQL)
        best = min(best, time.process_time() - started)
    return len(text) / 1e6 / best


def why(row: dict[str, object]) -> str:
    """Return what stands in the way where the target of a row is not met."""
    if row["unit"] == "s":
        return "imports, by python -X importtime"
    return "the interpreter: 2 us for the split of a statement, as much for the object"


def compare(migrations: int, runs: int) -> tuple[float, list[dict[str, object]]]:
    """Return what Python itself takes, in seconds, and a row for everything that is measured."""
    with tempfile.TemporaryDirectory() as name, run_folder() as place:
        root = Path(name)
        (root / "migrations").mkdir()
        write_pairs(root / "migrations", migrations)
        (root / "thousand").mkdir()
        write_pairs(root / "thousand", 500)
        running = start_cluster(next(usable_programs(None, [])), place / "cluster")
        try:
            url = running.database_url("postgres")
            seconds(root, ["-m", "banister", "up"], {**os.environ, "DATABASE_URL": url})
            times = measure(root, url, runs)
        finally:
            stop(running)
    base = statistics.median(times.pop(BASE))
    rows: list[dict[str, object]] = [
        {"what": f"banister {each}", "target": TARGETS[each], "unit": "s",
         "measured": round(statistics.median(took), 3), "best": round(min(took), 3),
         "times_python": round(statistics.median(took) / base, 1),
         "met": statistics.median(took) <= TARGETS[each]}
        for each, took in times.items()
    ]  # fmt: skip
    for kind, make in TEXTS.items():
        speed = splitting(make)
        rows.append(
            {"what": f"splitting {kind}", "target": SPLITTING, "unit": "MB/s",
             "measured": round(speed, 1), "met": speed >= SPLITTING}
        )  # fmt: skip
    return base, rows


def main() -> None:
    """Measure, and print JSON and the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("migrations", nargs="?", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    base, rows = compare(asked.migrations, asked.runs)
    print(json.dumps({"migrations": asked.migrations, "base_s": round(base, 3), "rows": rows}))
    print(f"\n{asked.migrations} migrations; `{BASE}` takes {base:.3f} s\n")
    print("| what | target | measured | best | times `python -c pass` | verdict |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        told = verdict(met=bool(row["met"]), why=why(row))
        print(
            f"| {row['what']} | {row['target']} {row['unit']} | {row['measured']} {row['unit']} "
            f"| {row.get('best', '')} | {row.get('times_python', '')} | {told} |"
        )


if __name__ == "__main__":
    main()
