"""Splits a text as SQLite does: `;` outside of quotes, comments and trigger bodies. No I/O.

The judge is sqlite3_complete (https://sqlite.org/c3ref/complete.html): a trigger ends at `;`, END,
`;`.
"""

import re

from banister.model import Dialect
from banister.script.pieces import Piece, Problem, Split
from banister.script.tokens import IN_WORD, TokenKind, sqlite_token, tokens

__all__ = ["split_sqlite"]

_COMMENT = r"/\*(?:[^*]++|\*(?!/))*+\*/"
_LEADING = re.compile(rf"(?:[ \t\n\r\f]++|--[^\n]*+|{_COMMENT})*+")
_RUN = re.compile(
    rf"""(?:[^'"`\[;/\-]++|'[^']*+'|"[^"]*+"|`[^`]*+`|\[[^\]]*+\]|-(?!-)|--[^\n]*+|/(?!\*)"""
    rf"""|{_COMMENT})*+"""
)
# No CREATE TRIGGER can come of these words, not even behind EXPLAIN.
_END_OF_WORD = rf"(?!{IN_WORD})"
_PLAIN_START = re.compile(
    rf"(?!(?i:create|explain){_END_OF_WORD})[A-Za-z]"
    rf"|(?i:create)[ \t\n\r]++(?!(?i:temp|temporary|trigger){_END_OF_WORD})[A-Za-z]"
)

_OPEN = {
    "'": ("unterminated_string", "a string", "close it with '"),
    '"': ("unterminated_identifier", "a quoted identifier", 'close it with "'),
    "`": ("unterminated_identifier", "a quoted identifier", "close it with `"),
    "[": ("unterminated_identifier", "a quoted identifier", "close it with ]"),
}


def split_sqlite(text: str, *, goes_on: bool = False) -> Split:
    """Return the statements of `text` in order, and what stands against splitting it.

    Behind an open quote nothing more is returned. Where the text `goes_on`, what is not certainly
    whole is left out, with the problems in it. Time is linear in the text's length.
    """
    splitter = _Splitter(text)
    end = splitter.read(goes_on=goes_on)
    return Split(splitter.pieces, splitter.problems, end)


class _Splitter:
    """Walks through one text and collects pieces and problems."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces: list[Piece] = []
        self.problems: list[Problem] = []

    def read(self, *, goes_on: bool) -> int:
        """Collect the statements of the text; return where what is whole ends."""
        text, end = self.text, len(self.text)
        whole = 0
        while True:
            position = self._skip(whole)
            if position >= end:
                return whole if goes_on else end
            if text[position] == ";":
                whole = position + 1
                continue
            stop = self._statement_end(position)
            if stop < 0:
                if goes_on:
                    self.problems.clear()
                return whole
            if stop == end:
                if goes_on:
                    return whole
                stop = self._trim(position)
            self.pieces.append(Piece(position, stop))
            whole = stop

    def _skip(self, position: int) -> int:
        """Step over spaces and comments; a comment may be left open at the end of the text."""
        match = _LEADING.match(self.text, position)
        position = match.end() if match else position
        return len(self.text) if self.text.startswith("/*", position) else position

    def _statement_end(self, start: int) -> int:
        """Return where the statement ends, behind its semicolon; -1 after a problem."""
        if _PLAIN_START.match(self.text, start):
            return self._semicolon(start)
        is_trigger, position = self._head(start)
        if is_trigger:
            return self._trigger_end(position)
        return self._semicolon(position)

    def _head(self, start: int) -> tuple[bool, int]:
        """Tell whether the statement makes a trigger; the position is behind the words read.

        [EXPLAIN …] CREATE [TEMP | TEMPORARY] TRIGGER: the states of sqlite3_complete.
        """
        text, end = self.text, len(self.text)
        position, state = start, "start"
        while position < end:
            token = sqlite_token(text, position, end)
            word = text[token.start : token.end].lower()
            if word == ";" or not token.closed:
                return False, position
            position = token.end
            if token.kind in {TokenKind.SPACE, TokenKind.COMMENT}:
                continue
            match state, word:
                case (("start" | "explain"), "create"):
                    state = "create"
                case "start", "explain":
                    state = "explain"
                case "explain", "explain" | "temp" | "temporary" | "trigger" | "end":
                    return False, position
                case ("explain", _) | ("create", "temp" | "temporary"):
                    pass
                case "create", "trigger":
                    return True, position
                case _:
                    return False, position
        return False, position

    def _semicolon(self, position: int) -> int:
        """Return the offset behind the next semicolon, the end of the text, or -1."""
        text = self.text
        match = _RUN.match(text, position)
        position = match.end() if match else position
        if position >= len(text) or text[position] == "/":
            return len(text)
        if text[position] == ";":
            return position + 1
        code, what, hint = _OPEN[text[position]]
        self.problems.append(
            Problem(
                code=code,
                offset=position,
                message=f"{what} is opened here and never closed",
                hint=hint,
            )
        )
        return -1

    def _trigger_end(self, position: int) -> int:
        """Return the offset behind `;` END `;`, the end of the text, or -1."""
        text, end = self.text, len(self.text)
        while True:
            position = self._semicolon(position)
            if position < 0 or position >= end:
                return position
            position = self._skip(position)
            while text.startswith(";", position):
                position = self._skip(position + 1)
            token = sqlite_token(text, position, end)
            if text[position : token.end].lower() != "end":
                continue
            position = self._skip(token.end)
            if position >= end:
                return end
            if text[position] == ";":
                return position + 1

    def _trim(self, start: int) -> int:
        """Return the end of the last token of a statement that may have no semicolon."""
        kept = self.text[start:].rstrip(" \t\n\r\f")
        if kept.find("--", kept.rfind("\n") + 1) < 0 and "/*" not in kept:
            return start + len(kept)
        last = start
        for token in tokens(self.text, Dialect.SQLITE, start):
            if token.kind not in {TokenKind.SPACE, TokenKind.COMMENT}:
                last = token.end
        return last
