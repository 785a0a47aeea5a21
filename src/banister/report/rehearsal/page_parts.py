"""The parts of the page about one migration, as HTML. No I/O.

Everything that comes from files or servers goes through `escape` here.
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from banister.rehearsal import MigrationRehearsal, Rehearsal, StatementRehearsal, Verdict
from banister.rehearsal.rules import HAZARDS
from banister.rehearsal.sizes import size_words
from banister.report.rehearsal.effects import effects_of, tables_of
from banister.report.rehearsal.sql_html import marked_sql, numbered_sql
from banister.report.rehearsal.timeline import Row, Timeline, timeline_of
from banister.report.rehearsal.words import (
    Problem,
    blocks_words,
    duration_of_lock,
    locks_of,
    problem_of,
    problems_of,
    problems_of_all,
    shown_sql,
    visible,
)
from banister.report.style import plural

__all__ = ["Parts", "verdict_html"]

#: More are counted: a page has to be opened on a phone.
_STATEMENTS = 300
_QUIET = 20
_LOCKS = 8
#: Lines of a proposal that stand open.
_UNFOLDED = 12


def verdict_html(verdict: Verdict) -> str:
    """Return a verdict with its sign."""
    return (
        f'<span class="verdict t{verdict.rank}">{_icon(f"v-{verdict.rank}")}{verdict.value}</span>'
    )


class Parts:
    """Makes the parts of one page; numbers its findings."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._tables = tables_of(rehearsal)
        self._count = 0

    def migration(self, number: int, migration: MigrationRehearsal) -> str:
        """Return the section of a migration."""
        step = migration.step
        inner = self._timeline(number, migration) + self._statements(number, migration)
        if migration.findings:
            told = "".join(self.finding(problem_of(each), 4) for each in migration.findings)
            inner += (
                "<h3>The migration as a whole</h3>"
                f'<div class="whole"><div class="findings">{told}</div></div>'
            )
        calm = "" if problems_of_all(migration) else " calm"
        if calm:
            count = plural(len(migration.statements), "statement")
            inner = f"<details><summary>{count}, no findings</summary>{inner}</details>"
        return (
            f'<section class="migration{calm}" id="m{number}" aria-labelledby="m{number}-name">'
            f'<header><h2 id="m{number}-name">'
            f'<span class="version">{_text(step.version.text)}</span>'
            f"{_text(step.name)}</h2>{verdict_html(migration.verdict)}"
            f"<p><small>{_text(step.script.source.path)}</small></p></header>{inner}</section>"
        )

    def _timeline(self, number: int, migration: MigrationRehearsal) -> str:
        timeline = timeline_of(migration)
        head = "<h3>Who waits, from line to line</h3>"
        if not timeline.rows:
            return f"{head}<p>Nobody: no lock keeps others from tables that were there before.</p>"
        more = timeline.left_out
        said = f"<p><small>and {plural(more, 'more table')}</small></p>" if more else ""
        label = f"Locks of {_text(migration.step.label)}"
        return (
            f'{head}<div class="scroll" role="region" aria-label="{label}" tabindex="0">'
            f'<table class="timeline"><caption class="sr">{label}: a row for each table, a column '
            "for each place in the file</caption>"
            f"{_timeline_head(number, timeline)}<tbody>"
            f"{''.join(_timeline_row(row) for row in timeline.rows)}"
            f"</tbody></table></div>{said}"
        )

    def _statements(self, number: int, migration: MigrationRehearsal) -> str:
        told = ["<h3>Statements</h3>"] if migration.statements else []
        shown, left = 0, len(migration.statements)
        for loud, group in groupby(migration.statements, key=self._is_loud):
            each = list(group)
            if shown >= _STATEMENTS:
                break
            left -= len(each)
            if not loud:
                told.append(_quiet(number, each))
                continue
            fit = each[: _STATEMENTS - shown]
            told += [self._statement(number, one, migration) for one in fit]
            shown, left = shown + len(fit), left + len(each) - len(fit)
        if left:
            told.append(f"<p>and {plural(left, 'more statement')}</p>")
        return "".join(told)

    def _is_loud(self, statement: StatementRehearsal) -> bool:
        if locks_of(statement) or problems_of(statement):
            return True
        return any(each.matters for each in effects_of(statement.trace, self._tables))

    def _statement(
        self, number: int, statement: StatementRehearsal, migration: MigrationRehearsal
    ) -> str:
        problems = problems_of(statement)
        line, name = _line(statement), f"m{number}s{statement.trace.number}"
        facts = "".join(self._facts(statement, migration))
        lines = {problem.location.line for problem in problems if problem.location is not None}
        told = {each for each in lines if each is not None}
        found = "".join(self.finding(problem, 5) for problem in problems)
        aside = f'<div class="findings">{found}</div>' if problems else ""
        return (
            f'<article class="statement{" told" if problems else ""}" id="{name}" '
            f'aria-labelledby="{name}-name"><div class="head"><h4 id="{name}-name">Line {line}</h4>'
            f'<ul class="facts">{facts}</ul></div><div class="body">'
            f"<div>{_sql(statement, told)}</div>{aside}</div></article>"
        )

    def _facts(self, statement: StatementRehearsal, migration: MigrationRehearsal) -> list[str]:
        locks = locks_of(statement)
        sized = {lock.relation for lock in locks}
        facts = [
            f'<li class="does">{_text(each.words if each.table in sized else str(each))}</li>'
            for each in effects_of(statement.trace, self._tables)
        ]
        for lock in locks[:_LOCKS]:
            size = size_words(lock.size)
            on = f"{lock.mode.words} on {lock.relation}" + (f" ({size})" if size else "")
            waits = f"{blocks_words(lock.blocks)} wait {duration_of_lock(lock, migration)}"
            facts.append(f"<li>{_text(f'{on}: {waits}')}</li>")
        if len(locks) > _LOCKS:
            facts.append(f"<li>and {plural(len(locks) - _LOCKS, 'more lock')}</li>")
        return facts

    def finding(self, problem: Problem, level: int) -> str:
        """Return a finding; `level` is that of its heading."""
        self._count += 1
        name = f"f{self._count}"
        kind = "accepted" if problem.accepted is not None else problem.severity.value
        parts = [f'<p class="message">{_text(problem.message)}</p>']
        if problem.accepted is not None:
            parts.append(f'<p class="reason">Accepted: {_text(problem.accepted)}</p>')
        else:
            parts.append(_safer(problem, name))
        if problem.advice:
            parts.append(f'<p class="advice">{_text(problem.advice)}</p>')
        parts.append(_manual(problem.rule))
        return (
            f'<article class="finding {kind}" id="{name}" aria-labelledby="{name}-name">'
            f'<h{level} class="kind" id="{name}-name">{_icon(f"i-{kind}")}<span>{kind}</span>'
            f'<a href="#{name}">{_text(problem.rule)}</a></h{level}>{"".join(parts)}</article>'
        )


