"""One script → one step: how it will run, or why it cannot. No I/O."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from banister.errors import Finding, Severity
from banister.model import (
    Dialect,
    LargeSource,
    Script,
    Step,
    TransactionMode,
    Version,
)
from banister.script import (
    Control,
    Traits,
    Window,
    invisible_characters,
    misplaced_directives,
    statements_of,
    traits,
)

__all__ = ["StepMaker", "make_step"]

#: What `make_step` is, or a memo of it: a step depends on its arguments alone.
StepMaker = Callable[..., tuple[Step, tuple[Finding, ...]]]

#: What a file sets for its session, and where that belongs instead.
_SESSION_ADVICE = {
    "search_path": "set `search_path` in the settings, or qualify the names",
    "lock_timeout": "write `-- banister: lock_timeout=5s` at the top of the file",
    "statement_timeout": "set `statement_timeout` in the settings",
    "timezone": "set `timezone` in the settings, or use SET LOCAL",
}

#: All that BEGIN may ask for, in upper case and without commas.
#: https://www.postgresql.org/docs/current/sql-begin.html
#: https://www.sqlite.org/lang_transaction.html
_BEGIN_OPTIONS = {
    Dialect.POSTGRESQL: re.compile(
        r"(?:(?:ISOLATION LEVEL (?:SERIALIZABLE|REPEATABLE READ|READ COMMITTED|READ UNCOMMITTED)"
        r"|READ WRITE|READ ONLY|(?:NOT )?DEFERRABLE)(?: |$))*"
    ),
    Dialect.SQLITE: re.compile(r"(?:DEFERRED|IMMEDIATE|EXCLUSIVE)?"),
}
_UTF8 = frozenset({"default", "utf8", "utf-8", "unicode"})


class _Piece(NamedTuple):
    """A statement with what the planner must know of it."""

    #: Offset of the statement.
    start: int
    traits: Traits
    #: From 1.
    number: int


def make_step(
    version: Version,
    name: str,
    script: Script,
    dialect: Dialect,
    *,
    down: Script | None = None,
    notes: tuple[str, ...] = (),
) -> tuple[Step, tuple[Finding, ...]]:
    """Return the step that runs `script`, and what is to be said about its text.

    With an error among the findings the step must not run.
    """
    builder = _Builder(version, script, dialect)
    statements = statements_of(script.source, dialect, builder.look)
    builder.count = len(statements)
    mode, begin_options, wrapped = builder.choose_mode()
    step = Step(
        version=version,
        name=name,
        direction=script.direction,
        script=script,
        statements=statements[1:-1] if wrapped else statements,
        mode=mode,
        begin_options=begin_options,
        session_settings=frozenset(builder.session_settings),
        down=down,
        notes=(*notes, *builder.notes),
    )
    return step, tuple(builder.findings)


class _Builder:
    """Gathers findings and notes while one script is looked at."""

    def __init__(self, version: Version, script: Script, dialect: Dialect) -> None:
        self.version = version
        self.script = script
        self.dialect = dialect
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.session_settings: set[str] = set()
        self.count = 0
        self.first: _Piece | None = None
        self.last: _Piece | None = None
        #: Statements that end or begin a transaction, or cannot run inside one: never very many.
        self.controls: list[_Piece] = []
        self.refusing: list[_Piece] = []

    def look(self, window: Window) -> None:
        """Take in a window of the text."""
        source = self.script.source
        for problem in window.problems:
            self.say(
                Severity.ERROR,
                problem.code,
                problem.message,
                offset=problem.offset,
                hint=problem.hint,
            )
        if isinstance(source, LargeSource):
            for finding in (
                *invisible_characters(source, window, self.dialect),
                *misplaced_directives(source, window),
            ):
                self.findings.append(replace(finding, version=self.version.text))
        for statement in window.statements:
            self.count += 1
            self._take(_Piece(statement.start, traits(statement, self.dialect), self.count))

    def _take(self, piece: _Piece) -> None:
        known = piece.traits
        self.check_settings(piece)
        if known.copy_to_stdout:
            self.say(
                Severity.ERROR,
                "copy_to_stdout",
                "COPY … TO STDOUT sends rows to the client, and a migration has nobody to take "
                "them",
                offset=piece.start,
                hint="remove it; to keep rows, write them into a table",
            )
        self.session_settings.update(known.session_settings)
        if known.control is not None:
            self.controls.append(piece)
        if known.refuses_transaction:
            self.refusing.append(piece)
        self.first = self.first or piece
        self.last = piece

    def say(
        self, severity: Severity, code: str, message: str, *, offset: int, hint: str | None = None
    ) -> None:
        self.findings.append(
            Finding(
                severity=severity,
                code=code,
                message=message,
                location=self.script.source.locate(offset),
                hint=hint,
                version=self.version.text,
            )
        )

    def check_settings(self, piece: _Piece) -> None:
        known = piece.traits
        start = piece.start
        if known.pragma == "foreign_keys" and known.pragma_sets:
            self.say(
                Severity.ERROR,
                "pragma_foreign_keys",
                "PRAGMA foreign_keys does nothing inside a transaction, and dropping a parent "
                "would then cascade silently",
                offset=start,
                hint="remove it and write `-- banister: foreign_keys=off` at the top of the file",
            )
        value = (known.setting_value or "").strip("'\"").lower()
        if known.setting == "standard_conforming_strings" and value in {
            "off", "false", "no", "0",
        }:  # fmt: skip
            self.say(
                Severity.ERROR,
                "strings_not_standard",
                "standard_conforming_strings = off changes where strings end, and with them "
                "statements",
                offset=start,
                hint="write strings with backslash escapes as E'…' and remove this statement",
            )
        if known.setting == "client_encoding" and value not in {
            "default",
            "utf8",
            "utf-8",
            "unicode",
        }:
            self.say(
                Severity.ERROR,
                "client_encoding",
                "files are read and sent as UTF-8: under another client_encoding the server would "
                "take the text for something else",
                offset=start,
                hint="store the file as UTF-8 and remove this statement",
            )
        for setting in known.session_settings:
            if setting in _SESSION_ADVICE:
                self.say(
                    Severity.WARNING,
                    "session_setting",
                    f"{setting} set here holds to the end of this file only: the session is "
                    "reset before the next one",
                    offset=start,
                    hint=_SESSION_ADVICE[setting],
                )

    def choose_mode(self) -> tuple[TransactionMode, str, bool]:
        """Return the mode, the options of the file's own BEGIN, and whether it has one."""
        if self.script.directives.transaction is False:
            self._refuse_control(
                self.controls,
                "in a transaction=off file every statement commits by itself",
                "remove it, or move what belongs together to a migration of its own",
                savepoints=True,
            )
            if self.dialect is Dialect.SQLITE and self.script.directives.foreign_keys is False:
                self.say(
                    Severity.ERROR,
                    "foreign_keys_outside_transaction",
                    "with transaction=off, what foreign_keys=off breaks could not be taken back",
                    offset=0,
                    hint="leave one of the two out",
                )
            return TransactionMode.STATEMENTS, "", False
        begin_options = self._unwrap()
        wrapped = begin_options is not None
        self._refuse_control(
            self.controls[1:-1] if wrapped else self.controls,
            "it would end the transaction that keeps the change and its record together",
            "remove it: Banister itself begins and commits, around every file",
        )
        whole = TransactionMode.WHOLE, begin_options or "", wrapped
        if not self.refusing:
            return whole
        first = self.refusing[0]
        what = first.traits.refuses_transaction
        asks_for_one = wrapped or self.script.directives.transaction is True
        others = self.count - 1 - 2 * wrapped
        if not others and not asks_for_one:
            self.notes.append(f"runs outside a transaction: {what} cannot run inside one")
            return TransactionMode.STATEMENTS, "", False
        reason = (
            f"this file holds {others} other statement{'s' if others > 1 else ''}"
            if others
            else "this file asks for one"
        )
        self.say(
            Severity.ERROR,
            "refuses_transaction",
            f"{what} cannot run inside a transaction, and {reason}",
            offset=first.start,
            hint="move it to a migration of its own, or write `-- banister: transaction=off` at "
            "the top of the file, whose statements then commit one by one",
        )
        return whole

    def _unwrap(self) -> str | None:
        """Take a BEGIN … COMMIT around the whole file as our own; return what that BEGIN asks."""
        if self.first is None or self.last is None or self.count < 2:
            return None
        first, last = self.first.traits, self.last.traits
        wrapped = (
            first.control is Control.BEGIN and last.control is Control.COMMIT and not last.chain
        )
        if not wrapped:
            return None
        options = first.begin_options.upper()
        if not _BEGIN_OPTIONS[self.dialect].fullmatch(options):
            self.say(
                Severity.ERROR,
                "begin_options",
                f"BEGIN asks for {options}, which {self.dialect} does not know",
                offset=self.first.start,
                hint="correct it, or remove BEGIN and COMMIT: Banister adds its own",
            )
        if "READ ONLY" in options:
            self.say(
                Severity.ERROR,
                "read_only_transaction",
                "a READ ONLY transaction cannot record the migration",
                offset=self.first.start,
                hint="remove READ ONLY",
            )
        return options

    def _refuse_control(
        self, pieces: list[_Piece], reason: str, hint: str, *, savepoints: bool = False
    ) -> None:
        for piece in pieces:
            control = piece.traits.control
            if control is None or (control is Control.SAVEPOINT and not savepoints):
                continue
            word = piece.traits.words[0] if piece.traits.words else control.value
            self.say(
                Severity.ERROR,
                "transaction_control",
                f"{word} cannot stand here: {reason}",
                offset=piece.start,
                hint=hint,
            )
