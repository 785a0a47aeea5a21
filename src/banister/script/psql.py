"""What a psql command in a migration file should be instead, as rows of data. No I/O."""

import re

from banister.script.pieces import Problem

__all__ = ["SKIPPED", "backslash_problem", "command_name"]

#: pg_dump frames its output with these since 2025; they mean nothing to a server.
SKIPPED = frozenset({"restrict", "unrestrict"})

_NAME = re.compile(r"\\([;:]|[^\s\\]*)")

_INCLUDE = "write those statements into this file, or give them a migration of their own"
_COPY = "write `COPY … FROM stdin;` with the rows below it and a line `\\.` behind them"
_CONNECT = "a migration runs on one database: choose it with --url or --env"
_VARIABLE = "psql variables are not substituted: write the value into the statement"
_SEND = "end the statement with `;`"
_BRANCH = "write the condition in SQL, for example in a DO block"
_SAY = "write a comment, or RAISE NOTICE in a DO block"
_SEPARATE = "write `;`: each statement is sent alone"
_OTHER = "take the line out: only psql knows this command"

_HINTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"i", "ir", "include", "include_relative"}), _INCLUDE),
    (frozenset({"copy"}), _COPY),
    (frozenset({"c", "connect"}), _CONNECT),
    (frozenset({"set", "unset", "prompt", "gset", "getenv", "setenv"}), _VARIABLE),
    (frozenset({"if", "elif", "else", "endif"}), _BRANCH),
    (frozenset({"g", "gx", "gdesc", "gexec", "watch", "crosstabview", "bind", "p", "r"}), _SEND),
    (frozenset({"echo", "qecho", "warn"}), _SAY),
    (frozenset({";"}), _SEPARATE),
    (frozenset({":"}), "write `:` without the backslash"),
    (frozenset({"encoding"}), "save the file as UTF-8 and take the line out"),
    (frozenset({"!"}), "run shell commands outside of migrations"),
    (frozenset({""}), "take the backslash out, or put the text in quotes"),
)


def command_name(text: str, offset: int) -> str:
    """Return the name of the psql command whose backslash stands at `offset`."""
    match = _NAME.match(text, offset)
    return match.group(1) if match else ""


def backslash_problem(name: str, offset: int, *, inside: bool) -> Problem:
    """Return why the psql command `name` is refused, with what to write instead."""
    if name in SKIPPED:
        return Problem(
            code="psql_command",
            offset=offset,
            message=f"the psql command \\{name} stands inside a statement",
            hint="end the statement before it with `;`",
        )
    if name == "." and not inside:
        return Problem(
            code="copy_end",
            offset=offset,
            message="`\\.` without a COPY … FROM stdin above it",
            hint="take the line out, or write the COPY statement above its rows",
        )
    hint = next((hint for names, hint in _HINTS if name in names), _OTHER)
    return Problem(
        code="psql_command",
        offset=offset,
        message=f"the psql command \\{name} is not SQL"
        if name
        else "a backslash outside of quotes",
        hint=hint,
    )
