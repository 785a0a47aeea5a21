"""A plain dump on its way into its file: a guard before it, and nothing in it that psql obeys."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from banister.errors import DatabaseError
from banister.model import Dialect
from banister.script.pieces import Beyond
from banister.script.windows import split

__all__ = ["PlainText", "header", "takes_all"]

#: Characters of SQL text that are looked at together where no rows come.
_LOOK_AT = 4 * 1024 * 1024
_ROWS_FOLLOW = b" FROM stdin;\n"
_END_OF_ROWS = b"\n\\.\n"
#: What may stand behind a text: the end of no rows, and the beginning of a statement.
_NO_ROWS = "\\.\n"
_GOES_ON = "SELECT"
#: psql's lock against commands in the text. The key is random, so that no row can have it.
#: https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-META-COMMAND-RESTRICT
_RESTRICT = re.compile(rb"\\restrict (\S+)\n")
#: What newer programs set and older servers do not know, in lines at the top.
_UNKNOWN_BEFORE = {17: b"SET transaction_timeout = 0;\n"}
#: What it puts around large objects; where the file is one transaction they would end it.
_CONTROL = frozenset({b"BEGIN;\n", b"COMMIT;\n"})
#: When it ran: the same contents are to be the same file.
_WHEN = (b"-- Started on ", b"-- Completed on ")
#: What gives back a row that nobody asked for; it always gives one.
_SPEAKS = re.compile(
    rb"SELECT pg_catalog\.(?:set_config|setval|lo_create|lo_open|lowrite|lo_close)\(.*\);\n"
)
#: Takes the row into a variable of psql's instead of printing it.
#: https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-META-COMMAND-GSET
_QUIETLY = rb" \gset banister_"
_AT_TOP = re.compile(rb"--|SET |SELECT pg_catalog\.set_config|\\restrict |\s*$")


def takes_all(major: int, program: int) -> bool:
    """Whether a server knows all that a client program of another major version writes."""
    return not any(major < since <= program for since in _UNKNOWN_BEFORE)


def header(about: str, refuse: str | None, *, whole: bool) -> bytes:
    """Return what stands before a dump: psql stops at the first error, in one transaction.

    `about`: lines for people. `refuse`: the statement that fails unless the database is empty.
    """
    lines = [f"-- {line}" for line in about.splitlines()]
    lines += [
        "",
        r"\set ON_ERROR_STOP on",
        r"\set ON_ERROR_ROLLBACK off",
        r"\set AUTOCOMMIT on",
        r"\set SINGLELINE off",
        r"\set QUIET on",
        r"\set VERBOSITY default",
        "SET client_min_messages = warning;",
        "",
        *(["BEGIN;", ""] if whole else []),
        *([refuse, ""] if refuse else []),
        "",
    ]
    return "\n".join(lines).encode()


@dataclass(kw_only=True)
class PlainText:
    """Passes a dump on, and watches that psql sees statements and rows in it, nothing else.

    psql's own lock against commands (`\\restrict`) is taken out, since older ones do not know it:
    so what would be a command is looked for here, as psql reads the text, and refused.
    """

    #: The major version of the server that it is for.
    major: int
    encoding: str = "utf-8"
    #: Where it is loaded whole or not at all, the transaction ends at its end.
    whole: bool = True
    #: Tables whose rows have begun.
    tables: int = 0
    _held: bytes = b""
    _sql: list[bytes] = field(default_factory=list)
    _sql_size: int = 0
    _in_rows: bool = False
    _at_top: bool = True
    _key: bytes | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next piece; yield what goes into the file. Raises DatabaseError."""
        self._held += data
        while True:
            part = self._rows() if self._in_rows else self._lines()
            if not part:
                return
            yield part

    def end(self) -> Iterator[bytes]:
        """Yield what is left. Raises DatabaseError where the dump is not whole."""
        if self._in_rows:
            raise DatabaseError("pg_dump stopped in the middle of a table's rows")
        if self._held:
            yield self._line(self._held)
            self._held = b""
        self._look()
        if self.whole:
            yield b"\nCOMMIT;\n"

    def _rows(self) -> bytes:
        """Return rows, up to their end where it is here."""
        # Where the table has no rows the mark stands at the beginning: then a line end precedes it.
        at = self._held.find(_END_OF_ROWS)
        if at >= 0:
            end = at + len(_END_OF_ROWS)
            part, self._held = self._held[:end], self._held[end:]
            self._in_rows = False
            # The line end before the rows was passed on already.
            return part[1:]
        keep = len(_END_OF_ROWS) - 1
        part, self._held = self._held[:-keep], self._held[-keep:]
        if not part:
            return b""
        # One byte is held twice over: what is passed on never begins with the line end before it.
        passed = part[1:] + self._held[:1]
        return passed or b""

    def _lines(self) -> bytes:
        """Return the whole lines of SQL that are here, up to where rows begin."""
        done: list[bytes] = []
        while not self._in_rows:
            end = self._held.find(b"\n") + 1
            if end == 0:
                break
            line, self._held = self._held[:end], self._held[end:]
            done.append(self._line(line))
            if self._in_rows:
                # So that the end of no rows at all is found as any other.
                self._held = b"\n" + self._held
        return b"".join(done)

    def _line(self, line: bytes) -> bytes:
        restrict = _RESTRICT.fullmatch(line) if self._key is None else None
        if restrict is not None and self._at_top:
            self._key = restrict[1]
            return b""
        if self._key is not None and line == b"\\unrestrict " + self._key + b"\n":
            return b""
        if self._at_top:
            self._at_top = _AT_TOP.match(line) is not None
            unknown = (text for since, text in _UNKNOWN_BEFORE.items() if self.major < since)
            if line in unknown:
                return b""
        needless = line.startswith(_WHEN) or (self.whole and line in _CONTROL)
        if needless and self._between_statements():
            return b""
        speaks = _SPEAKS.fullmatch(line) is not None and self._between_statements()
        self._sql.append(line)
        self._sql_size += len(line)
        # A name with a line end in it may only look like the end of a statement.
        if speaks and self._between_statements():
            return line.removesuffix(b";\n") + _QUIETLY + b"\n"
        if line.endswith(_ROWS_FOLLOW):
            self._in_rows = self._look(_NO_ROWS + _GOES_ON)
            self.tables += self._in_rows
        elif self._sql_size > _LOOK_AT:
            self._look(_GOES_ON)
        return line

    def _between_statements(self) -> bool:
        """Whether the text so far ends where a statement may begin, and not inside of one."""
        self._look(_GOES_ON)
        rest = b"".join(self._sql).splitlines()
        return all(not line.strip() or line.startswith(b"--") for line in rest)

    def _look(self, behind: str = "") -> bool:
        """Split what has come as psql does; return whether rows follow it.

        `behind`: what could follow; empty: nothing does. What is whole is only known by it.
        """
        text = b"".join(self._sql).decode(self.encoding, errors="surrogateescape")
        beyond: Beyond | None = (lambda start: (start, start)) if behind else None
        found = split(text + behind, Dialect.POSTGRESQL, beyond)
        if found.problems:
            line = text[found.problems[0].offset :].partition("\n")[0]
            raise DatabaseError(
                f"the dump holds what psql would not take as SQL: {found.problems[0].message}",
                code="dump_unsafe",
                state=f"the backup was not kept; it is about: {line[:80]}",
                hint="look for an odd name in the schema, or use --form custom",
            )
        rest = text[min(found.end, len(text)) :]
        self._sql = [rest.encode(self.encoding, errors="surrogateescape")] if rest else []
        self._sql_size = len(rest)
        return bool(found.pieces) and found.pieces[-1].copy_start == len(text)
