"""Rules about code whose way depends on rows, of which the copy has a few made-up ones. No I/O."""

import re
from collections.abc import Iterator

from banister.model import RelationKind
from banister.rehearsal.rules.base import Hazard, Match, Seen
from banister.rehearsal.rules.looks import below
from banister.rehearsal.verdicts import Verdict

__all__ = ["CODE"]

_NAME = r'(?:ONLY\s+)?((?:"[^"]+"|\w+)(?:\s*\.\s*(?:"[^"]+"|\w+))?)'
#: What takes rows or values away, and from which table.
_TAKES = re.compile(
    rf"""\b(?: (?P<verb> DELETE \s+ FROM | TRUNCATE (?:\s+TABLE)? | MERGE \s+ INTO
             | DROP \s+ (?:FOREIGN\s+)? TABLE (?:\s+IF\s+EXISTS)? ) \s+ (?P<table> {_NAME})
         | UPDATE \s+ (?P<updated> {_NAME}) [^;]*? \b SET \b )""",
    re.IGNORECASE | re.VERBOSE,
)
_READS = re.compile(rf"\b(?:FROM|JOIN)\s+{_NAME}", re.IGNORECASE)
_BUILDS_STATEMENTS = re.compile(
    r"\bEXECUTE\b(?!\s+(?:FUNCTION|PROCEDURE)\b)(?<!GRANT EXECUTE)", re.IGNORECASE
)
#: A loop that commits each time round is how many rows are written in small steps.
_IN_STEPS = re.compile(r"\bLOOP\b.*\bCOMMIT\b.*\bEND\s+LOOP\b", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})


def _unseen(seen: Seen) -> Iterator[Match]:
    code = _COMMENT.sub(" ", seen.trace.code)
    if not code or (seen.trace.alone and _IN_STEPS.search(code)):
        return
    told: set[int] = set()
    for found in _TAKES.finditer(code):
        oid = _existing(seen, found["table"] or found["updated"])
        if oid is None or oid in told or _met(seen, oid):
            continue
        told.add(oid)
        verb = "updates" if found["updated"] else "takes away"
        table = seen.existing[oid].name
        yield Match(table_oid=oid, names={"table": table, "what": f"{verb} rows of {table}"})
    if not told and _BUILDS_STATEMENTS.search(code) and not seen.trace.aims:
        read = sorted({
            seen.existing[oid].name
            for found in _READS.finditer(code)
            if (oid := _existing(seen, found[1])) is not None
        })  # fmt: skip
        if read:
            what = f"puts statements together from what it finds in {', '.join(read)}"
            yield Match(names={"table": read[0], "what": what})


def _existing(seen: Seen, written: str) -> int | None:
    """Return the table of that name that was there before the run, whatever its schema."""
    last = written.rpartition(".")[2].strip()
    name = last[1:-1] if last.startswith('"') else last.lower()
    for oid, facts in seen.existing.items():
        if facts.bare_name == name and facts.kind in _TABLES:
            return oid
    return None


def _met(seen: Seen, oid: int) -> bool:
    """Whether rows of the table were met, or other rules tell of it."""
    family = {oid, *(facts.oid for facts in below(seen.before, oid))}
    trace = seen.trace
    return (
        any(each.table_oid in family for each in trace.aims)
        or any(each.table_oid in family and each.updated + each.deleted for each in trace.written)
        or any(each.relation_oid in family for each in trace.rewrites)
        or any(each.dropped and each.any.oid in family for each in trace.relations)
    )


CODE = (
    Hazard(
        rule="unseen-code",
        title="Code that did not come to what it may do to rows",
        effect="runs code that {what} where it comes to that, and on generated rows it did not",
        verdict=Verdict.NOT_CERTIFIED,
        undecided=True,
        advice="look at the code, and count in the target what it would find there",
        source="https://www.postgresql.org/docs/current/plpgsql-control-structures.html",
        meets=_unseen,
    ),
)
