"""A rehearsal → lines for people, that fit a terminal of 100 columns. No I/O."""

from collections.abc import Sequence

from banister.errors import Location, Severity
from banister.rehearsal import (
    HeldLock,
    MigrationRehearsal,
    Rehearsal,
    StatementRehearsal,
    Verdict,
)
from banister.rehearsal.sizes import size_words
from banister.report.rehearsal.effects import Tables, effects_of, tables_of
from banister.report.rehearsal.grid import Cell, Mark, cut, rows, wrap
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
    visible,
    visible_lines,
)
from banister.report.style import Style, columns, duration, plural

__all__ = ["rehearsal_lines"]

_WIDTH = 100
_INDENT = 4
#: Of line, statement, lock, and what others wait for.
_WIDTHS = (4, 36, 30, 20)
_HEADINGS = ("line", "statement", "lock", "others wait")
#: More statements and findings of one migration are counted.
_ROWS = 60
_FINDINGS = 50
#: Locks of one statement, and names of a heading's note, that are told one by one.
_LOCKS = 6
_ITEMS = 8


def rehearsal_lines(rehearsal: Rehearsal, style: Style) -> list[str]:
    """Return each migration with its verdict and, where there is more to say, what is behind it.

    What is bad is told with the SQL to write instead, which is shown once however often it is
    proposed. No line is wider than 100 columns but those of such SQL and of paths.
    """
    teller = _Teller(rehearsal, style)
    lines: list[str] = []
    for head, migration in zip(teller.heads(), rehearsal.migrations, strict=True):
        details = teller.details(migration)
        if lines and details and lines[-1]:
            lines.append("")
        lines.append(head)
        lines += ["", *details, ""] if details else []
    if rehearsal.across:
        lines += ["", f"  {style.bold('across migrations')}", ""]
        for number, finding in enumerate(rehearsal.across):
            lines += [""] * bool(number) + teller.problem(problem_of(finding))
    lines += ["", *teller.limits(), *teller.summary()]
    return _without_double_blanks(lines)


