"""What SQLite says about a failure → Banister's errors, with places and advice."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from banister.engines.base import TryAgain
from banister.engines.sqlite.holders import who_holds
from banister.errors import (
    BanisterError,
    ConnectionFailed,
    DatabaseError,
    Failure,
    Location,
    LockTimeout,
    MigrationFailed,
)
from banister.model import Statement, Step
from banister.model.passwords import hide_passwords

__all__ = [
    "DRIVER_ERRORS",
    "error_name",
    "explain",
    "failed",
    "failed_at_end",
    "failed_in_statement",
    "holder",
    "in_the_way",
    "is_busy",
    "locked",
    "primary_code",
    "translated",
]

#: What the driver raises; a text with two statements is a Warning before Python 3.12.
DRIVER_ERRORS = (sqlite3.Error, sqlite3.Warning)

_BINDINGS = re.compile("Incorrect number of bindings|is a named parameter")
#: Messages with a name in them, the text of which then stands somewhere in the statement.
_NAMED = re.compile(
    r'near "(?P<near>.+)": syntax error'
    r"|no such (?:column|table|view|index|function|module|trigger|savepoint): (?P<name>.+)",
    re.DOTALL,
)
#: Comments and strings are skipped; quoted identifiers are only stepped over, so that what looks
#: like a comment inside them is none. https://www.sqlite.org/lang_keywords.html
_SKIPPED = re.compile(
    r"(?P<blank>'(?:[^']|'')*'|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]',
    re.DOTALL,
)
_ADVICE = (
    (
        # https://www.sqlite.org/lang_altertable.html#alter_table_rename
        re.compile(r"error in (view|trigger)"),
        "drop that one before the table is changed, and make it again at the end of the file",
    ),
    (
        re.compile(r"no such (table|view|index|trigger)"),
        "no migration before this one makes it; if another tool does, run that tool first",
    ),
    (
        re.compile(r"already exists"),
        "if the database was made before Banister came, adopt it with `banister baseline`",
    ),
    (
        re.compile(r"syntax error|no such function"),
        f"if it is right, it may be of a newer SQLite than this one ({sqlite3.sqlite_version})",
    ),
    (
        re.compile(r"FOREIGN KEY constraint failed"),
        (
            "`PRAGMA foreign_key_check` names such rows; to rebuild a table that others point to, "
            "write `-- banister: foreign_keys=off` at the top of the file"
        ),
    ),
    (
        re.compile(r"disk image is malformed"),
        (
            "the database file is damaged: stop what uses it and look with "
            "`PRAGMA integrity_check`; restore a backup if it finds something"
        ),
    ),
    (
        re.compile(r"disk I/O error"),
        (
            "the disk did not take or give what was asked: look at its room, at quotas and at the "
            "system's log"
        ),
    ),
    (
        re.compile(r"database or disk is full"),
        "make room on the disk; SQLite needs about the size of what changes once more",
    ),
)


_LET_IT_END = (
    "let that program finish or close it, then run again; `lock_wait` in the settings says how "
    "long to wait"
)


def primary_code(error: BaseException) -> int | None:
    """Return SQLite's primary result code, None where the driver itself spoke."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def error_name(error: BaseException) -> str | None:
    """Return SQLite's name of an error, None where the driver itself spoke."""
    return getattr(error, "sqlite_errorname", None)


def is_busy(error: BaseException) -> bool:
    """Whether another connection stood in the way: the same call may succeed later."""
    return primary_code(error) == sqlite3.SQLITE_BUSY


def holder(path: Path) -> str:
    """Return who stands in the way of a writer, as far as the system tells."""
    return who_holds(path) or "another connection"


def locked(path: Path) -> LockTimeout:
    """Return the error for a file that others did not let go in time."""
    return LockTimeout(f"{path} is locked by {holder(path)}", hint=_LET_IT_END)


