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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import quote

import psycopg

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from cut_off import FILES, SQLITE_FILES, start_run, write_files
from oracles import (
    SECRET,
    Expected,
    Outcome,
    expected_of,
    next_run,
    sqlite_expected,
    sqlite_state,
    state,
    told,
)
from own_server import OwnServer, Shutdown, own_server
from proxy import Cut, cutting_proxy

import banister
from banister.failpoints import FailPoint
from postgres_kit import Site

__all__ = ["Fault", "Tally", "inject"]


class Fault(Enum):
    """What ends a run."""

    KILL = "kill -9 of the run"
    TERM = "SIGTERM to the run"
    BACKEND = "pg_terminate_backend"
    CUT_BEFORE = "wire cut before COMMIT arrives"
    CUT_DURING = "wire cut while COMMIT runs"
    CUT_AFTER = "wire cut before the answer to COMMIT"
    POINT_KILL = "kill -9 at a named point"
    POINT_DROP = "connection dropped at a named point"
    CRASH = "crash and restart of the server"
    SQLITE_KILL = "SQLite: kill -9 of the run"
    SQLITE_POINT = "SQLite: kill -9 at a named point"


_CUTS = {
    Fault.CUT_BEFORE: Cut.BEFORE,
    Fault.CUT_DURING: Cut.DURING,
    Fault.CUT_AFTER: Cut.AFTER,
}
_ON_SQLITE = {Fault.SQLITE_KILL, Fault.SQLITE_POINT}
#: A server that starts takes its time: one crash in so many injections.
_CRASH_EVERY = 40

#: What a run may end with, and what it says where that is a failure.
_KILLED = -signal.SIGKILL
_LOST = "connection|terminat|lost|closed|crash|shut|cannot connect|starting up|recovery mode"
_ENDINGS: dict[Fault, tuple[set[int], str]] = {
    Fault.KILL: ({0, _KILLED}, "never"),
    # The signal itself ends a process that does not listen yet.
    Fault.TERM: ({0, 143, -signal.SIGTERM}, "never"),
    Fault.BACKEND: ({0, 1}, _LOST),
    Fault.CUT_BEFORE: ({0, 1}, _LOST),
    Fault.CUT_DURING: ({0, 1}, _LOST),
    Fault.CUT_AFTER: ({0, 1}, _LOST),
    Fault.POINT_KILL: ({0, _KILLED}, "never"),
    Fault.POINT_DROP: ({0, 1}, _LOST),
    Fault.CRASH: ({0, 1, 4}, _LOST),
    Fault.SQLITE_KILL: ({0, _KILLED}, "never"),
    Fault.SQLITE_POINT: ({0, _KILLED}, "never"),
}


