"""Runs that are cut off at random moments, and what must hold after each.

`python tests/faults/injection.py 5000` prints the table of docs/reliability.md.
"""

import argparse
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import psycopg

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from proxy import Cut, cutting_proxy

import banister
from postgres_kit import Site
from servers import MAJORS, PostgresDatabase, Servers

__all__ = ["Fault", "Tally", "inject"]

#: Each file leaves its number in the witness table, once for every time that it ran.
FILES = {
    "001_base": "CREATE TABLE witness (n int, at int);\n"
    "CREATE TABLE t (id int, note text);\n"
    "INSERT INTO t SELECT g, 'note ' || g FROM generate_series(1, 2000) g;\n"
    "INSERT INTO witness VALUES (1, 1);",
    "002_alter": "ALTER TABLE t ADD COLUMN extra text;\nINSERT INTO witness VALUES (2, 1);",
    "003_index": "CREATE INDEX CONCURRENTLY t_note_idx ON t (note);",
    "004_mixed": "-- banister: transaction=off\n"
    "INSERT INTO witness VALUES (4, 1);\n"
    "CREATE INDEX CONCURRENTLY ON t (id);\n"
    "INSERT INTO witness VALUES (4, 3);\n"
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_id_key ON t (id);\n"
    "INSERT INTO witness VALUES (4, 5);",
    "005_copy": "COPY t (id, note) FROM stdin;\n"
    + "".join(f"{number}\tcopied\n" for number in range(3000, 3400))
    + "\\.\nINSERT INTO witness VALUES (5, 1);",
    "006_reindex": "REINDEX INDEX CONCURRENTLY t_note_idx;",
    "007_partitions": "CREATE TABLE p (k int) PARTITION BY RANGE (k);\n"
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);\n"
    "INSERT INTO witness VALUES (7, 1);",
    "008_detach": "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;",
    "009_drop": "DROP INDEX CONCURRENTLY t_note_idx;",
    "010_last": "UPDATE t SET extra = 'x' WHERE id < 100;\nINSERT INTO witness VALUES (10, 1);",
}
_WITNESSES = [(1, 1), (2, 1), (4, 1), (4, 3), (4, 5), (5, 1), (7, 1), (10, 1)]

#: Everything that the files make, as one text.
_SCHEMA = """
SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT format('column %s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod))
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0 AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT format('index %s valid=%s %s', indexrelid::regclass, indisvalid,
                  pg_get_indexdef(indexrelid))
      FROM pg_index JOIN pg_class c ON c.oid = indrelid
     WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('child %s of %s pending=%s', inhrelid::regclass, inhparent::regclass,
                  inhdetachpending)
      FROM pg_inherits
    UNION ALL
    SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
) lines (line)
"""


class Fault(Enum):
    """What ends a run."""

    KILL = "kill -9 of the run"
    TERM = "SIGTERM to the run"
    BACKEND = "pg_terminate_backend"
    CUT_BEFORE = "wire cut before COMMIT arrives"
    CUT_DURING = "wire cut while COMMIT runs"
    CUT_AFTER = "wire cut before the answer to COMMIT"


_CUTS = {
    Fault.CUT_BEFORE: Cut.BEFORE,
    Fault.CUT_DURING: Cut.DURING,
    Fault.CUT_AFTER: Cut.AFTER,
}


