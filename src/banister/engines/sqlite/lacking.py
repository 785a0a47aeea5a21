"""Queries of a schema that uses what only its application brings along: collations, functions."""

import re
import sqlite3
from typing import Any

__all__ = ["lacks_something", "rows_without"]

_LACKS = re.compile(
    r"no such collation sequence: (?P<collation>.+)"
    r"|(?:unknown function|no such function): (?P<function>[^()]+)(?:\(\))?"
    r"|no such (?:module|tokenizer)|unknown tokenizer"
)
#: Collations and functions of one schema.
_MOST = 200


def lacks_something(error: sqlite3.Error) -> bool:
    """Whether a query failed for something that only the application's connections have."""
    return _LACKS.match(str(error)) is not None


def rows_without(connection: sqlite3.Connection, query: str) -> list[Any]:
    """Return the rows of a query for which no collation or function has to be the right one.

    Another stands in for what is missing, in this connection from then on.
    """
    for _ in range(_MOST):
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            found = _LACKS.match(str(error))
            if found is None or found.lastgroup is None:
                raise
            _stand_in(connection, found)
    return connection.execute(query).fetchall()


def _stand_in(connection: sqlite3.Connection, found: "re.Match[str]") -> None:
    if found["collation"] is not None:
        connection.create_collation(found["collation"], lambda one, two: (one > two) - (one < two))
    else:
        connection.create_function(found["function"], -1, lambda *_: None, deterministic=True)
