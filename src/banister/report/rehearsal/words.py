"""What all reports of a rehearsal say in the same words: sizes, locks, SQL, what is wrong. No I/O.

Names and SQL come from strangers: what is made of them here holds no control character.
"""

import re
from dataclasses import dataclass, replace

from banister.errors import Failure, Location, Severity
from banister.model import RelationKind, Statement
from banister.model.passwords import hide_passwords
from banister.rehearsal import (
    HazardFinding,
    HeldLock,
    MigrationRehearsal,
    Rehearsal,
    StatementRehearsal,
)
from banister.report.style import plural

__all__ = [
    "Problem",
    "ShownSql",
    "all_problems",
    "blocks_words",
    "counts_words",
    "duration_of_lock",
    "limits",
    "locks_of",
    "origin_of",
    "problem_of",
    "problems_of",
    "problems_of_all",
    "safer_text",
    "short_sql",
    "shown_sql",
    "visible",
    "visible_lines",
]

#: Characters of a statement that are shown.
_SHOWN = 2_000
#: Characters in which passwords are looked for; those that tell of one may stand far before it.
_LOOKED_AT = 22_000
_BETWEEN_FILES = "-- then, in a migration of its own:"
#: Control characters, and those that turn the direction of the text around them.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"\s+")
_INDEXES = frozenset({RelationKind.INDEX, RelationKind.PARTITIONED_INDEX})
_ASIDE = frozenset({RelationKind.TOAST})
_FAILS = "fails"
_FAILS_ON_ROWS = "fails-on-rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSql:
    """The SQL of a statement as it is shown, without passwords."""

    text: str
    #: Characters that the statement has; None: all are shown.
    cut_from: int | None = None

    @property
    def note(self) -> str | None:
        """What is left out; None: nothing."""
        if self.cut_from is None:
            return None
        return f"the first {len(self.text):,} of {self.cut_from:,} characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a statement or a migration: a finding, or a refusal by the server."""

    rule: str
    severity: Severity
    message: str
    safer: tuple[str, ...] = ()
    advice: str | None = None
    location: Location | None = None
    accepted: str | None = None


def visible(text: str) -> str:
    """Return a text on one line, without characters that cannot be seen."""
    return _UNSEEN.sub("\ufffd", _SPACE.sub(" ", text)).strip()


def visible_lines(text: str) -> str:
    """Return a text with its lines, without characters that cannot be seen."""
    return _UNSEEN.sub("\ufffd", re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text))


def origin_of(statement: Statement) -> str:
    """Return as much of a statement as is looked through for passwords."""
    return statement.text[:_LOOKED_AT]


def shown_sql(statement: Statement) -> ShownSql:
    """Return a statement's SQL without passwords, cut where it is very long."""
    text = hide_passwords(origin_of(statement))
    if len(text) <= _SHOWN and len(statement.text) <= _LOOKED_AT:
        return ShownSql(text=text)
    return ShownSql(text=text[:_SHOWN], cut_from=len(statement.text))


def short_sql(statement: Statement, width: int) -> str:
    """Return the beginning of a statement on one line."""
    text = visible(shown_sql(statement).text)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def locks_of(statement: StatementRehearsal) -> tuple[HeldLock, ...]:
    """Return the locks of a statement that others wait for, without those that say nothing more.

    Whoever waits for a table does not come as far as its indexes.
    """
    blocking = [lock for lock in statement.locks if lock.blocks and lock.kind not in _ASIDE]
    tables = [lock for lock in blocking if lock.kind not in _INDEXES]
    indexes = [
        lock
        for lock in blocking
        if lock.kind in _INDEXES and not any(set(lock.blocks) <= set(t.blocks) for t in tables)
    ]
    return (*tables, *indexes)


def blocks_words(blocks: tuple[str, ...]) -> str:
    """Return what waits, for example "reads and writes"."""
    return " and ".join(blocks)


