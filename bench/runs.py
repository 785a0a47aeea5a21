"""Runs of many migrations beside psql with the same SQL: here, over a slow link, and rolled back.

    python bench/runs.py [MIGRATIONS] [--rounds N] [--ten-times] [--no-peers]

Prints a table: target, measured, verdict. In every round each way runs once, on a new database of
one server over TCP, so that what the machine does meanwhile, it does to all of them; medians.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from peers import PEERS, Peer, installed
from server import PYTHON, Server, delayed, environment, seconds, serving
from start import write_pairs
from verdicts import verdict

#: What stands in the way where a target is not met.
_COMMITS = "each migration has its own transaction, checks and record, and the start is a second"
#: Milliseconds that a packet needs there and back.
ROUND_TRIP = 5.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is to be reached: no more than `limit` times what the other way takes."""

    what: str
    limit: float
    ours: str
    other: str


ROWS = (
    Row(what="apply {n} migrations", limit=1.1, ours="up", other="psql -1"),
    Row(what="the same with 5 ms there and back", limit=1.5, ours="up, far", other="up"),
    Row(what="roll back {n}", limit=1.1, ours="down", other="psql -1, down"),
    Row(what="apply {n}, ten times as many", limit=11.0, ours="up, ten times", other="up"),
)


def one_file(root: Path, direction: str) -> Path:
    """Write all migrations of a direction into one file, in the order in which they run."""
    files = sorted((root / "migrations").glob(f"*.{direction}.sql"))
    if direction == "down":
        files.reverse()
    target = root / f"all.{direction}.sql"
    target.write_text("".join(path.read_text() for path in files))
    return target


def ways(
    server: Server, root: Path, ten: Path | None, far: int | None
) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield what is measured, by name; later ones use what earlier ones have left."""
    name = server.fresh()
    other = server.fresh()
    psql = [server.psql, "-qX", "-v", "ON_ERROR_STOP=1"]
    banister = [PYTHON, "-m", "banister"]
    count = len(list((root / "migrations").glob("*.up.sql")))

    def run(
        command: list[str], database: str, where: Path = root, port: int | None = None
    ) -> float:
        url = server.url(database, port=port)
        return seconds(command, where, environment(url, root))

    def by_psql(database: str, path: Path, *options: str) -> float:
        return run([*psql, *options, "-f", str(path), server.url(database)], database)

    yield "psql -1", lambda: by_psql(other, one_file(root, "up"), "-1")
    yield "up", lambda: run([*banister, "up"], name)
    yield "psql -1, down", lambda: by_psql(other, one_file(root, "down"), "-1")
    yield "down", lambda: run([*banister, "down", str(count)], name)
    if far is not None:
        yield "up, far", lambda: run([*banister, "up"], server.fresh(), port=far)
    if ten is not None:
        yield "up, ten times", lambda: run([*banister, "up"], server.fresh(), where=ten)


def by_peers(server: Server, root: Path) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield how each peer that can be installed applies the same migrations."""
    files = [
        (number, up.read_text(), up.with_name(up.name.replace(".up.", ".down.")).read_text())
        for number, up in enumerate(sorted((root / "migrations").glob("*.up.sql")), 1)
    ]
    for peer in PEERS:
        if not installed(peer):
            print(f"{peer.name} cannot be installed here", flush=True)
            continue
        folder = root / "peers" / peer.name
        if not folder.exists():
            folder.mkdir(parents=True)
            peer.write(folder, files)

        def run(peer: Peer = peer, folder: Path = folder) -> float:
            url = server.url(server.fresh())
            command = [peer.path, *peer.arguments(folder, url)]
            return seconds(command, folder, environment(url, root))

        yield peer.name, run


def measure(
    migrations: int, rounds: int, *, ten_times: bool, peers: bool
) -> dict[str, list[float]]:
    """Return the times of every way, one a round; ten times as many migrations run once."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, serving() as server:
        root, ten = Path(name), Path(name) / "ten"
        for place, count in ((root, migrations), (ten, 10 * migrations if ten_times else 0)):
            (place / "migrations").mkdir(parents=True)
            (place / ".git").mkdir()
            write_pairs(place / "migrations", count)
        with delayed(server.port, ROUND_TRIP) as far:
            for number in range(rounds):
                ten_now = ten if ten_times and number == 0 else None
                for way, run in ways(server, root, ten_now, far):
                    times.setdefault(way, []).append(run())
            for way, run in by_peers(server, root) if peers else ():
                times[way] = [run() for _ in range(rounds)]
    return times


def rows(times: dict[str, list[float]], migrations: int) -> Iterator[str]:
    """Yield the rows of the table, those of peers last."""
    median = {way: statistics.median(took) for way, took in times.items()}
    for row in ROWS:
        if row.ours not in median:
            continue
        ratio = median[row.ours] / median[row.other]
        yield (
            f"| {row.what.format(n=migrations)} | {row.limit} × {row.other} "
            f"| {median[row.ours]:.2f} s to {median[row.other]:.2f} s: {ratio:.2f} × "
            f"| {verdict(met=ratio <= row.limit, why=_COMMITS)} |"
        )
    for peer in PEERS:
        if peer.name in median:
            ratio = median["up"] / median[peer.name]
            yield (
                f"| apply {migrations}, beside {peer.name} | faster "
                f"| {median['up']:.2f} s to {median[peer.name]:.2f} s: {ratio:.2f} × "
                f"| {verdict(met=ratio < 1, why=_COMMITS)} |"
            )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("migrations", nargs="?", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ten-times", action="store_true", help="ten times as many, too")
    parser.add_argument("--no-peers", action="store_true", help="install and run no other tool")
    asked = parser.parse_args()
    times = measure(
        asked.migrations, asked.rounds, ten_times=asked.ten_times, peers=not asked.no_peers
    )
    print("| what | target | measured | verdict |\n|---|---|---|---|")
    for row in rows(times, asked.migrations):
        print(row)


if __name__ == "__main__":
    main()
