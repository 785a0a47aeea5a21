"""Write docs/hazards.md and its pages from the rules and from real runs of their cases.

Each case of tests/cases/hazards is rehearsed on the newest PostgreSQL that the tests know.

usage: update_hazards.py [--check] [RULE ...]
    --check     write nothing; exit 1 and show what would change
    RULE        only the pages of these rules; the tables are left as they are
"""

import argparse
import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from banister.errors import Severity  # noqa: E402
from banister.rehearsal import HazardFinding, Rehearsal, StatementRehearsal  # noqa: E402
from banister.rehearsal.rules import HAZARDS, Hazard  # noqa: E402
from hazards_kit import CASES, SILENT, Case, Ground, all_findings, grounds  # noqa: E402
from servers import MAJORS, Servers  # noqa: E402

INDEX = ROOT / "docs" / "hazards.md"
PAGES = ROOT / "docs" / "hazards"
NEWEST = MAJORS[-1]

#: Lines that meet a rule, those found, those missed, false ones.
Counts = tuple[int, int, int, int]

_HEAD = """\
# Hazards

What `banister plan` says of statements, a rule a row. It carries each statement out on a scratch
copy and looks at what the server does; see [Rehearsal](rehearsal.md). The pages show a real run of
one case each, on PostgreSQL {major}. A file accepts a finding with a reason:
`-- banister: accept=RULE reason="…"`.

This page and those behind it are made by `python scripts/update_hazards.py`.

| rule | what it is about | verdict |
|---|---|---|
"""
_TALLY = """
## False and missed findings

Over {count} kinds of statements that are known to hurt, or to look as if they did, each in one case
of `tests/cases/hazards` or more; `python scripts/update_hazards.py` runs them again. Missed: a line
that meets the rule, and is not reported with it. False: a line reported with the rule that does not
meet it or, in a case that meets none, anything but a notice.

| number | statements | lines | found | missed | false |
|---|---|---|---|---|---|
"""
_BY_CASE = """
The same by case:

| case | lines | found | missed | false |
|---|---|---|---|---|
"""


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; show what would change"
    )
    parser.add_argument("rules", nargs="*", metavar="RULE", help="only the pages of these rules")
    asked = parser.parse_args(arguments)
    hazards = [hazard for hazard in HAZARDS if not asked.rules or hazard.rule in asked.rules]
    stale = 0
    with grounds(Servers(), NEWEST) as ground:
        for hazard in hazards:
            stale += put(PAGES / f"{hazard.rule}.md", page(hazard, ground), check=asked.check)
        if not asked.rules:
            stale += put(INDEX, index(ground), check=asked.check)
            for left in sorted({*PAGES.glob("*.md")} - {PAGES / f"{h.rule}.md" for h in HAZARDS}):
                print(f"{left.name}: no such rule")
                stale += 1
    return 1 if asked.check and stale else 0


