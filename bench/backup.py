"""How long a backup, its test and its restore take, beside pg_dump and psql alone.

    python bench/backup.py [MEGABYTES]

A table of that size (1,000) on an embedded PostgreSQL that is started for it and stopped. Prints
seconds, the ratio to `pg_dump > file` and `psql < file`, and the most memory that this process had.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

import banister
from banister.engines.embedded import embedded, find_binaries


def _timed(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def _fill(conninfo: str, megabytes: int) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE big (id bigint PRIMARY KEY, a text, b timestamptz, c numeric)"
        )
        for part in range(megabytes // 10):
            connection.execute(
                "INSERT INTO big SELECT i, repeat(md5(i::text), 6), now(), i / 7.0 "
                "FROM generate_series(%s::bigint, %s::bigint) AS i",
                (part * 42_000, part * 42_000 + 41_999),
            )


def main() -> None:
    """Measure, and print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with tempfile.TemporaryDirectory(prefix="banister-bench-") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "migrations").mkdir()
        project = banister.open("embedded:", root=root, environ={})
        with embedded(root) as running:
            _fill(running.conninfo, megabytes)
            programs = find_binaries().bin_dir
            bare, other = root / "bare.sql", f"{running.conninfo} dbname=other"
            with psycopg.connect(running.conninfo, autocommit=True) as connection:
                connection.execute("CREATE DATABASE other")
            with bare.open("wb") as file:
                dump = _timed(
                    lambda: subprocess.run(
                        [programs / "pg_dump", running.conninfo], stdout=file, check=True
                    )
                )
            with bare.open("rb") as file:
                load = _timed(
                    lambda: subprocess.run(
                        [programs / "psql", "-Xq", "-o", "/dev/null", other], stdin=file, check=True
                    )
                )
            size = bare.stat().st_size
            bare.unlink()
            backups = project.backups()
            backup = _timed(lambda: backups.take(test=False))
            path = backups.entries()[0].path
            test = _timed(lambda: backups.check(path, test=True))
            restore = _timed(lambda: backups.restore(path, replacing=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{size / 1e6:.0f} MB of SQL: pg_dump {dump:.1f} s, psql {load:.1f} s")
    print(f"backup   {backup:6.1f} s  {backup / dump:.2f} x pg_dump")
    print(f"test     {test:6.1f} s  {test / load:.2f} x psql")
    print(f"restore  {restore:6.1f} s  {restore / load:.2f} x psql")
    whole = backup + test + restore
    print(f"all      {whole:6.1f} s  {whole / (dump + 2 * load):.2f} x pg_dump + psql + psql")
    print(f"memory   {memory:6.0f} MB at the most")


if __name__ == "__main__":
    main()
