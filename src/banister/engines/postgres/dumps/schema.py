"""The schema of a database as SQL, by pg_dump; it locks as any reader does, and not for long."""

import re
import subprocess
from pathlib import Path

from banister.engines.postgres.dumps.isolated import isolated
from banister.engines.postgres.dumps.programs import Program, reachable
from banister.engines.postgres.session import Connection
from banister.engines.queries import load_queries
from banister.errors import DatabaseError
from banister.model import Surroundings, TableSize

__all__ = ["dump_schema", "pattern", "read_surroundings"]

_SECONDS = 300
#: How long it waits for somebody who has locked a table.
_LOCK_WAIT_MS = 5_000
#: What newer programs write and older servers do not know, in lines of their own.
#: https://www.postgresql.org/docs/current/app-pgdump.html
_META = re.compile(r"^\\(?:un)?restrict \S+\n", re.MULTILINE)
_UNKNOWN_BEFORE = {17: re.compile(r"^SET transaction_timeout = 0;\n", re.MULTILINE)}


def dump_schema(
    program: Program,
    conninfo: str,
    *,
    role: str | None,
    without: tuple[str, ...],
    for_major: int,
    with_owners: bool = True,
) -> str:
    """Return the SQL that makes the schema again, without the tables of the patterns `without`.

    It can be run as one text by a server of `for_major`, and leads to no other server. The password
    goes by a file that others cannot read. Raises DatabaseError with what pg_dump says.
    """
    args: list[str | Path] = [
        program.path,
        "--schema-only",
        # A subscription leads to another server, and takes its slot there along when it is dropped.
        "--no-subscriptions",
        "--no-password",
        f"--lock-wait-timeout={_LOCK_WAIT_MS}",
    ]
    args += [] if with_owners else ["--no-owner", "--no-privileges"]
    args += [f"--role={role}"] if role else []
    args += [f"--exclude-table={pattern}" for pattern in without]
    with reachable(conninfo) as (without_password, environment):
        args.append("--dbname=" + without_password)
        try:
            done = subprocess.run(
                args,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
                env=environment,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DatabaseError(f"pg_dump cannot be run: {type(error).__name__}") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise DatabaseError(f"pg_dump: {said[0] if said else 'it failed and says nothing'}")
    return isolated(_plain(done.stdout.decode(), for_major))


def pattern(schema: str, table: str) -> str:
    """Return the pattern that means this table alone.

    https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-PATTERNS
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))


def read_surroundings(connection: Connection) -> Surroundings:
    """Return what a copy needs to know beside the schema. Raises psycopg.Error."""
    queries = load_queries("banister.engines.postgres", "target.sql")
    answers = {}
    with connection.pipeline():
        for name in ("sizes", "surroundings", "roles", "other_roles", "extensions"):
            answers[name] = connection.execute(queries[name].encode())
    others = answers["other_roles"].fetchall()
    return Surroundings(
        sizes={row[0]: TableSize(rows=row[1], size_bytes=row[2]) for row in answers["sizes"]},
        settings={row[0]: row[1] for row in answers["surroundings"]},
        roles=frozenset(row[0] for row in answers["roles"]),
        other_roles=frozenset(row[0] for row in others),
        past_policies=frozenset(row[0] for row in others if not row[1]),
        extensions=frozenset(row[0] for row in answers["extensions"]),
    )


def _plain(text: str, major: int) -> str:
    text = _META.sub("", text)
    for since, pattern in _UNKNOWN_BEFORE.items():
        if major < since:
            text = pattern.sub("", text)
    return text
