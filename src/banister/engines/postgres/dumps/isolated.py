"""A schema for a scratch copy: the same to look at, and with no way to any other server."""

import re
from collections.abc import Callable

from banister.model import Dialect
from banister.script.windows import split

__all__ = ["isolated"]

#: Stands for every foreign-data wrapper: without a handler nothing behind it can be reached.
#: https://www.postgresql.org/docs/current/sql-createforeigndatawrapper.html
_NOWHERE = "banister_nowhere"
_NAME = r'(?:"(?:[^"]|"")*"|[^\s"();]+)'
_COMMENTS = r"\A(?P<before>(?:\s|--[^\n]*\n)*)"


def isolated(text: str) -> str:
    """Return a schema, as pg_dump writes it, for a database that must reach no other.

    Foreign servers lose their options and lead nowhere, user mappings are left out, foreign tables
    stay as they look. Schemas that are there already are no error. An event trigger fires as the
    role that loads the schema, since its own would have to be a superuser.
    """
    found = split(text, Dialect.POSTGRESQL)
    if found.problems:
        return text
    parts: list[str] = []
    at, foreign = 0, False
    for piece in found.pieces:
        statement = text[piece.start : piece.end]
        for pattern, rewrite in _REWRITES:
            match = pattern.match(statement)
            if match is not None:
                parts += [text[at : piece.start], rewrite(match)]
                at = piece.end
                foreign |= rewrite is _server
                break
    parts.append(text[at:])
    first = f"CREATE FOREIGN DATA WRAPPER {_NOWHERE};\n" if foreign else ""
    return first + "".join(parts)


def _nothing(_match: re.Match[str]) -> str:
    return ""


def _server(match: re.Match[str]) -> str:
    return f"CREATE SERVER {match['name']} FOREIGN DATA WRAPPER {_NOWHERE};"


def _wrapper(match: re.Match[str]) -> str:
    return f"CREATE FOREIGN DATA WRAPPER {match['name']};"


def _schema(match: re.Match[str]) -> str:
    return f"CREATE SCHEMA IF NOT EXISTS {match['name']};"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_COMMENTS + text.replace("NAME", rf"(?P<name>{_NAME})"))


_REWRITES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_pattern(r"CREATE USER MAPPING "), _nothing),
    (_pattern(r"CREATE SERVER NAME\s"), _server),
    (_pattern(r"CREATE FOREIGN DATA WRAPPER NAME"), _wrapper),
    (_pattern(r"CREATE SCHEMA NAME\s*;"), _schema),
    (_pattern(r"ALTER EVENT TRIGGER NAME OWNER TO "), _nothing),
    (_pattern(r"ALTER FOREIGN DATA WRAPPER NAME OWNER TO "), _nothing),
)