@dataclass(kw_only=True)
class Tally:
    """What came of the injections."""

    injections: Counter[Fault] = field(default_factory=Counter)
    #: Injections after which everything held.
    held: Counter[Fault] = field(default_factory=Counter)
    #: Runs that ended by themselves knowing what is applied, among those that lost the server.
    settled: Counter[Fault] = field(default_factory=Counter)
    lost: Counter[Fault] = field(default_factory=Counter)
    #: Seconds from the fault to the end of the next, successful run.
    recovery: dict[Fault, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """The server and the folders on which runs are cut off."""

    server: OwnServer
    site: Site
    expected: Expected
    #: Seconds that an undisturbed run takes.
    whole_run: float
    sqlite: Path
    sqlite_expected: Expected
    sqlite_run: float

    @property
    def said(self) -> Path:
        return self.site.root / "said"


@dataclass(frozen=True, kw_only=True)
class _Injection:
    """One fault, drawn before it happens."""

    fault: Fault
    #: Seconds after the start of the run.
    moment: float
    #: Which COMMIT is cut: the one behind this text.
    marker: str
    point: str


@dataclass(frozen=True, kw_only=True)
class _Result:
    problem: str | None
    outcome: Outcome
    #: From the fault to the end of the next run.
    seconds: float


def inject(count: int, *, seed: int, say: Callable[[str], None] = lambda _: None) -> Tally:
    """Cut off `count` runs, each in an empty database, and check what the next run makes of it."""
    chance = random.Random(seed)
    tally = Tally()
    with _bench() as bench:
        for number, fault in enumerate(islice(_faults(), count)):
            drawn = _draw(bench, fault, chance)
            result = (_one_on_sqlite if fault in _ON_SQLITE else _one)(bench, drawn)
            _count(tally, number, drawn, result, say)
            if (number + 1) % 100 == 0:
                say(f"{number + 1} of {count}, {len(tally.failures)} failures")
    return tally


def _faults() -> Iterator[Fault]:
    """Yield the kinds of faults in turn, a crash of the server now and then."""
    others = cycle(fault for fault in Fault if fault is not Fault.CRASH)
    while True:
        yield from islice(others, _CRASH_EVERY - 1)
        yield Fault.CRASH


def _draw(bench: _Bench, fault: Fault, chance: random.Random) -> _Injection:
    whole = bench.sqlite_run if fault in _ON_SQLITE else bench.whole_run
    action = "drop" if fault is Fault.POINT_DROP else "kill"
    points = sorted(set(FailPoint) - {FailPoint.BEFORE_TOLD})
    return _Injection(
        fault=fault,
        moment=chance.uniform(0, whole),
        marker=f"VALUES ({chance.choice([1, 2, 7, 10])}, 1)",
        point=f"{chance.choice(points)}:{chance.randint(1, 6)}:{action}",
    )


def _count(
    tally: Tally, number: int, drawn: _Injection, result: _Result, say: Callable[[str], None]
) -> None:
    fault = drawn.fault
    tally.injections[fault] += 1
    tally.recovery.setdefault(fault, []).append(result.seconds)
    if fault in _CUTS or fault is Fault.POINT_DROP:
        tally.lost[fault] += 1
        tally.settled[fault] += result.outcome.exit_code in {0, 1}
    if result.problem is None:
        tally.held[fault] += 1
        return
    where = drawn.point if "point" in fault.value else f"{drawn.moment:.3f} s"
    tally.failures.append(f"{number} {fault.value}, {where}: {result.problem}")
    say(tally.failures[-1])


@contextmanager
def _bench() -> Iterator[_Bench]:
    with own_server() as server, tempfile.TemporaryDirectory() as folder:
        site = Site(database=server.database, root=Path(folder))
        write_files(site.folder, FILES)
        site.up()
        expected = expected_of(site)
        sqlite = Path(folder, "sqlite")
        write_files(sqlite / "migrations", SQLITE_FILES)
        _on_sqlite(sqlite).up()
        sqlite_found = sqlite_expected(sqlite / "bench.db")
        _empty(site)
        _no_file(sqlite)
        said = site.root / "said"
        started = time.monotonic()
        start_run(lambda: _on_postgres(site), said).wait()
        whole = time.monotonic() - started
        start_run(lambda: _on_sqlite(sqlite), said).wait()
        yield _Bench(
            server=server,
            site=site,
            expected=expected,
            whole_run=whole,
            sqlite=sqlite,
            sqlite_expected=sqlite_found,
            sqlite_run=time.monotonic() - started - whole,
        )


def _on_postgres(site: Site, url: str | None = None) -> banister.Project:
    """The server asks for no password; it is there to be seen where it must not be."""
    return site.project(url=f"{url or site.database.url}&password={quote(SECRET, safe='')}")


def _on_sqlite(root: Path) -> banister.Project:
    return banister.open(f"sqlite:///{root / 'bench.db'}", root=root, environ={})


def _one(bench: _Bench, drawn: _Injection) -> _Result:
    site = bench.site
    _empty(site)
    if drawn.fault in _CUTS:
        cut = cutting_proxy(site.database.url, marker=drawn.marker, cut=_CUTS[drawn.fault])
        with cut as url:
            outcome = start_run(lambda: _on_postgres(site, url), bench.said).wait()
        hit = time.monotonic()
    else:
        at_point = drawn.fault in {Fault.POINT_KILL, Fault.POINT_DROP}
        run = start_run(
            lambda: _on_postgres(site), bench.said, fail_point=drawn.point if at_point else None
        )
        if not at_point:
            time.sleep(drawn.moment)
            hit = time.monotonic()
            _strike(bench, drawn.fault, run.send)
        outcome = run.wait()
        hit = time.monotonic() if at_point else hit
    codes, cause = _ENDINGS[drawn.fault]
    problem = told(outcome, exit_codes=codes, cause=cause) or next_run(_on_postgres(site))
    seconds = time.monotonic() - hit
    return _Result(problem=problem or state(site, bench.expected), outcome=outcome, seconds=seconds)


def _one_on_sqlite(bench: _Bench, drawn: _Injection) -> _Result:
    _no_file(bench.sqlite)
    at_point = drawn.fault is Fault.SQLITE_POINT
    run = start_run(
        lambda: _on_sqlite(bench.sqlite), bench.said, fail_point=drawn.point if at_point else None
    )
    if not at_point:
        time.sleep(drawn.moment)
        run.send(signal.SIGKILL)
    outcome = run.wait()
    hit = time.monotonic()
    codes, cause = _ENDINGS[drawn.fault]
    problem = told(outcome, exit_codes=codes, cause=cause) or next_run(_on_sqlite(bench.sqlite))
    seconds = time.monotonic() - hit
    found = sqlite_state(bench.sqlite / "bench.db", bench.sqlite_expected)
    return _Result(problem=problem or found, outcome=outcome, seconds=seconds)


def _strike(bench: _Bench, fault: Fault, send: Callable[[int], None]) -> None:
    match fault:
        case Fault.KILL:
            send(signal.SIGKILL)
        case Fault.TERM:
            send(signal.SIGTERM)
        case Fault.CRASH:
            bench.server.restart(Shutdown.IMMEDIATE)
        case _:
            bench.site.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
                "'banister' AND datname = current_database() AND pid <> pg_backend_pid()"
            )


