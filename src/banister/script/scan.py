"""Text → statements with their places, for either dialect. No I/O."""

from dataclasses import dataclass
from difflib import get_close_matches

from banister.errors import ScriptError, UsageError
from banister.model import Dialect, Source, Statement
from banister.script.pieces import Problem
from banister.script.windows import placed, split

__all__ = ["Problem", "Scan", "scan", "split_statements"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The statements of a text, and what stands against splitting it."""

    statements: tuple[Statement, ...]
    #: In order of their offsets.
    problems: tuple[Problem, ...] = ()


def scan(text: str, dialect: Dialect) -> Scan:
    """Split `text` as psql, or as SQLite, does.

    Every statement's text stands in `text` at its `start`; an empty statement is left out. Never
    raises: what cannot be split is a problem, and where there is one the statements are not the
    whole text. Time is linear in the text's length.
    """
    found = split(text, dialect)
    return Scan(statements=tuple(placed(text, found.pieces)), problems=tuple(found.problems))


def split_statements(
    text: str, dialect: str | Dialect = Dialect.POSTGRESQL
) -> tuple[Statement, ...]:
    """Return the statements of `text` in order.

    Raises ScriptError at the first place that cannot be split, and UsageError for a dialect that
    is neither "postgresql" nor "sqlite".
    """
    found = scan(text, _dialect(dialect))
    if found.problems:
        problem = found.problems[0]
        raise ScriptError(
            problem.message,
            code=problem.code,
            location=Source(path="<text>", text=text).locate(problem.offset),
            hint=problem.hint,
        )
    return found.statements


def _dialect(name: str) -> Dialect:
    known = [dialect.value for dialect in Dialect]
    if name in known:
        return Dialect(name)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    raise UsageError(
        f'unknown dialect "{name}"',
        hint=f'did you mean "{near[0]}"?' if near else f"one of: {', '.join(known)}",
    )