def _without_double_blanks(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return kept


class _Teller:
    """Says one rehearsal; remembers what SQL it has shown."""

    def __init__(self, rehearsal: Rehearsal, style: Style) -> None:
        self._rehearsal = rehearsal
        self._style = style
        self._tables: Tables = tables_of(rehearsal)
        self._shown: dict[tuple[str, ...], Problem] = {}

    def heads(self) -> list[str]:
        """Return the line of each migration."""
        each = self._rehearsal.migrations
        if not each:
            return []
        longest = max(len(visible(m.step.version.text)) for m in each)
        name = max(24, _WIDTH - 2 - longest - 2 - 2 - 23 - 2 - 30)
        table: list[list[tuple[str, str]]] = []
        for migration in each:
            version, note = visible(migration.step.version.text), self._note(migration)
            label, verdict = cut(visible(migration.step.name), name), migration.verdict
            table.append(
                [
                    (version, self._style.bold(version)),
                    (label, label),
                    (verdict.value, self._verdict(verdict)(verdict.value)),
                    note,
                ]
            )
        return columns(table)

    def _verdict(self, verdict: Verdict) -> Mark:
        match verdict:
            case Verdict.SAFE:
                return self._style.good
            case Verdict.BRIEF_LOCK:
                return self._style.bold
            case Verdict.NOT_CERTIFIED | Verdict.BLOCKS_WRITES:
                return self._style.warn
        return self._style.bad

    def _note(self, migration: MigrationRehearsal) -> tuple[str, str]:
        problems = problems_of_all(migration)
        if problems:
            said = cut(counts_words(problems), 30)
            return said, said
        held = {lock.relation: lock for s in migration.statements for lock in locks_of(s)}
        if not held:
            return "", ""
        first = max(held.values(), key=lambda lock: (lock.mode, lock.size.size_bytes or 0))
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        said = cut(f"locks {visible(first.relation)}", 30 - len(more)) + more
        return said, self._style.dim(said)

    def details(self, migration: MigrationRehearsal) -> list[str]:
        """Return what is behind a verdict; nothing where there is no finding."""
        problems = problems_of_all(migration)
        if not problems:
            return []
        lines = self._table(migration)
        for problem in problems[:_FINDINGS]:
            lines += [*([""] if lines else []), *self.problem(problem)]
        return [*lines, *self._more(len(problems) - _FINDINGS, "more finding")]

    def _more(self, count: int, what: str) -> list[str]:
        if count <= 0:
            return []
        return [
            "",
            " " * _INDENT + self._style.dim(f"and {plural(count, what)}, told with --format json"),
        ]

    def _table(self, migration: MigrationRehearsal) -> list[str]:
        told = [each for each in migration.statements if self._matters(each)]
        lines = []
        if told:
            cells: list[Cell] = [[(word, self._style.dim(word))] for word in _HEADINGS]
            lines = rows(cells, _WIDTHS, _INDENT)
            holders = [each for each in told if locks_of(each)]
            lines += [line for each in told[:_ROWS] for line in self._row(each, holders, migration)]
            lines += self._more(len(told) - _ROWS, "more statement")
        quiet = len(migration.statements) - len(told)
        if quiet:
            said = f"{plural(quiet, 'other statement' if told else 'statement')} nobody waits for"
            lines.append(" " * _INDENT + self._style.dim(said))
        return lines

    def _matters(self, statement: StatementRehearsal) -> bool:
        if locks_of(statement) or problems_of(statement):
            return True
        return any(each.matters for each in effects_of(statement.trace, self._tables))

    def _row(
        self,
        statement: StatementRehearsal,
        holders: Sequence[StatementRehearsal],
        migration: MigrationRehearsal,
    ) -> list[str]:
        style, (_, width, *_rest) = self._style, _WIDTHS
        line = str(statement.location.line or statement.trace.statement.line)
        number = f"{line:>{_WIDTHS[0]}}"
        does: Cell = [
            (each, each) for each in wrap(short_sql(statement.trace.statement, 200), width, 2)
        ]
        locks = locks_of(statement)
        sized = {lock.relation for lock in locks}
        for effect in effects_of(statement.trace, self._tables):
            told = effect.words if effect.table in sized else str(effect)
            does += self._bullet(told, width, style.bold)
        if statement.trace.failure is not None:
            does += self._bullet("fails", width, style.bad)
        modes, waits = self._locks(locks, migration)
        if not locks:
            modes = self._earlier(statement, holders)
        return rows([[(number, number)], does, modes, waits], _WIDTHS, _INDENT)

    @staticmethod
    def _bullet(text: str, width: int, mark: Mark) -> Cell:
        first, *rest = wrap(visible(text), width - 2, 4)
        return [(f"· {first}", mark(f"· {first}")), *((f"  {x}", mark(f"  {x}")) for x in rest)]

    def _earlier(
        self, statement: StatementRehearsal, holders: Sequence[StatementRehearsal]
    ) -> Cell:
        """Return under whose lock a statement works that takes none of its own."""
        number = statement.trace.number
        lines = (
            each.location.line
            for each in holders
            if each.trace.number < number
            and any(lock.held_through >= number for lock in locks_of(each))
        )
        line = next(lines, None)
        said = f"under the lock of line {line}" if line else ""
        return [(each, self._style.dim(each)) for each in wrap(said, _WIDTHS[2])]

    def _locks(self, locks: Sequence[HeldLock], migration: MigrationRehearsal) -> tuple[Cell, Cell]:
        modes: Cell = []
        waits: Cell = []
        for lock in locks[:_LOCKS]:
            mark = self._style.bad if "reads" in lock.blocks else self._style.warn
            name = wrap(f"{lock.mode.words} on {visible(lock.relation)}", _WIDTHS[2], 3)
            modes += [(each, each) for each in name]
            size = size_words(lock.size)
            modes += [(size, self._style.bold(size))] if size else []
            how_long = duration_of_lock(lock, migration)
            said = wrap(f"{blocks_words(lock.blocks)}, {how_long}", _WIDTHS[3])
            waits += [(each, mark(each)) for each in said]
            height = max(len(modes), len(waits))
            modes += [("", "")] * (height - len(modes))
            waits += [("", "")] * (height - len(waits))
        if len(locks) > _LOCKS:
            more = f"and {plural(len(locks) - _LOCKS, 'lock')} more"
            modes.append((more, self._style.dim(more)))
        return modes, waits

    def problem(self, problem: Problem) -> list[str]:
        """Return what is wrong, where, and what to write instead."""
        style, pad = self._style, " " * _INDENT
        if problem.accepted is not None:
            return self._accepted(problem)
        mark = {
            Severity.ERROR: style.bad,
            Severity.WARNING: style.warn,
            Severity.NOTICE: style.dim,
        }[problem.severity]
        label = f"{problem.severity.value}:"
        first, *rest = wrap(f"{label} {visible(problem.message)}", _WIDTH - _INDENT - 2)
        lines = [pad + mark(label) + first[len(label) :], *(f"{pad}  {each}" for each in rest)]
        lines += self._place(problem.location, problem.rule)
        lines += self._safer(problem)
        if problem.advice:
            lines += self._labelled("hint:", visible(problem.advice))
        return lines

    def _accepted(self, problem: Problem) -> list[str]:
        said = f"accepted: {visible(problem.message)}: {visible(problem.accepted or '')}"
        lines = wrap(said, _WIDTH - _INDENT - 2)
        return [
            *(
                " " * (_INDENT + 2 * bool(n)) + self._style.dim(each)
                for n, each in enumerate(lines)
            ),
            *self._place(problem.location, problem.rule),
        ]

    def _place(self, location: Location | None, rule: str) -> list[str]:
        pad = " " * (_INDENT + 2)
        place = "" if location is None else f"--> {visible(str(location))}"
        one = f"{pad}{place}  {rule}" if place else f"{pad}{rule}"
        if len(one) <= _WIDTH or not place:
            return [self._style.dim(one)]
        return [self._style.dim(f"{pad}{place}"), self._style.dim(f"{pad}    {rule}")]

    def _safer(self, problem: Problem) -> list[str]:
        pad, style = " " * (_INDENT + 2), self._style
        if not problem.safer:
            return []
        before = self._shown.setdefault(problem.safer, problem)
        if before is not problem:
            line = before.location.line if before.location else None
            where = f" for line {line}" if line and before.location else ""
            return [f"{pad}{style.bold('safer:')} as above{where}"]
        count = len(problem.safer)
        head = "safer:" if count == 1 else f"safer, as {count} migrations:"
        text = visible_lines(safer_text(problem.safer))
        return [pad + style.bold(head), *(f"{pad}  {line}".rstrip() for line in text.split("\n"))]

    def _labelled(self, label: str, text: str) -> list[str]:
        pad = " " * (_INDENT + 2)
        first, *rest = wrap(text, _WIDTH - len(pad) - len(label) - 1)
        inner = " " * (len(label) + 1)
        return [
            f"{pad}{self._style.bold(label)} {first}",
            *(f"{pad}{inner}{each}" for each in rest),
        ]

    def limits(self) -> list[str]:
        """Return what was not seen, or not tried."""
        lines: list[str] = []
        for heading, items in limits(self._rehearsal):
            if not heading:
                lines += [self._style.warn(each) for each in wrap(items[0], _WIDTH)]
                continue
            lines.append(f"{heading}:")
            for item in items[:_ITEMS]:
                first, *rest = wrap(item, _WIDTH - 2, 3)
                lines += [f"  {first}", *(f"  {each}" for each in rest)]
            lines += [f"  … and {len(items) - _ITEMS} more"] * (len(items) > _ITEMS)
        return [*lines, ""] if lines else []

    def summary(self) -> list[str]:
        """Return what was tried, and what it all comes to."""
        rehearsal = self._rehearsal
        if not rehearsal.migrations:
            return ["nothing to rehearse"]
        count = plural(len(rehearsal.migrations), "migration")
        on = f" on {visible(rehearsal.server)}" if rehearsal.server else ""
        copied = f"; the copy is {visible(rehearsal.copied)}" if rehearsal.copied else ""
        lead = f"{count} rehearsed in {duration(rehearsal.duration_ms)}{on}{copied}"
        verdict = self._verdict(rehearsal.verdict)(rehearsal.verdict.value)
        found = counts_words(all_problems(rehearsal))
        return [*wrap(lead, _WIDTH), f"{verdict}: {found}" if found else verdict]
