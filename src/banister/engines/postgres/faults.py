"""What PostgreSQL says about a failure → Banister's errors, with places and advice."""

import re
from pathlib import PurePath

import psycopg

from banister.errors import Failure, Location, MigrationFailed
from banister.model import Dialect, Direction, Statement, Step
from banister.model.passwords import hide_passwords
from banister.script.tokens import TokenKind, significant

__all__ = ["failed_at_end", "failed_in_statement", "failure_of", "first_line", "refused_statement"]

#: SQLSTATE → what such a failure usually means here.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ADVICE = {
    "42P01": "no migration before this one makes that table or view; if another tool makes it, "
    "run that tool first; if it stands in another schema, qualify the name or set `search_path`",
    "42501": "the role lacks a right: see \\dp in psql, and grant what is missing",
    "42601": "if the syntax is right, it may be of a newer PostgreSQL than this server",
    "42704": "no migration before this one makes it; roles belong to the whole server and are "
    "made by whoever runs it",
    "25P03": "the session did nothing inside its transaction for longer than "
    "`idle_in_transaction_session_timeout` allows: raise it for this role",
    "25P04": "the transaction took longer than `transaction_timeout` allows: the file sets it",
    "53100": "make room on the server's disk: drop or move what is not needed, or give the table "
    "another tablespace",
    "53200": "the server is out of memory, or of room for locks: raise `max_locks_per_transaction` "
    "there, or let several migrations touch fewer tables each",
    "53300": "no connection is free: end idle ones, or raise `max_connections` on the server",
    "53400": "a limit in the server's settings was reached; the message names it",
    "55P03": "another session holds a lock that this statement needs; "
    "run again when it is done, or allow more time with `-- banister: lock_timeout=30s`",
    "57014": "the statement was cancelled; `statement_timeout` in the settings bounds its time",
    "57P01": "the server was stopped, or somebody ended this session; its log tells which",
    "57P02": "a crash of another server process ended this session; the server's log tells more",
    "58P01": "the server lacks these files: install the extension's package on the server",
    "0A000": "where nothing named there is in the way, a newer server or an extension may help",
    "25001": "write `-- banister: transaction=off` at the top of the file, or move the statement "
    "to a migration of its own",
    "25006": "the transaction is read-only; a migration cannot be recorded in it",
    "55P04": "a new enum value can be used only after the transaction that added it: "
    "use it in the next migration",
}
_LOST = "the connection to the server was lost: see its log, and the network, for the reason"


def failure_of(error: psycopg.Error, *about: str) -> Failure:
    """Return what the server said, or the driver where the server did not speak.

    `about` is the SQL that it was said about: what looks like a password in it is not repeated.
    """

    def told(said: str | None) -> str | None:
        return said and hide_passwords(said, *about)

    error = _first_said(error)
    diag = error.diag
    return Failure(
        message=told(diag.message_primary or str(error).strip().partition("\n")[0]) or "",
        sqlstate=error.sqlstate,
        detail=told(diag.message_detail),
        server_hint=told(diag.message_hint),
        context=told(diag.context),
    )


def _first_said(error: psycopg.Error) -> psycopg.Error:
    """Return the error that was there before the driver stumbled over its consequences."""
    while error.sqlstate is None and isinstance(error.__context__, psycopg.Error):
        error = error.__context__
    return error


def first_line(error: psycopg.Error) -> str:
    """Return what the server or the driver said, in one line, with its SQLSTATE."""
    failure = failure_of(error)
    code = f" [{failure.sqlstate}]" if failure.sqlstate else ""
    return (failure.message.splitlines() or [type(error).__name__])[0] + code


def failed_in_statement(
    step: Step,
    number: int,
    statement: Statement,
    error: psycopg.Error,
    *,
    last: int | None = None,
) -> MigrationFailed:
    """Return the error for statement `number` (from 1) of a step, or one from there to `last`."""
    note = _note(step, number)
    if last is not None and last != number:
        note = f"{step.direction}, one of the statements {number} to {last}"
    return _failed(step, error, _place(step, statement, error, note), statement.text)


