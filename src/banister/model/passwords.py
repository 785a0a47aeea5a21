"""Passwords that stand in SQL, kept out of what is shown of it and said about it. No I/O."""

import re
from collections.abc import Iterator

__all__ = ["hide_passwords", "may_hold_password"]

_MASK = "***"
_WORD = re.compile(r"passw|pwd", re.IGNORECASE)
_QUOTE = re.compile(r"['$]")
#: A string constant; the last one may be cut off.
#: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS
_LITERAL = re.compile(r"'((?:[^']|'')*)(?:'|\Z)")
_QUOTES = re.compile(r"('+|\$\w*\$)")
#: How what stands behind a constant, and is none, begins.
_BETWEEN = re.compile(r"[\s),;]")
_SHORT_WORD = re.compile(r"\w+")
#: Inside a connection string.
_KEYWORD = re.compile(r"(?:passw\w*|pwd)\s*=\s*([^\s'\"]+)", re.IGNORECASE)
#: Characters behind the word in which its literal is looked for.
_FAR = 20_000
#: Shorter ones occur in ordinary words: they are hidden where they stand in quotes.
_SHORTEST_ANYWHERE = 3


def may_hold_password(line: str, *above: str) -> bool:
    """Whether a line of SQL may show a password; `above` are the lines before it.

    True too often rather than too seldom: whoever has the file finds the line by its number.
    """
    return bool(_QUOTE.search(line)) and any(_WORD.search(one) for one in (*above, line))


def hide_passwords(text: str, *origins: str) -> str:
    """Return `text` with every constant that stands behind the word password as `***`.

    `origins` are SQL that the text is about: what stands so in them is hidden in it too. What else
    stands between quotes behind that word is hidden with them.
    """
    found = {value for source in (text, *origins) for value in _behind_the_word(source)}
    for value in sorted(found, key=lambda value: (-len(value), value)):
        if len(value) >= _SHORTEST_ANYWHERE:
            text = text.replace(value, _MASK)
        elif _SHORT_WORD.fullmatch(value):
            text = text.replace(f"'{value}'", f"'{_MASK}'")
    return text


def _behind_the_word(text: str) -> Iterator[str]:
    word = _WORD.search(text)
    if word is None:
        return
    tail = text[word.start() : word.start() + _FAR]
    # The word may stand inside of a string: then which quote opens and which one closes is not
    # known, and quotes are doubled.
    pieces = _QUOTES.split(tail)[1:]
    values = {
        part
        for quote, part in zip(pieces[::2], pieces[1::2], strict=True)
        if len(quote) > 1 or not _BETWEEN.match(part)
    }
    for reading in (tail, tail.replace("''", "'")):
        values |= {literal[1] for literal in _LITERAL.finditer(reading)}
    for value in values:
        yield from {value, value.replace("''", "'"), value.replace("'", "''")} - {""}
    for keyword in _KEYWORD.finditer(tail):
        yield keyword[1]
