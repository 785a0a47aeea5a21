"""A rehearsal → SARIF 2.1.0, for code scanning. No I/O.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from banister.errors import Location, Severity
from banister.model import Dialect
from banister.rehearsal import Rehearsal
from banister.rehearsal.rules import HAZARDS
from banister.rehearsal.sqlite.rules import FILE_HAZARDS
from banister.report.rehearsal.words import (
    Problem,
    all_problems,
    problems_of,
    safer_text,
    short_sql,
    visible,
    visible_lines,
)

__all__ = ["sarif_text"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}
#: Where a finding says what the file says: no table of rules has it.
_MANUALS = {
    Dialect.POSTGRESQL: "https://www.postgresql.org/docs/current/explicit-locking.html",
    Dialect.SQLITE: "https://www.sqlite.org/lockingv3.html",
}
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def sarif_text(rehearsal: Rehearsal, tool_version: str) -> str:
    """Return a log with one run: its rules, and a result for each finding.

    Accepted ones are suppressed, with the reason that the file gives.
    """
    results = list(_results(rehearsal))
    used = sorted({each["ruleId"] for each in results})
    for each in results:
        each["ruleIndex"] = used.index(each["ruleId"])
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Banister",
                        "semanticVersion": tool_version,
                        "rules": [_rule(rule, rehearsal.dialect) for rule in used],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule(rule: str, dialect: Dialect) -> dict[str, Any]:
    title, source, severity = rule.replace("-", " ").capitalize(), _MANUALS[dialect], None
    if dialect is Dialect.SQLITE:
        source = next((each.source for each in FILE_HAZARDS if each.rule == rule), source)
    for each in HAZARDS if dialect is Dialect.POSTGRESQL else ():
        if each.rule == rule:
            title, source, severity = each.title, each.source, each.severity
    return {
        "id": rule,
        "shortDescription": {"text": title},
        "helpUri": source,
        "defaultConfiguration": {"level": _LEVELS[severity or Severity.WARNING]},
        "properties": {"tags": ["database", "migration"]},
    }


def _results(rehearsal: Rehearsal) -> Iterator[dict[str, Any]]:
    if not rehearsal.migrations:
        return
    somewhere = Location(path=rehearsal.migrations[0].step.script.source.path)
    sql_of = {
        problem: short_sql(statement.trace.statement, 500)
        for migration in rehearsal.migrations
        for statement in migration.statements
        for problem in problems_of(statement)
    }
    seen: dict[str, int] = {}
    for problem in all_problems(rehearsal):
        place = problem.location or somewhere
        same = "\0".join((problem.rule, place.path, sql_of.get(problem, problem.message)))
        key = sha256(same.encode("utf-8", "replace")).hexdigest()[:32]
        seen[key] = seen.get(key, 0) + 1
        yield _result(problem, place, f"{key}:{seen[key]}")


def _result(problem: Problem, place: Location, fingerprint: str) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.line or 1}
    if place.line is not None and place.column is not None:
        region["startColumn"] = place.column
    told: dict[str, Any] = {
        "ruleId": problem.rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": _message(problem)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(place.path)},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"banisterFinding/v1": fingerprint},
    }
    if problem.accepted is not None:
        told["suppressions"] = [
            {"kind": "inSource", "status": "accepted", "justification": visible(problem.accepted)}
        ]
    return told


def _message(problem: Problem) -> str:
    parts = [visible(problem.message)]
    if problem.safer:
        parts.append(f"Safer:\n{visible_lines(safer_text(problem.safer))}")
    if problem.advice:
        parts.append(visible(problem.advice))
    return "\n\n".join(parts)


def _uri(path: str) -> str:
    """Return a path as a reference, relative where the path is."""
    if _DRIVE.match(path):
        return "file:///" + quote(path.replace("\\", "/"), safe="/:")
    told = quote(path.removeprefix("./"), safe="/")
    return f"file://{told}" if told.startswith("/") else told