def refused_statement(
    step: Step, number: int, statement: Statement, why: str, hint: str
) -> MigrationFailed:
    """Return the error for a step that is given up at statement `number` (from 1), or before it."""
    return MigrationFailed(
        f"migration {PurePath(step.script.source.path).name} failed: {why}",
        version=step.version.text,
        failure=Failure(message=why),
        location=step.script.source.locate(statement.start, note=_note(step, number)),
        hint=hint,
    )


def failed_at_end(step: Step, error: psycopg.Error, what: str) -> MigrationFailed:
    """Return the error for what fails outside a step's own statements, such as COMMIT."""
    path = step.script.source.path
    return _failed(step, error, Location(path=path, note=f"{step.direction}, {what}"))


def _failed(step: Step, error: psycopg.Error, location: Location, *about: str) -> MigrationFailed:
    failure = failure_of(error, *about)
    name = PurePath(step.script.source.path).name
    code = f" [{failure.sqlstate}]" if failure.sqlstate else ""
    return MigrationFailed(
        f"migration {name} failed: {failure.message}{code}",
        version=step.version.text,
        failure=failure,
        location=location,
        hint=_LOST if _is_lost(error) else _advice(step, failure.sqlstate or ""),
    )


def _is_lost(error: psycopg.Error) -> bool:
    """Whether the server has not spoken, since the way to it is gone."""
    spoken = error.sqlstate is not None and not error.sqlstate.startswith("08")
    return isinstance(error, psycopg.OperationalError) and not spoken


def _advice(step: Step, sqlstate: str) -> str | None:
    if step.direction is Direction.DOWN and sqlstate in {"42P01", "42703", "42704"}:
        return (
            "the database does not hold what this migration's up leaves: look at what else has "
            "changed it; where that is right, say IF EXISTS in the down file"
        )
    return _ADVICE.get(sqlstate)


def _note(step: Step, number: int) -> str:
    return f"{step.direction}, statement {number} of {len(step.statements)}"


def _place(step: Step, statement: Statement, error: psycopg.Error, note: str) -> Location:
    """Find the character the server means.

    The server counts characters of the statement it was sent, from 1
    (https://www.postgresql.org/docs/current/protocol-error-fields.html). Errors at run time have
    no position; inside a DO block the context tells the line of its body, in COPY the row.
    """
    source = step.script.source
    offset = statement.start
    position = error.diag.statement_position
    context = error.diag.context or ""
    if position is not None:
        return source.locate(offset + int(position) - 1, note=note)
    row = re.search(r"^COPY .*?, line (\d+)", context, re.MULTILINE)
    if row is not None and statement.copy_start is not None:
        first, _ = source.line_and_column(statement.copy_start)
        return Location(
            path=source.path,
            line=first + int(row[1]) - 1,
            source_line=source.excerpt(first + int(row[1]) - 1),
            note=note,
        )
    # The innermost call comes first; a body may run another DO.
    lines = re.findall(r"^PL/pgSQL function inline_code_block line (\d+)", context, re.MULTILINE)
    start = _body_of_do(statement.text)
    if lines and start is not None:
        first, _ = source.line_and_column(offset + start)
        line = first + int(lines[-1]) - 1
        text = source.line(line)
        column = len(text) - len(text.lstrip()) + 1
        shown = source.excerpt(line)
        return Location(path=source.path, line=line, column=column, source_line=shown, note=note)
    return source.locate(offset, note=note)


def _body_of_do(text: str) -> int | None:
    """Return where the body of a DO statement begins, behind its opening quote."""
    words = significant(text, Dialect.POSTGRESQL)
    first = next(words, None)
    if first is None or text[first.start : first.end].upper() != "DO":
        return None
    language = False
    for word in words:
        if word.kind in {TokenKind.DOLLAR, TokenKind.STRING} and not language:
            quote = re.match(r"\$\w*\$|'", text[word.start : word.end])
            return word.start + quote.end() if quote else None
        language = text[word.start : word.end].upper() == "LANGUAGE"
    return None
