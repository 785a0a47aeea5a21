"""Going on with a migration that an earlier run left half done. No I/O."""

import re
from dataclasses import replace

from banister.errors import Finding, Location, Severity
from banister.model import Dialect, Statement, Step, TransactionMode, Unfinished
from banister.script import checksum, traits, work_of

__all__ = ["lives_in_session", "only_sets", "resume"]

_BARE_SET_CONFIG = re.compile(
    r"\s*SELECT\s+(?:pg_catalog\s*\.\s*)?set_config\s*\([^()]*\)\s*;?\s*", re.IGNORECASE
)


#: What lives in a session and ends with it: first words of statements that make it.
_SESSION_STATE = (
    ("CREATE", "TEMP"),
    ("CREATE", "TEMPORARY"),
    ("CREATE", "LOCAL"),
    ("CREATE", "GLOBAL"),
    ("DECLARE",),
    ("LISTEN",),
    ("PREPARE",),
)


#: A database in memory, or one without a name, ends with its connection.
_ATTACHES_NOTHING_KEPT = re.compile(r"ATTACH\s+(?:DATABASE\s+)?'(?::memory:)?'", re.IGNORECASE)

#: Pragmas whose value is kept in the file: https://www.sqlite.org/pragma.html
_KEPT_IN_FILE = frozenset(
    ("application_id", "auto_vacuum", "encoding", "journal_mode", "page_size", "user_version")
)


def resume(
    step: Step, unfinished: Unfinished, dialect: Dialect
) -> tuple[Step, tuple[Finding, ...]]:
    """Return the step that goes on behind the finished statements, or why that cannot be.

    A statement whose end is not known is looked for in the catalog by the run itself; where no
    catalog can tell, an error asks for a decision.
    """
    done = len(unfinished.done)
    now = tuple(checksum(statement.text) for statement in step.statements[:done])
    if now != unfinished.done:
        return step, (_edited(step, done),)
    for number, statement in enumerate(step.statements[:done], start=1):
        if lives_in_session(statement, dialect):
            return step, (_session_is_gone(step, number, done),)
    if unfinished.in_flight:
        return _in_flight(step, unfinished, dialect)
    if not done:
        return step, ()
    note = (
        f"resumes at statement {done + 1}: an earlier run finished those before it"
        if done < len(step.statements)
        else "an earlier run finished every statement: only the record is missing"
    )
    return _behind(step, done, note), ()


def _behind(step: Step, done: int, note: str, *, in_question: str | None = None) -> Step:
    return replace(
        step,
        done=done,
        in_question=in_question,
        mode=TransactionMode.STATEMENTS,
        notes=(*step.notes, note),
    )


def _in_flight(
    step: Step, unfinished: Unfinished, dialect: Dialect
) -> tuple[Step, tuple[Finding, ...]]:
    done = len(unfinished.done)
    number = done + 1
    statement = step.statements[done] if done < len(step.statements) else None
    if statement is not None and dialect is Dialect.SQLITE:
        # What SQLite refuses inside a transaction (VACUUM, DETACH, journal_mode) can be repeated.
        note = f"resumes at statement {number}, which an earlier run had begun"
        return _behind(step, done, note), ()
    if statement is not None and work_of(statement) is not None:
        note = f"statement {number} was running when an earlier run ended: the catalog is asked"
        return _behind(step, done, note, in_question=unfinished.remembered or ""), ()
    return step, (_undecidable(step, number, statement, unfinished),)


def only_sets(statement: Statement, dialect: Dialect) -> bool:
    """Whether a statement does nothing but set something for its session: it may run again."""
    known = traits(statement, dialect)
    if dialect is Dialect.SQLITE:
        sets = known.pragma_sets and known.pragma not in _KEPT_IN_FILE
        return sets or known.words[:1] in {("ATTACH",), ("DETACH",)}
    if not known.session_settings:
        return False
    return (
        known.words[:1] in {("SET",), ("RESET",)}
        or _BARE_SET_CONFIG.fullmatch(statement.text) is not None
    )


def lives_in_session(statement: Statement, dialect: Dialect) -> bool:
    """Whether a statement makes something that ends with its session, such as a TEMP table."""
    known = traits(statement, dialect)
    if known.session_settings and not only_sets(statement, dialect):
        return True
    words = known.words
    if dialect is Dialect.SQLITE and _ATTACHES_NOTHING_KEPT.match(statement.text):
        return True
    if words[:1] == ("CREATE",) and any(word.startswith("TEMP.") for word in words):
        return True
    return any(words[: len(start)] == start for start in _SESSION_STATE) and words[:2] != (
        "PREPARE",
        "TRANSACTION",
    )


def _place(step: Step, number: int, statement: Statement | None) -> Location:
    if statement is None:
        return Location(path=step.script.source.path)
    note = f"{step.direction}, statement {number} of {len(step.statements)}"
    return step.script.source.locate(statement.start, note=note)


def _edited(step: Step, done: int) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="unfinished_edited",
        message=f"{step.label} ({step.direction}) is half done, and one of its first {done} "
        "statements, which are finished, was edited since",
        location=Location(path=step.script.source.path),
        hint="undo the edit; only statements behind them may change",
        version=step.version.text,
    )


def _session_is_gone(step: Step, number: int, done: int) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="unfinished_session_state",
        message=f"{step.label} ({step.direction}) is half done, and what statement {number} made "
        "ended with the session of that run",
        location=_place(step, number, step.statements[number - 1]),
        hint=f"statements 1 to {done} are finished; decide from where to run on: "
        f"`banister repair {step.version} --retry {number}` runs statement {number} and all "
        "behind it again",
        version=step.version.text,
    )


def _undecidable(
    step: Step, number: int, statement: Statement | None, unfinished: Unfinished
) -> Finding:
    failed = f"; the server said: {unfinished.error}" if unfinished.error else ""
    return Finding(
        severity=Severity.ERROR,
        code="unfinished_in_flight",
        message=f"{step.label} ({step.direction}) is half done: statement {number} was running "
        f"when the run ended, and no catalog can tell whether it took effect{failed}",
        location=_place(step, number, statement),
        hint=f"look at the database, then decide: `banister repair {step.version} --done {number}` "
        f"if it took effect, `banister repair {step.version} --retry {number}` to run it again",
        version=step.version.text,
    )
