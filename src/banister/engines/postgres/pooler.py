"""What cannot run behind a connection pooler that hands out a server for one transaction.

PgBouncer tells no client of its mode, and makes up the process number that a client is promised:
where that differs from the server's, transaction pooling is assumed.
https://www.pgbouncer.org/features.html
"""

from collections.abc import Iterator, Sequence

from banister.errors import UnsupportedByEngine
from banister.model import Dialect, Statement, Step, TransactionMode
from banister.planning import lives_in_session
from banister.script import traits

__all__ = ["refuse_behind_pooler", "refuse_without_transactions"]

_DIRECT = "give the URL of the server itself, for example with --url"


def refuse_behind_pooler(steps: Sequence[Step], display: str) -> UnsupportedByEngine | None:
    """Return why these steps cannot run there, or None; by a look at their text alone."""
    for step in steps:
        for number, statement, why, hint in _unfit(step):
            note = f"{step.direction}, statement {number} of {len(step.statements)}"
            return UnsupportedByEngine(
                f"{display} is reached through a connection pooler, and {why}",
                code="pooler",
                location=step.script.source.locate(statement.start, note=note),
                state="nothing was run",
                hint=hint,
            )
    return None


def refuse_without_transactions(display: str) -> UnsupportedByEngine:
    """Return the error for a pooler that allows no transactions (statement pooling)."""
    return UnsupportedByEngine(
        f"{display} is reached through a connection pooler that allows no transactions",
        code="pooler",
        state="nothing was run",
        hint=_DIRECT,
    )


def _unfit(step: Step) -> Iterator[tuple[int, Statement, str, str]]:
    for number, statement in enumerate(step.statements, start=1):
        if step.mode is TransactionMode.STATEMENTS:
            yield (
                number,
                statement,
                "what runs outside a transaction needs a session there",
                _DIRECT,
            )
        elif traits(statement, Dialect.POSTGRESQL).session_settings:
            yield (
                number,
                statement,
                "what is set here would be found by the next client",
                f"write SET LOCAL instead; or {_DIRECT}",
            )
        elif lives_in_session(statement, Dialect.POSTGRESQL):
            yield (
                number,
                statement,
                "what is made here would be found by the next client",
                _DIRECT,
            )