def _timeline_head(number: int, timeline: Timeline) -> str:
    cells = "".join(
        f'<th scope="col"><a href="#m{number}s{each.first}">line {each.words}</a></th>'
        for each in timeline.stretches
    )
    return f'<thead><tr><th scope="col">table</th>{cells}</tr></thead>'


def _timeline_row(row: Row) -> str:
    cells = []
    for span in row.spans:
        if span.lock is None:
            cells.append(f'<td colspan="{span.width}"><span class="sr">nobody waits</span></td>')
            continue
        kind = "all" if "reads" in span.lock.blocks else "writes"
        cells.append(
            f'<td colspan="{span.width}"><span class="bar {kind}">'
            f"<b>{blocks_words(span.lock.blocks)} wait</b> <small>{span.lock.mode.words}</small>"
            "</span></td>"
        )
    size = size_words(row.size)
    small = f" <small>{size}</small>" if size else ""
    return (
        f'<tr><th scope="row"><code>{_text(row.relation)}</code>{small}</th>{"".join(cells)}</tr>'
    )


def _quiet(number: int, statements: Sequence[StatementRehearsal]) -> str:
    first, last = _line(statements[0]), _line(statements[-1])
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    count = plural(len(statements), "statement")
    boxes = "".join(
        f'<div id="m{number}s{each.trace.number}">{_sql(each, set())}</div>'
        for each in statements[:_QUIET]
    )
    more = len(statements) - _QUIET
    tail = f"<p>and {plural(more, 'more statement')}</p>" if more > 0 else ""
    return (
        f'<details class="quiet"><summary>{count} nobody waits for, {where}</summary>'
        f"{boxes}{tail}</details>"
    )


def _sql(statement: StatementRehearsal, told: set[int]) -> str:
    shown = shown_sql(statement.trace.statement)
    note = f'<p class="cut-note"><small>{shown.note}</small></p>' if shown.note else ""
    code = numbered_sql(shown.text, statement.trace.statement.line, told)
    return f'<pre class="sql"><code>{code}</code></pre>{note}'


def _safer(problem: Problem, name: str) -> str:
    count = len(problem.safer)
    if not count:
        return ""
    boxes = []
    for number, text in enumerate(problem.safer, 1):
        which = f"migration {number} of {count}" if count > 1 else "one migration"
        label = f"Copy the safer SQL for {_text(problem.rule)}, {which}"
        boxes.append(
            f'<div class="sql-box"><div class="bar-top"><span>{which}</span>'
            f'<button type="button" class="copy" hidden aria-label="{label}" '
            f'aria-describedby="{name}-name"><span class="word">Copy</span></button></div>'
            f"{_folded(text.strip())}</div>"
        )
    return f'<div class="safer"><p>Safer</p>{"".join(boxes)}</div>'


def _folded(text: str) -> str:
    """Return SQL, folded where it is long; it is copied as a whole all the same."""
    code = f"<pre><code>{marked_sql(text)}</code></pre>"
    lines = text.count("\n") + 1
    if lines <= _UNFOLDED:
        return code
    return f"<details><summary>{lines} lines</summary>{code}</details>"


def _manual(rule: str) -> str:
    source = next((each.source for each in HAZARDS if each.rule == rule), None)
    if source is None:
        return ""
    return (
        f'<p class="manual"><a href="{escape(source)}" rel="noreferrer">The PostgreSQL manual on '
        f'this<span class="sr">: {_text(rule)}</span></a></p>'
    )


def _line(statement: StatementRehearsal) -> int:
    return statement.location.line or statement.trace.statement.line


def _text(text: str) -> str:
    return escape(visible(text))


def _icon(name: str) -> str:
    return f'<svg class="icon" aria-hidden="true" focusable="false"><use href="#{name}"/></svg>'
