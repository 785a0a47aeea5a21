"""What rolling back does → a Markdown table and JSON. No I/O."""

import re
from typing import Any

from banister.proof.undoing import Rollback, RollbackTable

__all__ = ["rollback_lines", "rollbacks_json"]

#: What Markdown would take for a mark. An underscore inside a word is none.
_MARKS = re.compile(r"[\\`*<|~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|\](?=[(\[:])")


def rollback_lines(table: RollbackTable) -> list[str]:
    """Return the table as lines of Markdown."""
    return [
        "| Migration | What rolling back does |",
        "|---|---|",
        *(f"| {_code(row.label)} | {_plain(row.text)} |" for row in table.rows),
    ]


def rollbacks_json(table: RollbackTable) -> dict[str, Any]:
    """Return what was found out, for the envelope."""
    return {
        "migrations": [_row_json(row) for row in table.rows],
        "markdown": "\n".join(rollback_lines(table)),
        "server": table.server,
        "duration_ms": table.duration_ms,
    }


def _row_json(row: Rollback) -> dict[str, Any]:
    return {
        "version": row.version.text,
        "name": row.name,
        "way": row.way.value,
        "does": list(row.does),
        "text": row.text,
    }


def _code(text: str) -> str:
    """Return a text as code in a cell; a backtick in it would end the code."""
    return _plain(text) if "`" in text else f"`{text}`".replace("|", r"\|")


def _plain(text: str) -> str:
    """Return a text so that Markdown shows it as it is."""
    return _MARKS.sub(lambda found: f"\\{found[0]}", text)
