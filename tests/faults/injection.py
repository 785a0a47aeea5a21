"""Runs that are cut off at random moments, and what must hold after each.

`python tests/faults/injection.py 5000` prints the table of docs/reliability.md.
"""

import argparse
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import psycopg

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from cut_off import Run, start_run
from grounds import Ground, Measures, OnPostgres, OnSqlite, grounds
from oracles import Outcome, told
from own_server import Shutdown
from proxy import Cut, cutting_proxy
from tally import Fault, Tally, table

from banister.failpoints import FailPoint

__all__ = ["Fault", "Tally", "inject"]

_CUTS = {
    Fault.CUT_BEFORE: Cut.BEFORE,
    Fault.CUT_DURING: Cut.DURING,
    Fault.CUT_AFTER: Cut.AFTER,
}
_AT_POINT = {Fault.POINT_KILL, Fault.POINT_DROP, Fault.TWICE, Fault.SQLITE_POINT}
_ON_SQLITE = {Fault.SQLITE_KILL, Fault.SQLITE_POINT}
#: A server that starts takes its time: one crash in so many injections.
_CRASH_EVERY = 100
#: A run may be over before its fault comes; so often another one is tried.
_TRIES = 20

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
    Fault.POINT_KILL: ({_KILLED}, "never"),
    Fault.POINT_DROP: ({0, 1}, _LOST),
    Fault.TWICE: ({0, _KILLED}, "never"),
    Fault.CRASH: ({0, 1, 4}, _LOST),
    Fault.SQLITE_KILL: ({0, _KILLED}, "never"),
    Fault.SQLITE_POINT: ({_KILLED}, "never"),
}


@dataclass(frozen=True, kw_only=True)
class _Injection:
    """One fault, drawn before it happens."""

    fault: Fault
    #: Seconds after the start of the run.
    moment: float
    #: Which COMMIT is cut: the one behind this text.
    marker: str
    #: As `banister.failpoints` takes it; where the run after it is cut off too.
    point: str
    next_point: str

    def __str__(self) -> str:
        if self.fault in _CUTS:
            return f"{self.fault.value}, {self.marker}"
        if self.fault is Fault.TWICE:
            return f"{self.fault.value}, {self.point}, {self.next_point}"
        where = self.point if self.fault in _AT_POINT else f"{self.moment:.3f} s"
        return f"{self.fault.value}, {where}"


@dataclass(frozen=True, kw_only=True)
class _CutOff:
    """A run that a fault met, or that was over before."""

    outcome: Outcome
    met: bool
    #: When the fault came, by the monotonic clock.
    at: float


@dataclass(frozen=True, kw_only=True)
class _Result:
    cut: _CutOff
    problem: str | None
    #: From the fault to the end of the next run.
    seconds: float


def inject(count: int, *, seed: int, say: Callable[[str], None] = lambda _: None) -> Tally:
    """Cut off `count` runs, each in an empty database, and check what the next run makes of it."""
    chance = random.Random(seed)
    tally = Tally()
    with grounds() as (postgres, measures, sqlite, sqlite_measures):
        for number, fault in enumerate(islice(_faults(), count), start=1):
            ground, known = (
                (sqlite, sqlite_measures) if fault in _ON_SQLITE else (postgres, measures)
            )
            for _ in range(_TRIES):
                drawn = _draw(known, fault, chance)
                result = _one(ground, drawn)
                if result.cut.met or result.problem is not None:
                    _count(tally, number, drawn, result, say)
                    break
            if number % 100 == 0:
                say(f"{number} of {count}, {len(tally.failures)} failures")
    return tally


def _faults() -> Iterator[Fault]:
    """Yield the kinds of faults in turn, a crash of the server now and then."""
    others = cycle(fault for fault in Fault if fault is not Fault.CRASH)
    while True:
        yield Fault.CRASH
        yield from islice(others, _CRASH_EVERY - 1)


def _draw(known: Measures, fault: Fault, chance: random.Random) -> _Injection:
    action = "drop" if fault is Fault.POINT_DROP else "kill"
    points = sorted(known.passes)
    if fault is Fault.TWICE:
        points = [FailPoint.BEFORE_STATEMENT, FailPoint.AFTER_STATEMENT]
    elif fault is Fault.POINT_DROP:
        # No connection is at hand there.
        points.remove(FailPoint.BEFORE_TOLD)
    point = chance.choice(points)
    return _Injection(
        fault=fault,
        moment=chance.uniform(0, known.seconds),
        marker=f"VALUES ({chance.choice([1, 2, 7, 10])}, 1)",
        point=f"{point}:{chance.randint(1, known.passes[point])}:{action}",
        next_point=f"{chance.choice(sorted(FailPoint))}:1:kill",
    )


