"""Splits a text as psql does: `;` outside of quotes, comments, parentheses and bodies. No I/O.

The judge is psql (https://www.postgresql.org/docs/18/app-psql.html); it reads line by line, which
shows where COPY rows begin.
"""

import re

from banister.model import Dialect
from banister.script.pieces import Beyond, Piece, Problem, Split
from banister.script.psql import SKIPPED, backslash_problem, command_name
from banister.script.tokens import IN_WORD, LETTER, Token, TokenKind, postgres_token, tokens

__all__ = ["is_copy_from_stdin", "split_postgres"]

_COMMENT = r"/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/"
_LEADING_TEXT = rf"(?:[ \t\n\r\f\v]++|--[^\n\r]*+|{_COMMENT})*+"
_LEADING = re.compile(_LEADING_TEXT)
# One match over everything that can neither end a statement nor needs a second look: a quote
# behind an E may be an escape string, and a `$` may open a body.
_ATOM = rf"""[^'"$;\\()/\-]++|(?<![eE])'[^']*+'|"[^"]*+"|-(?!-)|--[^\n\r]*+|/(?!\*)|{_COMMENT}"""
_GROUP = rf"\((?:{_ATOM}|\((?:{_ATOM})*+\))*+\)"
# Deeper than _GROUP reaches: all but the last two of many.
_DEEP = re.compile(r"\(+(?=\(\()")
_RUN_TEXT = rf"(?:{_ATOM}|{_GROUP})*+"
_RUN = re.compile(_RUN_TEXT)
_END_OF_WORD = rf"(?!{IN_WORD})"
_STRING_PREFIX = r"[eEbBxXnN]'|[uU]&['\"]"
# The first words are not CREATE [OR REPLACE] FUNCTION, hence no BEGIN … END body can come.
_PLAIN_START_TEXT = (
    rf"(?:(?!{_STRING_PREFIX}|(?i:create){_END_OF_WORD}){LETTER}"
    rf"|(?i:create)[ \t\n\r]++(?!{_STRING_PREFIX}|(?i:or|function|procedure){_END_OF_WORD})"
    rf"{LETTER})"
)
_PLAIN_START = re.compile(_PLAIN_START_TEXT)
# Most statements, in one match.
_SIMPLE = re.compile(rf"{_LEADING_TEXT}(?P<statement>(?={_PLAIN_START_TEXT}){_RUN_TEXT};)")
_ROUTINE_HEAD = re.compile(
    r"(?i:create[ \t\n\r]++(?:or[ \t\n\r]++replace[ \t\n\r]++)?+(?:function|procedure))"
    rf"{_END_OF_WORD}"
)
# Between the words of a routine that count for its BEGIN … END.
_ROUTINE_RUN = re.compile(
    rf"""(?:[ \t\n\r\f\v,.=<>+*%^~!@#&|`?\[\]{{}}]++|'[^']*+'|"[^"]*+"|{_GROUP}"""
    rf"|(?!{_STRING_PREFIX}|(?i:begin|case|end){_END_OF_WORD}){LETTER}{IN_WORD}*+)*+"
)
_COPY = re.compile(rf"(?i:copy){_END_OF_WORD}")
_COPY_FROM_PSQL = re.compile(r"(?i)\\copy\b[^\n]*\bfrom\s+p?stdin\b")
_GLUED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$:.")

_UNTERMINATED = {
    TokenKind.STRING: ("unterminated_string", "a string", "close it with '"),
    TokenKind.QUOTED: ("unterminated_identifier", "a quoted identifier", 'close it with "'),
    TokenKind.COMMENT: ("unterminated_comment", "a comment", "close it with */; comments nest"),
}


def split_postgres(text: str, beyond: Beyond | None = None) -> Split:
    """Return the statements of `text` in order, and what stands against splitting it.

    Behind an open quote or comment nothing more is returned. With `beyond` the text goes on: what
    is not certainly whole is left out, with the problems in it. Time is linear in the text's
    length.
    """
    splitter = _Splitter(text, beyond)
    end = splitter.read(0, len(text))
    return Split(splitter.pieces, splitter.problems, end)


def is_copy_from_stdin(text: str, start: int, end: int) -> bool:
    """Tell whether the statement `text[start:end]` is a COPY whose rows the client sends."""
    if not _COPY.match(text, start, end):
        return False
    depth = 0
    expected: tuple[str, ...] = ()
    for token in tokens(text, Dialect.POSTGRESQL, start + 4, end):
        if token.kind in {TokenKind.SPACE, TokenKind.COMMENT}:
            continue
        word = text[token.start : token.end].lower()
        if expected:
            return token.kind is TokenKind.WORD and word in expected
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif token.kind is TokenKind.WORD and not depth:
            if word == "to":
                return False
            if word == "from":
                # The server takes the two names for the same: gram.y, copy_file_name.
                expected = ("stdin", "stdout")
    return False


