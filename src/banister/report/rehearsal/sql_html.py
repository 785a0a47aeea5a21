"""SQL → HTML with numbered lines, its strings, comments and keywords marked. No I/O."""

from collections.abc import Collection, Iterator
from html import escape

from banister.model import Dialect
from banister.report.rehearsal.words import visible_lines
from banister.script.tokens import TokenKind, tokens

__all__ = ["marked_sql", "numbered_sql"]

_CLASSES = {TokenKind.COMMENT: "c", TokenKind.STRING: "s", TokenKind.DOLLAR: "s"}


def marked_sql(text: str) -> str:
    """Return SQL as HTML."""
    return "\n".join(_lines(text))


def numbered_sql(text: str, first: int, told: Collection[int] = ()) -> str:
    """Return SQL with the number of each line; those of `told` are marked."""
    return "".join(
        f'<span class="l{" told" if number in told else ""}" data-n="{number}">{line}\n</span>'
        for number, line in enumerate(_lines(text), first)
    )


def _lines(text: str) -> list[str]:
    lines = [""]
    for piece, kind in _pieces(visible_lines(text)):
        for number, part in enumerate(piece.split("\n")):
            if number:
                lines.append("")
            if part:
                told = escape(part)
                lines[-1] += f'<span class="{kind}">{told}</span>' if kind else told
    return lines


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    for token in tokens(text, Dialect.POSTGRESQL):
        piece = text[token.start : token.end]
        kind = _CLASSES.get(token.kind, "")
        # What somebody writes in capitals is meant to be a keyword.
        if token.kind is TokenKind.WORD and len(piece) > 1 and piece.isupper():
            kind = "k"
        yield piece, kind