@dataclass(kw_only=True)
class Tally:
    """What came of the injections."""

    injections: Counter[Fault] = field(default_factory=Counter)
    #: Injections after which everything held.
    held: Counter[Fault] = field(default_factory=Counter)
    #: Cut runs that ended in a known state by themselves.
    settled: Counter[Fault] = field(default_factory=Counter)
    #: Seconds from the fault to the end of the next, successful run.
    recovery: dict[Fault, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Bench:
    site: Site
    reference: str
    #: Seconds that an undisturbed run takes.
    whole_run: float


def inject(count: int, *, seed: int, say: Callable[[str], None] = lambda _: None) -> Tally:
    """Cut off `count` runs, each in an empty database, and check what the next run makes of it."""
    chance = random.Random(seed)
    tally = Tally()
    with _bench() as bench:
        for number in range(count):
            fault = list(Fault)[number % len(Fault)]
            _empty(bench.site)
            moment = chance.uniform(0, bench.whole_run)
            marker = f"VALUES ({chance.choice([1, 2, 5, 7, 10])}, 1)"
            problem, settled, seconds = _one(bench, fault, moment, marker)
            tally.injections[fault] += 1
            tally.settled[fault] += settled
            tally.recovery.setdefault(fault, []).append(seconds)
            if problem is None:
                tally.held[fault] += 1
            else:
                tally.failures.append(f"{number} {fault.value} at {moment:.3f} s: {problem}")
                say(tally.failures[-1])
            if (number + 1) % 100 == 0:
                say(f"{number + 1} of {count}, {len(tally.failures)} failures")
    return tally


@contextmanager
def _bench() -> Iterator[_Bench]:
    servers = Servers()
    try:
        with servers.database(MAJORS[-1]) as database, tempfile.TemporaryDirectory() as folder:
            site = Site(database=database, root=Path(folder))
            site.write(FILES)
            site.up()
            reference = site.value(_SCHEMA)
            _empty(site)
            started = time.monotonic()
            _wait(_fork(site, site.database.url))
            yield _Bench(site=site, reference=reference, whole_run=time.monotonic() - started)
    finally:
        servers.close()


def _one(bench: _Bench, fault: Fault, moment: float, marker: str) -> tuple[str | None, bool, float]:
    site = bench.site
    settled = False
    if fault in _CUTS:
        with cutting_proxy(site.database.url, marker=marker, cut=_CUTS[fault]) as url:
            settled = _wait(_fork(site, url)) in {0, 1}
        hit = time.monotonic()
    else:
        child = _fork(site, site.database.url)
        time.sleep(moment)
        hit = time.monotonic()
        _strike(site.database, fault, child)
        _wait(child)
    problem = _next_run(site)
    seconds = time.monotonic() - hit
    return problem or _oracles(bench), settled, seconds


def _strike(database: PostgresDatabase, fault: Fault, child: int) -> None:
    if fault is Fault.BACKEND:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
            "'banister' AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        return
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL if fault is Fault.KILL else signal.SIGTERM)


def _fork(site: Site, url: str) -> int:
    """Run `up` in a child, which costs no start of an interpreter; return its pid."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        signal.signal(signal.SIGTERM, _terminated)
        site.project(url=url).up()
        code = 0
    except banister.BanisterError as error:
        code = error.exit_code
    except KeyboardInterrupt:
        code = 143
    finally:
        os._exit(code)


def _terminated(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _next_run(site: Site) -> str | None:
    """Run `up` plainly, with no manual step; return what went wrong."""
    try:
        site.up()
    except banister.BanisterError as error:
        return f"the next run failed: {error.code}: {error}"
    return None


def _oracles(bench: _Bench) -> str | None:
    site = bench.site
    witnesses = site.rows("SELECT n, at FROM witness ORDER BY n, at")
    if witnesses != _WITNESSES:
        return f"not exactly once: {witnesses}"
    applied = site.applied()
    if applied != [name[:3] for name in FILES]:
        return f"history: {applied}"
    if site.value("SELECT count(*) FROM t") != 2400:
        return "rows of t"
    if site.value(_SCHEMA) != bench.reference:
        return f"schema: {site.value(_SCHEMA)}"
    if site.runner_locks():
        return "a lock was left"
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    return "a session was left in a transaction" if site.value(idle) else None


def _empty(site: Site) -> None:
    """Take everything out of the database; sessions of the last run end first."""
    site.wait_until_gone()
    with psycopg.connect(site.database.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def table(tally: Tally) -> str:
    """Return the tally as Markdown."""
    rows = [
        "| fault | injections | exactly once | settled by itself | next success, median | worst |",
        "|---|---|---|---|---|---|",
    ]
    for fault in Fault:
        count = tally.injections[fault]
        if not count:
            continue
        seconds = tally.recovery[fault]
        settled = f"{100 * tally.settled[fault] / count:.1f} %" if fault in _CUTS else "–"
        rows.append(
            f"| {fault.value} | {count} | {100 * tally.held[fault] / count:.2f} % | {settled} "
            f"| {statistics.median(seconds):.2f} s | {max(seconds):.2f} s |"
        )
    total, held = sum(tally.injections.values()), sum(tally.held.values())
    rows.append(f"| all | {total} | {100 * held / total:.2f} % | | | |")
    return "\n".join(rows)


def main() -> int:
    """Inject faults and print the table; 1 when something did not hold."""
    parser = argparse.ArgumentParser(description="Cut off runs at random moments.")
    parser.add_argument("count", type=int, nargs="?", default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally = inject(options.count, seed=options.seed, say=lambda line: print(line, file=sys.stderr))
    print(table(tally))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
