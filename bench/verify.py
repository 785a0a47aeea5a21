"""`banister verify` of 150 pairs against psql and pg_dump doing the same, on one kind of server.

    python bench/verify.py [PAIRS]

psql runs every up, down and second up, and pg_dump --schema-only is taken behind each of them and
compared, as one would do by hand; then all downs and all ups again. Both use the embedded server's
programs, and a server that syncs nothing.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from psycopg.conninfo import make_conninfo

from banister.engines.embedded import Running, stop
from banister.scratch.cluster import start_cluster
from banister.scratch.folders import run_folder
from banister.scratch.programs import Programs, usable_programs

#: What real folders do, over and over: a new table with its indexes, and then changes to it.
KINDS = (
    (
        (
            "CREATE TABLE t{n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
            "    owner bigint REFERENCES t{parent} (id), name text NOT NULL,\n"
            "    status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'done')),\n"
            "    total numeric(12, 2), created_at timestamptz NOT NULL DEFAULT now());\n"
            "CREATE INDEX t{n}_owner ON t{n} (owner);"
        ),
        "DROP TABLE t{n};",
    ),
    ("ALTER TABLE t{last} ADD COLUMN note{n} text;", "ALTER TABLE t{last} DROP COLUMN note{n};"),
    ("CREATE INDEX i{n} ON t{last} (created_at, status);", "DROP INDEX i{n};"),
    (
        "CREATE VIEW v{n} AS SELECT id, name FROM t{last} WHERE status = 'new';",
        "DROP VIEW v{n};",
    ),
    (
        "ALTER TABLE t{last} ADD CONSTRAINT c{n} CHECK (total >= 0);",
        "ALTER TABLE t{last} DROP CONSTRAINT c{n};",
    ),
)


def write_pairs(folder: Path, count: int) -> None:
    """Write the migrations."""
    last = 0
    for n in range(1, count + 1):
        up, down = KINDS[(n - 1) % len(KINDS)]
        parent, last = last or n, n if (n - 1) % len(KINDS) == 0 else last
        names = {"n": n, "last": last, "parent": parent}
        (folder / f"{n:03}_step.up.sql").write_text(up.format(**names) + "\n")
        (folder / f"{n:03}_step.down.sql").write_text(down.format(**names) + "\n")


def by_banister(root: Path, *options: str, **variables: str) -> float:
    """Return how many seconds `banister verify` takes from start to end."""
    command = [sys.executable, "-m", "banister", "verify", *options]
    started = time.monotonic()
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=root, check=False, capture_output=True, encoding="utf-8", env=environment
    )
    took = time.monotonic() - started
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return took


def median(root: Path, *options: str, **variables: str) -> float:
    """Return the median of three runs."""
    return sorted(by_banister(root, *options, **variables) for _ in range(3))[1]


def by_hand(folder: Path, programs: Programs, running: Running) -> float:
    """Return how many seconds psql and pg_dump take for the same."""
    url = make_conninfo(running.conninfo, dbname="postgres")
    place = programs.binaries.bin_dir

    def run(path: Path) -> None:
        options = ["-qX", "-v", "ON_ERROR_STOP=1", "-1", "-f", str(path), "-d", url]
        command = [str(place / "psql"), *options]
        subprocess.run(command, check=True, capture_output=True)

    def dump() -> list[bytes]:
        command = [str(place / "pg_dump"), "--schema-only", "-d", url]
        text = subprocess.run(command, check=True, capture_output=True).stdout
        return [line for line in text.splitlines() if not line.startswith((b"\\", b"--"))]

    ups = sorted(folder.glob("*.up.sql"))
    downs = [path.with_name(path.name.replace(".up.", ".down.")) for path in ups]
    started = time.monotonic()
    before = dump()
    for up, down in zip(ups, downs, strict=True):
        run(up)
        behind = dump()
        run(down)
        if dump() != before:
            raise SystemExit(f"{down.name} is not exact")
        run(up)
        if dump() != behind:
            raise SystemExit(f"{up.name} does something else again")
        before = behind
    for path in (*reversed(downs), *ups):
        run(path)
    return time.monotonic() - started


def compare(count: int) -> tuple[dict[str, float], float, str]:
    """Return the seconds of each way of ours, those of psql and pg_dump, and the server."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = root / "migrations"
        folder.mkdir()
        write_pairs(folder, count)
        times = {
            "banister verify": median(root, "--no-cache"),
            "the same, verify_data = false": median(
                root, "--no-cache", BANISTER_VERIFY_DATA="false"
            ),
            "the same, with a cache that knows all": median(root),
        }
        programs = next(usable_programs(None, []))
        with run_folder() as place:
            running = start_cluster(programs, place / "cluster")
            try:
                by_programs = by_hand(folder, programs, running)
            finally:
                stop(running)
    return times, by_programs, programs.display


def main() -> None:
    """Print both times and their ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    times, by_programs, server = compare(count)
    print(f"{count} pairs on {server}\n")
    print("| | seconds | psql and pg_dump take |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {seconds:.1f} | {by_programs / seconds:.1f} times as long |")
    print(f"| psql and pg_dump | {by_programs:.1f} | |")


if __name__ == "__main__":
    main()