def _count(
    tally: Tally, number: int, drawn: _Injection, result: _Result, say: Callable[[str], None]
) -> None:
    tally.add(
        drawn.fault,
        exit_code=result.cut.outcome.exit_code,
        problem=result.problem,
        seconds=result.seconds,
    )
    if result.problem is not None:
        tally.failures.append(f"{number} {drawn}: {result.problem}")
        say(tally.failures[-1])


def _one(ground: OnPostgres | OnSqlite, drawn: _Injection) -> _Result:
    ground.empty()
    cut = _cut_off(ground, drawn)
    codes, cause = _ENDINGS[drawn.fault]
    problem = told(cut.outcome, exit_codes=codes, cause=cause) or _next_run(ground)
    seconds = time.monotonic() - cut.at
    return _Result(cut=cut, problem=problem or _wrong(ground), seconds=seconds)


def _cut_off(ground: OnPostgres | OnSqlite, drawn: _Injection) -> _CutOff:
    if drawn.fault in _CUTS:
        return _at_the_wire(ground, drawn)
    if drawn.fault in _AT_POINT:
        return _at_points(ground, drawn)
    run = start_run(ground.project, ground.root / "said")
    time.sleep(drawn.moment)
    at, met = time.monotonic(), not run.over
    if met:
        _strike(ground, drawn.fault, run)
    return _CutOff(outcome=run.wait(), met=met, at=at)


def _at_the_wire(ground: OnPostgres | OnSqlite, drawn: _Injection) -> _CutOff:
    assert isinstance(ground, OnPostgres)
    database = ground.site.database.url
    with cutting_proxy(database, marker=drawn.marker, cut=_CUTS[drawn.fault]) as url:
        outcome = start_run(
            lambda: ground.project(url),
            ground.root / "said",
            carry_out=lambda project: project.up(together=False),
        ).wait()
    return _CutOff(outcome=outcome, met=True, at=time.monotonic())


def _at_points(ground: Ground, drawn: _Injection) -> _CutOff:
    said = ground.root / "said"
    outcome = start_run(ground.project, said, fail_point=drawn.point).wait()
    met = True
    if drawn.fault is Fault.TWICE and outcome.exit_code == _KILLED:
        outcome = start_run(ground.project, said, fail_point=drawn.next_point).wait()
        met = outcome.exit_code == _KILLED
    return _CutOff(outcome=outcome, met=met, at=time.monotonic())


def _strike(ground: OnPostgres | OnSqlite, fault: Fault, run: Run) -> None:
    if fault is Fault.TERM:
        run.send(signal.SIGTERM)
    elif fault in {Fault.KILL, Fault.SQLITE_KILL}:
        run.send(signal.SIGKILL)
    else:
        assert isinstance(ground, OnPostgres)
        if fault is Fault.CRASH:
            ground.server.restart(Shutdown.IMMEDIATE)
        else:
            ground.end_sessions()


def _next_run(ground: Ground) -> str | None:
    """O6: the next plain `up` succeeds, with no manual step; in a child, since it may hang."""
    return told(
        start_run(ground.project, ground.root / "said").wait(), exit_codes={0}, cause="never"
    )


def _wrong(ground: Ground) -> str | None:
    """What is missing altogether is wrong as well."""
    try:
        return ground.wrong()
    except (psycopg.Error, sqlite3.Error) as error:
        return f"it cannot be looked at: {error}"


def _inject_aloud(count: int, seed: int) -> Tally:
    return inject(count, seed=seed, say=lambda line: print(line, file=sys.stderr, flush=True))


def main() -> int:
    """Inject faults and print the table; 1 when something did not hold."""
    parser = argparse.ArgumentParser(description="Cut off runs at random moments.")
    parser.add_argument("count", type=int, nargs="?", default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side")
    options = parser.parse_args()
    jobs = options.jobs
    counts = [len(range(job, options.count, jobs)) for job in range(jobs)]
    seeds = [options.seed + job for job in range(jobs)]
    tally = Tally()
    with ProcessPoolExecutor(jobs) as pool:
        for counted in pool.map(_inject_aloud, counts, seeds):
            tally.take_in(counted)
    print(table(tally))
    held = sum(tally.held.values()) == options.count
    return 0 if held and not tally.failures else 1


if __name__ == "__main__":
    sys.exit(main())