def explain(error: BaseException, path: Path) -> BanisterError:
    """Return the error for what happened to the file as a whole."""
    said = _with_code(error)
    match primary_code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return locked(path)
        case sqlite3.SQLITE_NOTADB:
            return ConnectionFailed(
                f"{path} is not a SQLite database, or it is encrypted",
                hint="check the path; Banister never overwrites such a file",
            )
        case sqlite3.SQLITE_READONLY:
            return DatabaseError(
                f"{path} cannot be written: {said}",
                code="read_only",
                hint="the file and its folder, where SQLite keeps its journal, must both be "
                "writable for this user",
            )
        case sqlite3.SQLITE_IOERR if error_name(error) == "SQLITE_IOERR_DELETE":
            return DatabaseError(
                f"{path}: the journal that a crash left beside it cannot be removed: {said}",
                code="read_only",
                hint="the file and its folder must both be writable for this user",
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return ConnectionFailed(
                f"{path} cannot be opened: {said}",
                hint="this user needs the right to read the file, and to write into its folder, "
                "where SQLite keeps its journal",
            )
        case sqlite3.SQLITE_CORRUPT:
            return DatabaseError(
                f"{path} is damaged: {said}",
                hint="stop what uses it and look with `PRAGMA integrity_check`; "
                "restore a backup if it finds something",
            )
    return DatabaseError(f"{path}: {said}", hint=_advice(str(error)))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the driver's errors into Banister's."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise explain(error, path) from error


def failed_in_statement(
    step: Step, number: int, statement: Statement, error: BaseException
) -> MigrationFailed:
    """Return the error for statement `number` (from 1) of a step."""
    message = str(error)
    if _BINDINGS.search(message) and primary_code(error) is None:
        return failed(
            step,
            "it holds a parameter (?, :name, @name or $name), and a migration has no values",
            number=number,
            offset=statement.start,
            hint="write the value itself, in single quotes if it is text",
        )
    return failed(
        step,
        hide_passwords(message, statement.text),
        number=number,
        name=error_name(error),
        offset=statement.start + _named_offset(statement, message),
        hint=_advice(message),
    )


def failed_at_end(step: Step, error: BaseException) -> MigrationFailed:
    """Return the error for a step whose statements all ran and whose end did not."""
    message = str(error)
    name = error_name(error)
    return failed(step, message, name=name, hint=_advice(message))


def in_the_way(
    step: Step, path: Path, error: BaseException, *, number: int | None = None, offset: int = 0
) -> TryAgain:
    """Return what says that others held the file too long, so that the step may be tried again."""
    reason = f"{path} is locked by {holder(path)}"
    name = error_name(error)
    hint = "let that program finish or close it"
    return TryAgain(
        reason, failed(step, reason, number=number, offset=offset, name=name, hint=hint)
    )


def failed(
    step: Step,
    message: str,
    *,
    number: int | None = None,
    offset: int = 0,
    name: str | None = None,
    hint: str | None = None,
) -> MigrationFailed:
    """Return the error of a step, in statement `number` (from 1) at `offset`, or at its end."""
    source = step.script.source
    code = f" [{name}]" if name else ""
    location = Location(path=source.path, note=f"{step.direction}, at COMMIT")
    if number is not None:
        note = f"{step.direction}, statement {number} of {len(step.statements)}"
        location = source.locate(offset, note=note)
    return MigrationFailed(
        f"migration {PurePath(source.path).name} failed: {message}{code}",
        version=step.version.text,
        failure=Failure(message=message, sqlite_error=name),
        location=location,
        hint=hint,
    )


def _with_code(error: BaseException) -> str:
    name = error_name(error)
    return f"{error} [{name}]" if name else str(error)


def _advice(message: str) -> str | None:
    return next((advice for pattern, advice in _ADVICE if pattern.search(message)), None)


def _named_offset(statement: Statement, message: str) -> int:
    """Return where the word that SQLite names stands, if it stands there once; else the start.

    SQLite knows the position of an error, but Python's module does not tell it.
    """
    named = _NAMED.fullmatch(message)
    if named is None:
        return 0
    text = _SKIPPED.sub(
        lambda match: " " * len(match[0]) if match["blank"] else match[0], statement.text
    )
    whole = named["near"] or named["name"]
    for word in dict.fromkeys([whole, whole.rpartition(".")[2]]):
        places = [
            match.start() for match in re.finditer(rf"(?<![\w$]){re.escape(word)}(?![\w$])", text)
        ]
        if not word[:1].isalnum() and word[:1] != "_":
            places = [match.start() for match in re.finditer(re.escape(word), text)]
        if word and len(places) == 1:
            return places[0]
    return 0