def duration_of_lock(lock: HeldLock, migration: MigrationRehearsal) -> str:
    """Return how long a lock is held, in lines of the file."""
    if lock.held_through <= lock.taken_by:
        return "while it runs"
    # They are numbered one after the other, and a file may have very many of them.
    place = lock.held_through - migration.statements[0].trace.number
    if not 0 <= place < len(migration.statements):
        return f"through statement {lock.held_through}"
    last = migration.statements[place]
    return f"through line {last.location.line or last.trace.statement.line}"


def safer_text(safer: tuple[str, ...]) -> str:
    """Return the files of a proposal as one text, a comment line between them."""
    return f"\n{_BETWEEN_FILES}\n".join(text.strip("\n") for text in safer)


def problems_of(statement: StatementRehearsal) -> tuple[Problem, ...]:
    """Return the findings of a statement, and what the server refuses if no finding tells it."""
    origin = origin_of(statement.trace.statement)
    told = tuple(problem_of(finding, origin) for finding in statement.findings)
    trace = statement.trace
    for rule, failure in ((_FAILS, trace.failure), (_FAILS_ON_ROWS, trace.failure_on_rows)):
        if failure is None:
            continue
        refusal = _refusal(rule, failure, statement, origin)
        if any(failure.message in each.message for each in statement.findings):
            told = tuple(
                replace(each, advice=each.advice or refusal.advice)
                if failure.message in finding.message
                else each
                for each, finding in zip(told, statement.findings, strict=True)
            )
        else:
            return (refusal, *told)
    return told


def problems_of_all(migration: MigrationRehearsal) -> tuple[Problem, ...]:
    """Return what is wrong with a migration: with its statements, then as a whole."""
    each = tuple(problem for s in migration.statements for problem in problems_of(s))
    return (*each, *(problem_of(finding) for finding in migration.findings))


def problem_of(finding: HazardFinding, origin: str = "") -> Problem:
    """Return a finding without what stands as a password in it, or in the SQL it is about."""
    return Problem(
        rule=finding.rule,
        severity=finding.severity,
        message=hide_passwords(finding.message, origin),
        safer=tuple(hide_passwords(text, origin) for text in finding.safer),
        advice=None if finding.advice is None else hide_passwords(finding.advice, origin),
        location=finding.location,
        accepted=finding.accepted,
    )


def all_problems(rehearsal: Rehearsal) -> tuple[Problem, ...]:
    """Return what is wrong with each migration, then with several of them together."""
    each = tuple(problem for one in rehearsal.migrations for problem in problems_of_all(one))
    return (*each, *(problem_of(finding) for finding in rehearsal.across))


def _refusal(rule: str, failure: Failure, statement: StatementRehearsal, origin: str) -> Problem:
    code = f" [{failure.sqlstate}]" if failure.sqlstate else ""
    when = "fails where there are rows: " if rule is _FAILS_ON_ROWS else "fails: "
    said = "; ".join(text for text in (failure.detail, failure.server_hint) if text)
    return Problem(
        rule=rule,
        severity=Severity.ERROR,
        message=hide_passwords(f"{when}{failure.message}{code}", origin),
        advice=hide_passwords(said, origin) if said else None,
        location=statement.location,
    )


def counts_words(problems: tuple[Problem, ...]) -> str:
    """Return how many there are of each kind, for example "2 errors, 1 accepted"."""
    open_ones = [each for each in problems if each.accepted is None]
    counts = [(sum(p.severity is kind for p in open_ones), kind.value) for kind in Severity]
    said = [plural(count, word) for count, word in counts if count]
    accepted = len(problems) - len(open_ones)
    return ", ".join([*said, *([f"{accepted} accepted"] if accepted else [])])


def limits(rehearsal: Rehearsal) -> list[tuple[str, list[str]]]:
    """Return what the rehearsal could not see, or did not try: a heading and its items each."""
    parts = [
        ("", [rehearsal.not_certified] if rehearsal.not_certified else []),
        ("not tried, behind one that cannot run", [step.label for step in rehearsal.not_tried]),
        ("could not be looked at", list(rehearsal.lost_probes)),
        ("no rows could be put into", [str(each) for each in rehearsal.unfilled]),
    ]
    return [(heading, [visible(item) for item in items]) for heading, items in parts if items]
