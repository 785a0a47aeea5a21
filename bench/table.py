"""Everything that is to be fast, in one table: target, measured, verdict, beside psql and peers.

    python bench/table.py [--migrations N] [--megabytes N] [--pairs N] [--rounds N] [--no-peers]

The targets are for 1,000 migrations, files of 200 megabytes and 150 pairs, which take half an hour;
ratios are much the same with less. Run it on an idle machine.
"""

import argparse

import large
import runs
import start
import verify
from server import serving
from verdicts import verdict

#: Times as fast as psql and pg_dump doing the same.
VERIFY = 20.0
_EACH_PAIR = "two thirds are the server's: three looks at the schema and three migrations a pair"


def main() -> None:
    """Measure one after the other, and print each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--migrations", type=int, default=1000)
    parser.add_argument("--megabytes", type=float, default=200.0)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true", help="install and run no other tool")
    asked = parser.parse_args()
    print("| what | target | measured | verdict |\n|---|---|---|---|", flush=True)
    times = runs.measure(asked.migrations, asked.rounds, ten_times=True, peers=not asked.no_peers)
    for row in runs.rows(times, asked.migrations):
        print(row, flush=True)
    base, found = start.compare(asked.migrations, max(asked.rounds, 3))
    print(f"| python -c pass | | {base:.3f} s | |")
    for each in found:
        unit, told = each["unit"], verdict(met=bool(each["met"]), why=start.why(each))
        print(f"| {each['what']} | {each['target']} {unit} | {each['measured']} {unit} | {told} |")
    with serving() as server:
        for row in large.rows(server, asked.megabytes):
            print(row, flush=True)
    ways, by_hand, _ = verify.compare(asked.pairs)
    for name, took in ways.items():
        ratio = by_hand / took
        told = verdict(met=ratio >= VERIFY, why=_EACH_PAIR)
        print(
            f"| {name}, {asked.pairs} pairs | {VERIFY:g} times as fast as psql and pg_dump "
            f"| {took:.1f} s, {ratio:.1f} times | {told} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
