"""A rehearsal → Markdown for a comment at a pull request. No I/O."""

from banister.errors import Severity
from banister.rehearsal import MigrationRehearsal, Rehearsal, StatementRehearsal, Verdict
from banister.rehearsal.sizes import size_words
from banister.report.rehearsal.effects import Tables, effects_of, tables_of
from banister.report.rehearsal.escapes import code, fenced, plain
from banister.report.rehearsal.words import (
    Problem,
    all_problems,
    blocks_words,
    counts_words,
    duration_of_lock,
    limits,
    locks_of,
    problem_of,
    problems_of,
    problems_of_all,
    safer_text,
    short_sql,
)
from banister.report.style import duration, plural

__all__ = ["markdown_text"]

#: By this a comment is found again, to be replaced.
_MARKER = "<!-- banister:plan -->"
#: GitHub takes 65,536 characters, and not all of them are one byte.
_LONGEST = 60_000
#: Kept for what stands behind the migrations.
_KEPT = 6_000
_ROWS = 100
_ITEMS = 8
_LOCKS = 6
_SIGNS = {
    Verdict.SAFE: "🟢",
    Verdict.BRIEF_LOCK: "🔵",
    Verdict.NOT_CERTIFIED: "❔",
    Verdict.BLOCKS_WRITES: "🟠",
    Verdict.BLOCKS_ALL: "🔴",
    Verdict.LOSES_DATA: "🟣",
    Verdict.CANNOT_RUN: "⛔",
}


def markdown_text(rehearsal: Rehearsal) -> str:
    """Return a summary and, folded, what is behind each verdict; under 60,000 characters.

    What does not fit is left out from the end, and that is said.
    """
    tables = tables_of(rehearsal)
    text = "\n".join([*_head(rehearsal), *_overview(rehearsal)])
    tail = "\n".join(_tail(rehearsal))[: _KEPT - 200]
    left_out = 0
    for migration in rehearsal.migrations:
        if not problems_of_all(migration):
            continue
        for details in (_details(migration, tables), _brief(migration)):
            section = "\n".join(["", "", *details])
            if len(text) + len(section) + _KEPT <= _LONGEST:
                text += section
                break
        else:
            left_out += 1
    if left_out:
        text += f"\n\n{plural(left_out, 'more migration')} with findings did not fit in here."
    return f"{text}\n{tail}\n"


def _head(rehearsal: Rehearsal) -> list[str]:
    if not rehearsal.migrations:
        return [_MARKER, "### Banister: nothing to rehearse"]
    verdict = rehearsal.verdict
    count = plural(len(rehearsal.migrations), "migration")
    found = counts_words(all_problems(rehearsal))
    on = f" on {plain(rehearsal.server, 200)}" if rehearsal.server else ""
    copied = f"; the copy is {plain(rehearsal.copied, 200)}" if rehearsal.copied else ""
    return [
        _MARKER,
        f"### {_SIGNS[verdict]} Banister: {verdict.value}",
        "",
        f"{count} rehearsed in {duration(rehearsal.duration_ms)}{on}{copied}."
        + (f" {found}." if found else ""),
    ]


def _overview(rehearsal: Rehearsal) -> list[str]:
    told = rehearsal.migrations
    if not told:
        return []
    if len(told) > _ROWS:
        told = tuple(m for m in told if problems_of_all(m))[:_ROWS]
    rows = [
        f"| {code(m.step.label, 80)} | {_SIGNS[m.verdict]} {m.verdict.value} | "
        f"{counts_words(problems_of_all(m))} |"
        for m in told
    ]
    others = len(rehearsal.migrations) - len(told)
    more = [f"| and {plural(others, 'other')} | | |"] if others else []
    return ["", "| migration | verdict | findings |", "|---|---|---|", *rows, *more]