def put(path: Path, text: str, *, check: bool) -> bool:
    """Write a page that changed, or show how; return whether it did."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if old == text:
        return False
    if check:
        lines = (old.splitlines(), text.splitlines())
        print("\n".join(difflib.unified_diff(*lines, f"{path.name} as it is", path.name)))
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return True


def index(ground: Ground) -> str:
    """Return docs/hazards.md."""
    rows = [f"| [{h.rule}](hazards/{h.rule}.md) | {h.title} | {h.verdict.value} |" for h in HAZARDS]
    counts = dict(tallies(ground))
    numbered = list(by_statement(counts))
    parts = (
        _HEAD.format(major=NEWEST), *(row + "\n" for row in rows),
        _TALLY.format(count=len(numbered)), *(row + "\n" for row in numbered),
        _BY_CASE, *(f"| {name} | {cells(each)} |\n" for name, each in counts.items()),
        f"| **all** | {cells(summed(counts.values()))} |\n",
    )  # fmt: skip
    return "".join(parts)


def by_statement(counts: Mapping[str, Counts]) -> Iterator[str]:
    """Yield the rows of the table by kind of statement: each sums up its cases in all forms."""
    for line in (ROOT / "tests" / "cases" / "hazards" / "statements.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        number, words, cases = (part.strip() for part in line.split("|"))
        if cases.startswith("-"):
            yield f"| {number} | {words}: {cases.removeprefix('-').strip()} | | | | |"
            continue
        mine = [each for name, each in counts.items() if name.partition("+")[0] in cases.split()]
        if not mine:
            mine = [(0, 0, 0, 0)]
            words += f": none on {NEWEST}"
        yield f"| {number} | {words} | {cells(summed(mine))} |"


def summed(counts: Iterable[Counts]) -> Counts:
    """Return the sum of each."""
    a, b, c, d = map(sum, zip(*counts, strict=True))
    return a, b, c, d


def cells(counts: Counts) -> str:
    """Return counts as cells of a table."""
    return " | ".join(map(str, counts))


def tallies(ground: Ground) -> Iterator[tuple[str, Counts]]:
    """Yield cases, and what was found in each: lines, found, missed, false."""
    for case in (*CASES, *SILENT):
        if not case.holds_on(NEWEST):
            continue
        found = ground.rehearse_bad(case)
        said = [f for f in all_findings(found) if f.location is not None]
        if case in SILENT:
            wanted: set[int] = set()
            got = {f.location.line for f in said if f.location and f.severity > Severity.NOTICE}
        else:
            wanted = case.lines
            got = {f.location.line for f in said if f.location and f.rule == case.rule}
        name = f"silent/{case.path.name}" if case in SILENT else case.path.name
        yield name, (len(wanted), len(wanted & got), len(wanted - got), len(got - wanted))


def page(hazard: Hazard, ground: Ground) -> str:
    """Return the page of one rule."""
    parts = [f"# {hazard.rule}", f"{hazard.title}: {hazard.verdict.value}."]
    case = next((each for each in CASES if each.path.name == hazard.rule), None)
    if case is not None and case.holds_on(NEWEST):
        parts += run(hazard, case, ground.rehearse_bad(case))
    elif case is not None:
        parts += ["## Example", sql(case.bad), f"PostgreSQL {NEWEST} does not know this hazard."]
        parts += ["## Instead", *(sql(text) for text in case.good)]
    if hazard.grows:
        parts.append("On a small table this is a notice alone.")
    parts += versions(hazard)
    parts += [
        "## Accepting it",
        f'```sql\n-- banister: accept={hazard.rule} reason="…"\n```',
        f"[What the PostgreSQL manual says]({hazard.source}) · [All hazards](../hazards.md)",
    ]
    return "\n\n".join(parts) + "\n"


def run(hazard: Hazard, case: Case, found: Rehearsal) -> Iterator[str]:
    """Yield what a page says of the run of its case."""
    mine = [f for f in all_findings(found) if f.rule == hazard.rule]
    yield "## Example"
    if case.setup.strip() != "SELECT 1;":
        yield "With these tables:\n\n" + sql(case.setup)
    yield sql(case.bad)
    yield "Banister says:\n\n" + "\n".join(f"- {told(finding)}" for finding in mine)
    yield f"What PostgreSQL {NEWEST} did:"
    yield "\n".join(
        line
        for migration in found.migrations
        for statement in migration.statements
        for line in seen(statement)
    )
    offered = next((finding.safer for finding in mine if finding.safer), ())
    advice = next((finding.advice for finding in mine if finding.advice), None)
    yield "## Instead"
    if advice:
        yield f"{advice[0].upper()}{advice[1:]}."
    texts = offered or case.good
    if len(texts) > 1:
        yield f"{len(texts)} migrations, in this order:"
    for text in texts:
        yield sql(text)


def told(finding: HazardFinding) -> str:
    """Return a finding as a line."""
    place = f"line {finding.location.line}: " if finding.location else ""
    return f"{place}{finding.message}"


def seen(statement: StatementRehearsal) -> Iterator[str]:
    """Yield lines about what a statement did."""
    locks = ", ".join(f"{each.mode.words} on `{each.relation}`" for each in statement.locks)
    yield f"- statement {statement.trace.number}: {locks or 'no lock on what was there'}"
    for work in statement.work:
        yield f"  - {work}"
    if statement.trace.failure is not None:
        yield f"  - it fails: {statement.trace.failure.message}"


def versions(hazard: Hazard) -> Iterator[str]:
    """Yield the versions that what is offered depends on."""
    bounds = [(each.since, each.until) for each in hazard.safer if each.since or each.until]
    if bounds:
        said = dict.fromkeys(
            f"from {since} on" if since and not until else f"up to {until}"
            for since, until in bounds
        )
        yield f"What is offered depends on the target's version: one way {', another '.join(said)}."


def sql(text: str) -> str:
    """Return SQL as a block, without the marks of the cases."""
    lines = (line.removesuffix("-- here").rstrip() for line in text.strip().splitlines())
    return "```sql\n" + "\n".join(lines) + "\n```"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
