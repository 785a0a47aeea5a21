"""What must hold after any fault, whatever it was; each check returns what is wrong, or nothing."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import banister
from postgres_kit import Site

__all__ = [
    "SECRET",
    "Expected",
    "Outcome",
    "expected_of",
    "next_run",
    "sqlite_expected",
    "sqlite_state",
    "state",
    "told",
]

#: Stands in the URLs of the tests, where nothing asks for it.
SECRET = "s3cr%t/of:the@bench"

#: Everything in a PostgreSQL database that migrations make, as one text.
_SCHEMA = """
SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT format('column %s.%s %s %s', attrelid::regclass, attname,
                  format_type(atttypid, atttypmod), attnotnull)
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0 AND c.relkind IN ('r', 'p')
       AND NOT attisdropped AND c.relname NOT LIKE 'schema_migrations%'
    UNION ALL
    SELECT format('index %s valid=%s %s', indexrelid::regclass, indisvalid,
                  pg_get_indexdef(indexrelid))
      FROM pg_index JOIN pg_class c ON c.oid = indrelid
     WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('child %s of %s pending=%s', inhrelid::regclass, inhparent::regclass,
                  inhdetachpending)
      FROM pg_inherits
    UNION ALL
    SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('relation %s %s', relkind, oid::regclass)
      FROM pg_class WHERE relnamespace = 'public'::regnamespace
       AND relname NOT LIKE 'schema_migrations%'
) lines (line)
"""
_HALF_MADE = """
SELECT (SELECT count(*) FROM pg_index WHERE NOT indisvalid)
     + (SELECT count(*) FROM pg_inherits WHERE inhdetachpending)
"""
_IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
"""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What an undisturbed run leaves."""

    #: Recorded versions in order.
    versions: tuple[str, ...]
    #: Rows of the table `witness (n, at)`, into which files write what they do.
    witnesses: tuple[tuple[int, int], ...]
    #: The objects there are, as one text.
    schema: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    #: Negative: the signal that ended it.
    exit_code: int
    #: All that it said.
    said: str


def expected_of(site: Site) -> Expected:
    """Return what a database holds after a run that nothing disturbed."""
    return Expected(
        versions=tuple(site.applied()),
        witnesses=tuple(site.rows("SELECT n, at FROM witness ORDER BY n, at")),
        schema=site.value(_SCHEMA) or "",
    )


def next_run(project: banister.Project) -> str | None:
    """O6: the next plain `up` succeeds, with no manual step."""
    try:
        project.up()
    except banister.BanisterError as error:
        return f"the next run failed: {error.code}: {error}"
    return None


def state(site: Site, expected: Expected) -> str | None:
    """O1 to O4 on PostgreSQL: exactly once, the schema, the history, nothing left behind."""
    found = expected_of(site)
    if found.witnesses != expected.witnesses:
        return f"not exactly once: {found.witnesses}"
    if found.versions != expected.versions:
        return f"history: {found.versions}"
    if found.schema != expected.schema:
        return f"schema: {_difference(found.schema, expected.schema)}"
    if site.value(_HALF_MADE):
        return "an INVALID index or a pending DETACH was left"
    if site.runner_locks():
        return "a lock was left"
    if site.value(_IN_TRANSACTION):
        return "a session was left in a transaction"
    logged = site.value("SELECT string_agg(l::text, ' ') FROM schema_migrations_log l")
    return "the log holds a secret" if holds_secret(str(logged)) else None


def sqlite_expected(path: Path) -> Expected:
    """Return what a SQLite file holds after a run that nothing disturbed."""
    with closing(sqlite3.connect(path)) as connection:
        witnesses = tuple(connection.execute("SELECT n, at FROM witness ORDER BY n, at"))
        versions = tuple(
            version
            for (version,) in connection.execute(
                "SELECT version FROM schema_migrations ORDER BY version"
            )
        )
    return Expected(versions=versions, witnesses=witnesses, schema=sqlite_schema(path))


def sqlite_schema(path: Path) -> str:
    """Return what a SQLite file holds beside the history, as one text."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'schema_migrations%' "
            "AND tbl_name NOT LIKE 'schema_migrations%' ORDER BY name"
        ).fetchall()
    return "\n".join(map(str, rows))


def sqlite_state(path: Path, expected: Expected) -> str | None:
    """O1 to O4 on SQLite: exactly once, the schema, the history, and a file in order."""
    found = sqlite_expected(path)
    with closing(sqlite3.connect(path)) as connection:
        integrity = connection.execute("PRAGMA integrity_check").fetchall()
        dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
    if found.witnesses != expected.witnesses:
        return f"not exactly once: {found.witnesses}"
    if found.versions != expected.versions:
        return f"history: {found.versions}"
    if found.schema != expected.schema:
        return f"schema: {_difference(found.schema, expected.schema)}"
    return None if integrity == [("ok",)] and not dangling else f"{integrity} {dangling}"


def _difference(found: str, expected: str) -> str:
    there, wanted = set(found.splitlines()), set(expected.splitlines())
    more = [f"+ {line}" for line in sorted(there - wanted)]
    return "; ".join([*more, *(f"- {line}" for line in sorted(wanted - there))])


def told(outcome: Outcome, *, exit_codes: set[int], cause: str) -> str | None:
    """O5 and O7: the exit code is one of these, a failure names its cause, no secret is told."""
    if outcome.exit_code not in exit_codes:
        return f"it ended with {outcome.exit_code}: {outcome.said}"
    if outcome.exit_code in {1, 4} and not re.search(cause, outcome.said, re.IGNORECASE):
        return f"it does not name the cause: {outcome.said}"
    return "it tells a secret" if holds_secret(outcome.said) else None


def holds_secret(text: str) -> bool:
    """Whether a text holds the secret, as it is or as a URL spells it."""
    return any(part in text for part in (SECRET, "s3cr%25t", "of%3Athe", "s3cr"))