def _empty(site: Site) -> None:
    """Take everything out of the database; sessions of the last run end first."""
    site.wait_until_gone()
    with closing(psycopg.connect(site.database.url, autocommit=True)) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def _no_file(root: Path) -> None:
    for name in ("bench.db", "bench.db-journal", "bench.db-wal", "bench.db-shm"):
        with suppress(FileNotFoundError):
            os.unlink(root / name)  # noqa: PTH108 -- as short as the loop


def table(tally: Tally) -> str:
    """Return the tally as Markdown."""
    rows = [
        "| fault | injections | exactly once | outcome known | next success | 99 % | worst |",
        "|---|---|---|---|---|---|---|",
    ]
    for fault in Fault:
        count = tally.injections[fault]
        if not count:
            continue
        seconds = sorted(tally.recovery[fault])
        lost = tally.lost[fault]
        settled = f"{100 * tally.settled[fault] / lost:.1f} %" if lost else "–"
        rows.append(
            f"| {fault.value} | {count:,} | {100 * tally.held[fault] / count:.2f} % | {settled} "
            f"| {statistics.median(seconds):.2f} s | {seconds[int(0.99 * (count - 1))]:.2f} s "
            f"| {seconds[-1]:.2f} s |"
        )
    total, held = sum(tally.injections.values()), sum(tally.held.values())
    rows.append(f"| all | {total:,} | {100 * held / total:.2f} % | | | | |")
    return "\n".join(rows)


def main() -> int:
    """Inject faults and print the table; 1 when something did not hold."""
    parser = argparse.ArgumentParser(description="Cut off runs at random moments.")
    parser.add_argument("count", type=int, nargs="?", default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally = inject(
        options.count,
        seed=options.seed,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(table(tally))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
