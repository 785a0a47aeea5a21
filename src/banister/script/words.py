"""The significant tokens of one statement, read as far as they are asked for. No I/O."""

from collections.abc import Iterator
from typing import NamedTuple

from banister.model import Dialect
from banister.script.tokens import TokenKind, significant

__all__ = ["NO_WORD", "Word", "Words"]


class Word(NamedTuple):
    """One token as a classifier sees it."""

    kind: TokenKind
    #: As written.
    text: str
    #: Upper case for a keyword, an unquoted identifier or a mark; empty for what is quoted.
    key: str


NO_WORD = Word(TokenKind.OTHER, "", "")


class Words:
    """Tokens of a statement by number, without its final semicolon; behind the end, NO_WORD.

    Reads no further than asked, since a statement may hold megabytes of rows.
    """

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._more = _words(text, dialect)
        self._read: list[Word] = []

    def __getitem__(self, number: int) -> Word:
        while len(self._read) <= number:
            word = next(self._more, None)
            if word is None:
                return NO_WORD
            self._read.append(word)
        return self._read[number]

    def __iter__(self) -> Iterator[Word]:
        number = 0
        while (word := self[number]) is not NO_WORD:
            yield word
            number += 1

    def key(self, number: int) -> str:
        """Return the key of a token."""
        return self[number].key

    def keys(self, start: int, count: int) -> tuple[str, ...]:
        """Return the keys of `count` tokens from `start` on."""
        return tuple(self[number].key for number in range(start, start + count))

    def after_name(self, number: int) -> int:
        """Return the number of the token behind a name, with or without a schema, at `number`."""
        while self.key(number + 1) == ".":
            number += 2
        return number + 1

    def after_group(self, number: int) -> int:
        """Return the number of the token behind the parentheses that open at `number`."""
        depth = 0
        while (word := self[number]) is not NO_WORD:
            depth += (word.key == "(") - (word.key == ")")
            number += 1
            if not depth:
                break
        return number

    def options(self, number: int) -> dict[str, str]:
        """Return the options in the parentheses that open at `number`: KEY → value in lower case.

        An option without a value is "true", as the server takes it.
        """
        found: dict[str, str] = {}
        stop = self.after_group(number) - 1
        number += 1
        while number < stop:
            name = self[number].key or _unquoted(self[number]).upper()
            values = []
            number += 1
            while number < stop and self.key(number) != ",":
                if self.key(number) != "=":
                    values.append(_unquoted(self[number]).lower())
                number += 1
            found[name] = " ".join(values) or "true"
            number += 1
        return found


def _unquoted(word: Word) -> str:
    return word.text[1:-1] if word.kind in {TokenKind.QUOTED, TokenKind.STRING} else word.text


def _words(text: str, dialect: Dialect) -> Iterator[Word]:
    held: Word | None = None
    for token in significant(text, dialect):
        if held is not None:
            yield held
        raw = text[token.start : token.end]
        quoted = token.kind in {TokenKind.QUOTED, TokenKind.STRING, TokenKind.DOLLAR}
        held = Word(token.kind, raw, "" if quoted else raw.upper())
    if held is not None and held.key != ";":
        yield held
