"""The faults that are injected, what came of them, and the table that says so."""

import statistics
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["Fault", "Tally", "table"]


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
    TWICE = "kill -9 in a statement, and of the next run"
    CRASH = "crash and restart of the server"
    SQLITE_KILL = "SQLite: kill -9 of the run"
    SQLITE_POINT = "SQLite: kill -9 at a named point"


#: After these a run must find out by itself what is applied.
_LOSE_THE_SERVER = {
    Fault.BACKEND,
    Fault.CUT_BEFORE,
    Fault.CUT_DURING,
    Fault.CUT_AFTER,
    Fault.POINT_DROP,
    Fault.CRASH,
}


@dataclass(kw_only=True)
class Tally:
    """What came of the injections."""

    injections: Counter[Fault] = field(default_factory=Counter)
    #: Injections after which everything held.
    held: Counter[Fault] = field(default_factory=Counter)
    #: Runs that lost the server and ended knowing what is applied.
    settled: Counter[Fault] = field(default_factory=Counter)
    #: Seconds from the fault to the end of the next, successful run.
    recovery: dict[Fault, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, fault: Fault, *, exit_code: int, problem: str | None, seconds: float) -> None:
        """Count one run that was cut off."""
        self.injections[fault] += 1
        self.recovery.setdefault(fault, []).append(seconds)
        self.settled[fault] += fault in _LOSE_THE_SERVER and exit_code in {0, 1}
        self.held[fault] += problem is None

    def take_in(self, other: "Tally") -> None:
        """Count what another one has counted."""
        self.injections.update(other.injections)
        self.held.update(other.held)
        self.settled.update(other.settled)
        for fault, seconds in other.recovery.items():
            self.recovery.setdefault(fault, []).extend(seconds)
        self.failures += other.failures


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
        settled = f"{100 * tally.settled[fault] / count:.1f} %"
        rows.append(
            f"| {fault.value} | {count:,} | {100 * tally.held[fault] / count:.2f} % "
            f"| {settled if fault in _LOSE_THE_SERVER else '–'} "
            f"| {statistics.median(seconds):.2f} s | {seconds[int(0.99 * (count - 1))]:.2f} s "
            f"| {seconds[-1]:.2f} s |"
        )
    total, held = sum(tally.injections.values()), sum(tally.held.values())
    rows.append(f"| all | {total:,} | {100 * held / total:.2f} % | | | | |")
    return "\n".join(rows)
