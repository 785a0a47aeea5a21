"""How long a rehearsal takes: 20 pending migrations on a schema of 300 tables.

    python bench/rehearse.py [MIGRATIONS] [TABLES]

The target is an embedded PostgreSQL that is started for it and stopped; the rehearsal starts its
own scratch server, as it always does. Prints the seconds of each part, and the median of three.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import banister

_KINDS = (
    "ALTER TABLE t{n} ADD COLUMN added{k} text;\n",
    "ALTER TABLE t{n} ALTER COLUMN note SET NOT NULL;\nCREATE INDEX ON t{n} (amount);\n",
    "CREATE TABLE extra{k} (id bigint PRIMARY KEY, t bigint REFERENCES t{n} (id));\n",
    "UPDATE t{n} SET amount = 1;\nALTER TABLE t{n} ALTER COLUMN amount TYPE numeric(20);\n",
    "-- banister: transaction=off\nCREATE INDEX CONCURRENTLY ON t{n} (note, made);\n",
)


def _schema(tables: int) -> str:
    lines = []
    for n in range(tables):
        refers = f"REFERENCES t{n - 1} (id)" if n % 3 else ""
        lines.append(
            f"CREATE TABLE t{n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            f"other bigint {refers}, note text, amount numeric(10, 2) NOT NULL DEFAULT 0, "
            "made timestamptz DEFAULT now(), flag boolean, name varchar(40) UNIQUE, data jsonb, "
            f"CHECK (amount >= 0));\nCREATE INDEX ON t{n} (note);\n"
        )
    return "".join(lines)


def main() -> None:
    """Measure, and print."""
    given = [int(each) for each in sys.argv[1:]]
    count, tables = (*given, *(20, 300)[len(given) :])
    with tempfile.TemporaryDirectory(prefix="banister-bench-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        files = root / "migrations"
        files.mkdir()
        (files / "001_schema.up.sql").write_text(_schema(tables))
        project = banister.open("embedded:", root=root, environ={})
        project.up()
        for k in range(count):
            text = _KINDS[k % len(_KINDS)].format(n=k * 7 % tables, k=k)
            (files / f"{k + 2:03}_change.up.sql").write_text(text)
        took = []
        for _ in range(3):
            plan = project.plan().plan
            started = time.monotonic()
            found = project.rehearse(plan)
            took.append(time.monotonic() - started)
        print(
            f"{count} migrations on {tables} tables: {statistics.median(took):.1f} s (median of 3)"
        )
        print(f"of which the statements themselves: {found.duration_ms / 1000:.1f} s")
        print(f"verdict: {found.verdict}, {len(found.migrations)} tried, copy: {found.copied}")


if __name__ == "__main__":
    main()
