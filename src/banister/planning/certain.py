"""What a statement certainly does to others, told by its first words alone. No I/O."""

import re
from collections.abc import Iterator

from banister.errors import Finding, Severity
from banister.model import Dialect, Script, Statement
from banister.script import traits
from banister.script.mentions import mentions

__all__ = ["certain_findings"]

#: First words of a statement → the rule of a rehearsal that it meets whatever the database holds,
#: and what it does. What may be harmless on a new or small table is not here.
_CERTAIN = {
    ("VACUUM", "FULL"): (
        "rewrite-table-maintenance",
        "VACUUM FULL writes a table again while nobody can read or write it",
    ),
    ("CLUSTER",): (
        "rewrite-table-maintenance",
        "CLUSTER writes a table again while nobody can read or write it",
    ),
    ("LOCK", "TABLE"): (
        "lock-table",
        "LOCK TABLE keeps others out until the transaction ends",
    ),
    ("REINDEX", "TABLE"): (
        "reindex-blocking",
        "REINDEX without CONCURRENTLY stops everybody who plans a query on the table",
    ),
    ("REINDEX", "INDEX"): (
        "reindex-blocking",
        "REINDEX without CONCURRENTLY stops everybody who plans a query on the table",
    ),
}
#: Statements that may hold megabytes of rows, and name nothing new.
_ROWS = frozenset({("INSERT",), ("UPDATE",), ("DELETE",), ("COPY",)})
#: Bytes of a name: https://www.postgresql.org/docs/current/limits.html
_LONGEST = 63
#: What may be such a name; reading all tokens of all statements takes long.
_RUN = re.compile(r'[^\W\d][\w$]{15,}|"[^"]{16,}"')


def certain_findings(script: Script, statements: Iterator[Statement]) -> Iterator[Finding]:
    """Yield a notice for each statement of a PostgreSQL script that is one of those.

    What the file accepts by the rule's name is left out.
    """
    accepted = {rule for rule, _ in script.directives.accept}
    for statement in statements:
        words = traits(statement, Dialect.POSTGRESQL).words
        for first, (rule, message) in _CERTAIN.items():
            if (
                words[: len(first)] == first
                and "CONCURRENTLY" not in words
                and rule not in accepted
            ):
                yield _notice(script, statement, rule, message)
        if "identifier-too-long" not in accepted:
            for name in _long_names(statement, words):
                said = f"the name {name} has more than 63 bytes, and PostgreSQL cuts it off there"
                yield _notice(script, statement, "identifier-too-long", said)


def _long_names(statement: Statement, words: tuple[str, ...]) -> Iterator[str]:
    runs = (found[0] for found in _RUN.finditer(statement.text))
    if words[:1] in _ROWS or not any(len(run.encode()) > _LONGEST for run in runs):
        return
    names = {
        part
        for each in mentions(statement, Dialect.POSTGRESQL)
        for name in each.names
        for part in name
        if len(part.encode()) > _LONGEST
    }
    yield from sorted(names)


def _notice(script: Script, statement: Statement, rule: str, message: str) -> Finding:
    return Finding(
        severity=Severity.NOTICE,
        code=rule,
        message=message,
        location=script.source.locate(statement.start),
        hint=f'where that is meant: -- banister: accept={rule} reason="…"',
    )