class _Splitter:
    """Walks through one text and collects pieces and problems."""

    def __init__(self, text: str, beyond: Beyond | None) -> None:
        self.text = text
        self.pieces: list[Piece] = []
        self.problems: list[Problem] = []
        self._beyond = beyond
        #: Set by a problem inside a statement: where to go on behind it.
        self._resume = 0
        #: Whether what is being read stands behind a COPY … FROM stdin on its line.
        self._behind_copy = False

    def read(self, position: int, end: int) -> int:
        """Collect the statements of `text[position:end]`; return where what is whole ends."""
        text, simple, note = self.text, _SIMPLE.match, self.pieces.append
        is_cut = self._beyond is not None and end == len(text)
        while position < end:
            match = simple(text, position, end)
            if match is not None:
                start, following = match.span(1)
                if text[start] not in "cC" and not (is_cut and following == end):
                    # Nearly all of a long file: nothing is asked that need not be.
                    note(Piece(start, following))
                    position = following
                    continue
            pieces, problems = len(self.pieces), len(self.problems)
            if match is not None:
                following = self._add(start, following)
            else:
                following = self._next(position, end, is_cut=is_cut)
            if is_cut and following == end:
                del self.pieces[pieces:], self.problems[problems:]
                break
            position = following
        return position

    def _next(self, position: int, end: int, *, is_cut: bool) -> int:
        """Collect what comes next; return where the text goes on."""
        text = self.text
        leading = _LEADING.match(text, position, end)
        position = self._skip(leading.end() if leading else position, end)
        if position >= end:
            return end
        if text[position] == ";":
            return position + 1
        if text[position] == "\\":
            return self._backslash(position, end, inside=False)
        stop = self._statement_end(position, end)
        if stop < 0:
            return self._resume
        if is_cut and stop == end:
            return end
        if text[stop - 1] != ";" or stop == end:
            stop = self._trim(position, stop)
        return self._add(position, stop)

    def _add(self, start: int, stop: int) -> int:
        """Note a statement; return where the text goes on."""
        self.pieces.append(Piece(start, stop))
        if self.text[start] not in "cC" or self._behind_copy:
            return stop
        return self._copy(stop) if is_copy_from_stdin(self.text, start, stop) else stop

    def _skip(self, position: int, end: int) -> int:
        """Step over nested comments, which the regular expression leaves."""
        text = self.text
        while text.startswith("/*", position, end):
            token = postgres_token(text, position, end)
            if not token.closed:
                return self._open(token, end)
            match = _LEADING.match(text, token.end, end)
            position = match.end() if match else token.end
        return position

    def _statement_end(self, start: int, end: int) -> int:
        """Return where the statement ends, behind its semicolon; -1 after a problem."""
        if _PLAIN_START.match(self.text, start, end):
            return self._plain_end(start, end, depth=0)
        return self._routine_end(start, end)

    def _plain_end(self, position: int, end: int, *, depth: int) -> int:
        """Find the end of a statement that has no BEGIN … END body."""
        text, run = self.text, _RUN.match
        while True:
            start = position
            position = run(text, position, end).end()  # type: ignore[union-attr] # it matches the empty text too
            if position >= end:
                return end
            match text[position]:
                case ";":
                    position += 1
                    if not depth:
                        return position
                case "(":
                    deep = _DEEP.match(text, position, end)
                    opened = deep.end() - position if deep else 1
                    depth += opened
                    position += opened
                case ")":
                    depth -= depth > 0
                    position += 1
                case "\\":
                    self._resume = self._backslash(position, end, inside=True)
                    return -1
                case _:
                    position = self._step_over(start, position, end)
                    if position < 0:
                        return -1

    def _step_over(self, start: int, position: int, end: int) -> int:
        """Return the end of the token that covers `position`; `start` is a token's start."""
        text = self.text
        begin = position
        while begin > start and (text[begin - 1] in _GLUED or text[begin - 1] >= "\x80"):
            begin -= 1
        while begin <= position:
            token = postgres_token(text, begin, end)
            if not token.closed:
                self._resume = self._open(token, end)
                return -1
            begin = token.end
        return begin

    def _routine_end(self, start: int, end: int) -> int:
        """Find the end of a statement that may be CREATE FUNCTION … BEGIN ATOMIC … END.

        psql counts BEGIN, CASE and END once the first words are CREATE [OR REPLACE] FUNCTION or
        PROCEDURE, and only outside of parentheses.
        """
        text = self.text
        position, depth = start, 0
        head: list[str] = []
        #: None until the first words tell that it is a routine.
        blocks: int | None = None
        match = _ROUTINE_HEAD.match(text, start, end)
        if match is not None:
            position, blocks = match.end(), 0
        while position < end:
            if blocks is not None:
                position = _ROUTINE_RUN.match(text, position, end).end()  # type: ignore[union-attr] # as above
            token = postgres_token(text, position, end)
            position = token.end
            mark = text[token.start : position] if token.end - token.start < 16 else ""
            if self._stops(token, end):
                return -1
            if token.kind is TokenKind.WORD:
                word = mark.lower()
                if blocks is not None:
                    blocks = blocks if depth else _count_blocks(word, blocks)
                    continue
                head.append(word)
                if not _may_be_routine(head):
                    return self._plain_end(position, end, depth=depth)
                if word in {"function", "procedure"}:
                    blocks = 0
            elif mark == ";" and not depth and not blocks:
                return position
            else:
                depth = max(0, depth + (mark == "(") - (mark == ")"))
        return end

    def _stops(self, token: Token, end: int) -> bool:
        """Note a problem where the token is one; `_resume` is then where to go on."""
        if not token.closed:
            self._resume = self._open(token, end)
        elif token.end > token.start and self.text[token.start] == "\\":
            self._resume = self._backslash(token.start, end, inside=True)
        else:
            return False
        return True

    def _open(self, token: Token, end: int) -> int:
        """Note a quote or comment that is never closed; return where to go on: nowhere."""
        if token.kind is TokenKind.DOLLAR:
            tag = self.text[token.start : self.text.index("$", token.start + 1) + 1]
            code, what, hint = "unterminated_body", f"a {tag} body", f"close it with {tag}"
        else:
            code, what, hint = _UNTERMINATED[token.kind]
        self.problems.append(
            Problem(
                code=code,
                offset=token.start,
                message=f"{what} is opened here and never closed",
                hint=hint,
            )
        )
        return end

    def _backslash(self, position: int, end: int, *, inside: bool) -> int:
        """Step over a psql command to the end of its line; note it where it is refused."""
        text = self.text
        name = command_name(text, position)
        if inside or name not in SKIPPED:
            self.problems.append(backslash_problem(name, position, inside=inside))
        line_end = text.find("\n", position, end)
        if line_end < 0:
            return end
        if name == "copy" and _COPY_FROM_PSQL.match(text, position, line_end):
            return self._rows(line_end + 1)[1]
        return line_end + 1

    def _trim(self, start: int, stop: int) -> int:
        """Return the end of the last token of a statement that may have no semicolon."""
        kept = self.text[start:stop].rstrip(" \t\n\r\f\v")
        last_line = max(kept.rfind("\n"), kept.rfind("\r")) + 1
        if kept.find("--", last_line) < 0 and not kept.endswith("*/"):
            return start + len(kept)
        last = start
        for token in tokens(self.text, Dialect.POSTGRESQL, start, stop):
            if token.kind not in {TokenKind.SPACE, TokenKind.COMMENT}:
                last = token.end
        return last

    def _copy(self, stop: int) -> int:
        """Give COPY statements their rows; return where the text goes on.

        psql has read the whole line before it sends the first statement of it: what stands behind
        the semicolon runs too, and the rows of every COPY on the line follow below it in turn.
        """
        text = self.text
        first = len(self.pieces) - 1
        line_end = text.find("\n", stop)
        if line_end < 0 and self._beyond is not None:
            return len(text)
        if text[stop - 1] != ";" or line_end < 0:
            line_end = len(text)
        self._rest_of_line(stop, line_end)
        position = min(line_end + 1, len(text))
        for index in range(first, len(self.pieces)):
            start, piece_end, *_ = self.pieces[index]
            if is_copy_from_stdin(text, start, piece_end):
                rows_end, following = self._rows(position)
                self.pieces[index] = Piece(start, piece_end, position, rows_end)
                position = following
        return position

    def _rest_of_line(self, position: int, line_end: int) -> None:
        """Collect what stands behind `COPY … FROM stdin;` on its line."""
        # A no-break space is no white space for the server.
        if not self.text[position:line_end].strip(" \t\n\r\f\v"):
            return
        known = len(self.problems)
        count = len(self.pieces)
        self._behind_copy = True
        self.read(position, line_end)
        self._behind_copy = False
        if line_end == len(self.text):
            return
        open_ended = any(p.code.startswith("unterminated") for p in self.problems[known:])
        if not open_ended and len(self.pieces) > count:
            open_ended = self.text[self.pieces[-1].end - 1] != ";"
        if open_ended:
            del self.problems[known:], self.pieces[count:]
            self.problems.append(
                Problem(
                    code="copy_line",
                    offset=position,
                    message="what begins behind COPY … FROM stdin on its line goes on below the "
                    "rows",
                    hint="begin it on a line of its own, below `\\.`",
                )
            )

    def _rows(self, start: int) -> tuple[int, int]:
        """Return where rows that begin at `start` end, and where the text goes on."""
        text = self.text
        position = start
        while True:
            position = text.find("\\.", position)
            if position < 0:
                return self._beyond(start) if self._beyond else (len(text), len(text))
            if position == start or text[position - 1] == "\n":
                rest = text[position + 2 : position + 4]
                if rest.startswith("\n") or (not rest and not self._beyond):
                    return position, min(position + 3, len(text))
                if rest == "\r\n":
                    return position, position + 4
            position += 2


def _may_be_routine(head: list[str]) -> bool:
    match head:
        case ["create"] | ["create", "function" | "procedure" | "or"]:
            return True
        case ["create", "or", "replace"] | ["create", "or", "replace", "function" | "procedure"]:
            return True
        case _:
            return False


def _count_blocks(word: str, blocks: int) -> int:
    """Return the depth of BEGIN … END behind `word`; CASE has an END of its own."""
    if word == "begin" or (word == "case" and blocks):
        return blocks + 1
    if word == "end" and blocks:
        return blocks - 1
    return blocks