def _details(migration: MigrationRehearsal, tables: Tables) -> list[str]:
    rows = [
        row for statement in migration.statements for row in _rows(statement, migration, tables)
    ]
    more = [f"| | and {plural(len(rows) - _ROWS, 'more statement')} | |"] * (len(rows) > _ROWS)
    head = ["| line | statement | locks; others wait |", "|--:|---|---|"]
    table = [*head, *rows[:_ROWS], *more, ""]
    problems = problems_of_all(migration)
    return [
        *_summary_of(migration),
        *(table if rows else []),
        *(line for problem in problems for line in _problem(problem)),
        "</details>",
    ]


def _brief(migration: MigrationRehearsal) -> list[str]:
    """Return the findings without the statements and without SQL."""
    problems = problems_of_all(migration)
    told = [line for problem in problems[:_ITEMS] for line in _problem(problem, brief=True)]
    more = len(problems) - _ITEMS
    tail = [f"- and {more} more", ""] if more > 0 else []
    return [*_summary_of(migration), *told, *tail, "</details>"]


def _summary_of(migration: MigrationRehearsal) -> list[str]:
    said = f"{code(migration.step.label, 80)}: {migration.verdict.value}"
    counts = counts_words(problems_of_all(migration))
    return [f"<details><summary>{said}, {counts}</summary>", ""]


def _rows(
    statement: StatementRehearsal, migration: MigrationRehearsal, tables: Tables
) -> list[str]:
    locks = locks_of(statement)
    effects = effects_of(statement.trace, tables)
    matters = any(each.matters for each in effects)
    if not (locks or matters or problems_of(statement)):
        return []
    line = statement.location.line or statement.trace.statement.line
    sized = {lock.relation for lock in locks}
    does = [
        code(short_sql(statement.trace.statement, 120)),
        *(plain(e.words if e.table in sized else str(e), 300) for e in effects),
    ]
    held = []
    for lock in locks[:_LOCKS]:
        size = size_words(lock.size)
        on = f"{lock.mode.words} on {code(lock.relation, 80)}" + (f" ({size})" if size else "")
        waits = f"{blocks_words(lock.blocks)}, {duration_of_lock(lock, migration)}"
        held.append(f"{on}: **{waits}**")
    if len(locks) > _LOCKS:
        held.append(f"and {len(locks) - _LOCKS} more")
    return [f"| {line} | {'<br>'.join(does)} | {'<br>'.join(held)} |"]


def _problem(problem: Problem, *, brief: bool = False) -> list[str]:
    place = problem.location
    where = f" line {place.line}," if place is not None and place.line else ""
    if problem.accepted is not None:
        reason = plain(problem.accepted, 500)
        return [
            f"- accepted,{where} {code(problem.rule)}: {plain(problem.message)}: {reason}",
            "",
        ]
    sign = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.NOTICE: "ℹ️"}
    head = f"{sign[problem.severity]} **{problem.severity.value}**,{where} {code(problem.rule)}:"
    lines = [f"- {head} {plain(problem.message)}", ""]
    if brief:
        return lines
    if problem.safer:
        count = len(problem.safer)
        lines += ["Safer:" if count == 1 else f"Safer, as {count} migrations:", ""]
        lines += [*fenced(safer_text(problem.safer)), ""]
    if problem.advice:
        lines += [f"Hint: {plain(problem.advice)}", ""]
    return lines


def _tail(rehearsal: Rehearsal) -> list[str]:
    lines: list[str] = []
    if rehearsal.across:
        lines += ["", "**Across migrations**", ""]
        for finding in rehearsal.across[:_ITEMS]:
            lines += _problem(problem_of(finding), brief=True)
        more = len(rehearsal.across) - _ITEMS
        lines += [f"- and {more} more", ""] if more > 0 else []
    for heading, items in limits(rehearsal):
        lines += [
            "",
            f"{heading[:1].upper()}{heading[1:]}:" if heading else f"<b>{plain(items[0])}</b>",
        ]
        lines += [f"- {plain(item, 300)}" for item in items[:_ITEMS] if heading]
        lines += [f"- and {len(items) - _ITEMS} more"] * (len(items) > _ITEMS)
    return lines
