"""The code that a statement runs, as far as names lead to it: functions, triggers, and so on.

By names alone, since nothing else tells before it runs where code would lead on other rows.
"""

import re
from collections.abc import Iterator

from banister.engines.postgres.probes import probe_queries
from banister.engines.postgres.session import Connection

__all__ = ["code_of"]

#: Statements that run what they name; others only make or change it.
_RUNS = frozenset({
    "CALL", "COPY", "DELETE", "DO", "EXECUTE", "EXPLAIN", "INSERT", "MERGE", "REFRESH", "SELECT",
    "TABLE", "UPDATE", "VALUES", "WITH",
})  # fmt: skip
#: Those that are code themselves.
_IS_CODE = frozenset({"DO", "EXPLAIN"})
_RUNS_A_QUERY = re.compile(
    r"CREATE\b[^;(]*?\b(?:TABLE|MATERIALIZED\s+VIEW)\b.*?\bAS\b", re.IGNORECASE | re.DOTALL
)
_WORD = re.compile(r"\w+")
#: Characters in which names are looked for.
_WITHIN = 100_000


def code_of(connection: Connection, text: str, words: tuple[str, ...]) -> str:
    """Return the sources of the code that a statement leads to, empty for none."""
    text = text[:_WITHIN]
    first = words[0] if words else ""
    if first not in _RUNS and not (first == "CREATE" and _RUNS_A_QUERY.match(text)):
        return ""
    found = [text] if first in _IS_CODE else []
    named = [(name.lower(), kind, source) for kind, name, source in _all(connection)]
    reached = {word.lower() for word in _WORD.findall(text)}
    looked: set[tuple[str, str, str]] = set()
    while True:
        new = [each for each in named if each[0] in reached and each not in looked]
        if not new:
            return "\n".join(found)
        for each in new:
            looked.add(each)
            _, kind, source = each
            # A view or a trigger only leads to functions.
            found += [source] if kind == "code" else []
            reached |= {word.lower() for word in _WORD.findall(source)}


def _all(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name, and where the name leads."""
    yield from connection.execute(probe_queries()["code"].encode()).fetchall()
