"""The tokens of each dialect: where one begins, where it ends, of what kind it is. No I/O.

The rules are those of psql 18 and of SQLite's `sqlite3_complete`; a token never raises, an open
quote or comment is a token that is not closed.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from banister.model import Dialect

__all__ = [
    "IN_WORD",
    "LETTER",
    "Token",
    "TokenKind",
    "postgres_token",
    "significant",
    "sqlite_token",
    "tokens",
]


class TokenKind(Enum):
    """What a token is."""

    SPACE = "space"
    COMMENT = "comment"
    #: A keyword or an unquoted identifier.
    WORD = "word"
    #: A quoted identifier.
    QUOTED = "quoted identifier"
    STRING = "string"
    #: A string between dollar tags.
    DOLLAR = "dollar-quoted string"
    NUMBER = "number"
    #: One operator character, a psql variable or a parameter.
    OTHER = "other"


class Token(NamedTuple):
    """One token of a text; a plain tuple, since a text has very many of them."""

    kind: TokenKind
    start: int
    end: int
    #: False: a quote or comment that the text ends in.
    closed: bool = True


# All characters beyond ASCII are letters. The classes say what is none: one that lists all that are
# takes longer to compile than a short command may take.
LETTER = r"[^\x00-@\[-^`{-\x7f]"
#: A letter or digit.
_TAG = r"[^\x00-/:-@\[-^`{-\x7f]"
#: What a word goes on with: a letter, a digit or `$`.
IN_WORD = r"[^\x00-\x23%-/:-@\[-^`{-\x7f]"
#: SQLite: what a word begins with: a letter or `$`.
_SQLITE_FIRST = r"[^\x00-\x23%-@\[-^`{-\x7f]"
_WORD = rf"{LETTER}{IN_WORD}*+"
_DIGITS = r"[0-9](?:_?[0-9])*+"

# Junk after a number belongs to it (`1e'` begins no E-string), as in the server since 15.
_POSTGRES = re.compile(
    rf"""
      (?P<space>[ \t\n\r\f\v]++)
    | (?P<comment>--[^\n\r]*+)
    | (?P<block>/\*)
    | (?P<escape>[eE]')
    | (?P<string>(?:[uU]&|[bBxXnN])?+'[^']*+(?:''[^']*+)*+(?P<string_end>')?+)
    | (?P<quoted>(?:[uU]&)?+"[^"]*+(?:""[^"]*+)*+(?P<quoted_end>")?+)
    | (?P<word>{_WORD})
    | (?P<dollar>\$(?:{LETTER}{_TAG}*+)?+\$)
    | (?P<parameter>\$[0-9]++(?:{_WORD})?+)
    | (?P<number>(?:{_DIGITS}(?:\.(?!\.)(?:{_DIGITS})?+)?+|\.{_DIGITS})
                 (?:[eE][-+](?:{_DIGITS})?+)?+(?:{_WORD})?+)
    | (?P<other>::|:=|:{_TAG}++|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {
    "space": TokenKind.SPACE,
    "comment": TokenKind.COMMENT,
    "string": TokenKind.STRING,
    "string_end": TokenKind.STRING,
    "quoted": TokenKind.QUOTED,
    "quoted_end": TokenKind.QUOTED,
    "word": TokenKind.WORD,
    "parameter": TokenKind.OTHER,
    "number": TokenKind.NUMBER,
    "other": TokenKind.OTHER,
}
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_ESCAPE_BODY = re.compile(r"(?:[^'\\]++|\\.|'')*+(')?+", re.DOTALL)
# psql reads line by line, so that an escape string goes on only behind a lone CR.
_ESCAPE_GOES_ON = re.compile(
    r"(?:[ \t\f\v]|--[^\n\r]*+(?=\r))*+\r(?:[ \t\f\v\r]++|--[^\n\r]*+\r)*+'"
)

_SQLITE = re.compile(
    rf"""
      (?P<space>[ \t\n\r\f]++)
    | (?P<comment>--[^\n]*+)
    | (?P<block>/\*)
    | (?P<string>[xX]?+'[^']*+(?:''[^']*+)*+(?P<string_end>')?+)
    | (?P<quoted>(?:"[^"]*+(?:""[^"]*+)*+(?P<double_end>")?+)
               | (?:`[^`]*+(?:``[^`]*+)*+(?P<back_end>`)?+)
               | (?:\[[^\]]*+(?P<square_end>\])?+))
    | (?P<number>[0-9]{IN_WORD}*+)
    | (?P<word>{_SQLITE_FIRST}{IN_WORD}*+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def postgres_token(text: str, start: int, end: int) -> Token:
    """Return the token that begins at `start`, by psql's rules; `end` counts as the text's end."""
    match = _POSTGRES.match(text, start, end)
    if match is None:  # only at the end
        return Token(TokenKind.SPACE, start, start)
    match match.lastgroup:
        case "block":
            return _nested_comment(text, start, end)
        case "escape":
            return _escape_string(text, start, end)
        case "dollar":
            tag = match.group()
            found = text.find(tag, match.end(), end)
            closed = found >= 0
            return Token(TokenKind.DOLLAR, start, found + len(tag) if closed else end, closed)
        case "string" | "quoted" as name:
            closed = match.group(f"{name}_end") is not None
            return Token(_KINDS[name], start, match.end(), closed)
        case name:
            return Token(_KINDS[name or "other"], start, match.end())


def _nested_comment(text: str, start: int, end: int) -> Token:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start, end):
        depth += 1 if edge.group() == "/*" else -1
        if not depth:
            return Token(TokenKind.COMMENT, start, edge.end())
    return Token(TokenKind.COMMENT, start, end, closed=False)


def _escape_string(text: str, start: int, end: int) -> Token:
    position = start + 2
    while True:
        body = _ESCAPE_BODY.match(text, position, end)
        if body is None or body.group(1) is None:
            return Token(TokenKind.STRING, start, end, closed=False)
        more = _ESCAPE_GOES_ON.match(text, body.end(), end)
        if more is None:
            return Token(TokenKind.STRING, start, body.end())
        position = more.end()


def sqlite_token(text: str, start: int, end: int) -> Token:
    """Return the token that begins at `start`, by SQLite's rules; `end` counts as the text's end.

    A comment that the text ends in is legal there: it comes back as not closed.
    """
    match = _SQLITE.match(text, start, end)
    if match is None:  # only at the end
        return Token(TokenKind.SPACE, start, start)
    match match.lastgroup:
        case "block":
            found = text.find("*/", start + 2, end)
            closed = found >= 0
            return Token(TokenKind.COMMENT, start, found + 2 if closed else end, closed)
        case "string":
            closed = match.group("string_end") is not None
            return Token(TokenKind.STRING, start, match.end(), closed)
        case "quoted":
            closed = any(match.group("double_end", "back_end", "square_end"))
            return Token(TokenKind.QUOTED, start, match.end(), closed)
        case name:
            return Token(_KINDS[name or "other"], start, match.end())


def tokens(text: str, dialect: Dialect, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """Yield all tokens of `text[start:end]`, spaces and comments too; they leave no gap."""
    read = postgres_token if dialect is Dialect.POSTGRESQL else sqlite_token
    stop = len(text) if end is None else end
    while start < stop:
        token = read(text, start, stop)
        yield token
        start = token.end


def significant(text: str, dialect: Dialect) -> Iterator[Token]:
    """Yield the tokens of `text` that mean something: no spaces, no comments."""
    for token in tokens(text, dialect):
        if token.kind is not TokenKind.SPACE and token.kind is not TokenKind.COMMENT:
            yield token
