"""Text → statements with their places, for either dialect. No I/O."""

from dataclasses import dataclass
from difflib import get_close_matches

from banister.errors import ScriptError, UsageError
from banister.model import Dialect, Source, Statement
from banister.script.pieces import Piece, Problem
from banister.script.postgres import split_postgres
from banister.script.sqlite import split_sqlite

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
    split = split_postgres if dialect is Dialect.POSTGRESQL else split_sqlite
    pieces, problems = split(text)
    return Scan(statements=tuple(_placed(text, pieces)), problems=tuple(problems))


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


def _placed(text: str, pieces: list[Piece]) -> list[Statement]:
    """Count lines from one piece to the next, so that the whole text is gone through once."""
    statements = []
    has_cr = "\r" in text
    line, line_start, last = 1, 0, 0
    for start, end, copy_start, copy_end in pieces:
        if has_cr:
            # No piece starts between CR and LF, so that each pair is counted once.
            breaks = text.count("\n", last, start) + text.count("\r", last, start)
            line += breaks - text.count("\r\n", last, start)
            newline = max(text.rfind("\n", last, start), text.rfind("\r", last, start))
        else:
            line += text.count("\n", last, start)
            newline = text.rfind("\n", last, start)
        if newline >= 0:
            line_start = newline + 1
        last = start
        statements.append(
            Statement(
                text=text[start:end],
                start=start,
                line=line,
                column=start - line_start + 1,
                copy_start=copy_start,
                copy_end=copy_end,
            )
        )
    return statements
