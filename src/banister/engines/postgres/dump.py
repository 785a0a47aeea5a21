"""The schema of a database as SQL, by pg_dump; it locks as any reader does, and not for long."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from banister.engines.embedded import find_binaries
from banister.engines.postgres.session import Connection
from banister.engines.queries import load_queries
from banister.errors import DatabaseError, ServerError
from banister.model import Surroundings, TableSize
from banister.project.programs import system_folders

__all__ = ["DumpProgram", "dump_schema", "find_dump", "pattern", "read_surroundings"]

#: The newest major that is looked for.
_NEWEST = 20
_SECONDS = 300
#: How long it waits for somebody who has locked a table.
_LOCK_WAIT_MS = 5_000
#: What newer programs write and older servers do not know, in lines of their own.
#: https://www.postgresql.org/docs/current/app-pgdump.html
_META = re.compile(r"^\\(?:un)?restrict \S+\n", re.MULTILINE)
_UNKNOWN_BEFORE = {17: re.compile(r"^SET transaction_timeout = 0;\n", re.MULTILINE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpProgram:
    """A pg_dump of this machine."""

    path: Path
    major: int


def find_dump(server_major: int) -> DumpProgram:
    """Return the pg_dump of the server's major version, or the next newer one.

    An older one does not read a newer server. Raises ServerError where there is none.
    """
    for major in range(server_major, _NEWEST):
        for folder in system_folders(major, "pg_dump"):
            found = _major_of(folder / "pg_dump")
            if found == major:
                return DumpProgram(path=folder / "pg_dump", major=found)
        try:
            own = find_binaries().bin_dir / "pg_dump"
        except ServerError:
            continue
        if _major_of(own) == major:
            return DumpProgram(path=own, major=major)
    raise ServerError(
        f"there is no pg_dump of PostgreSQL {server_major} or newer on PATH or where systems "
        "keep it"
    )


def dump_schema(
    program: DumpProgram,
    conninfo: str,
    *,
    role: str | None,
    without: tuple[str, ...],
    for_major: int,
    with_owners: bool = True,
) -> str:
    """Return the SQL that makes the schema again, without the tables of the patterns `without`.

    It can be run as one text by a server of `for_major`. The password goes by a file that others
    cannot read. Raises DatabaseError with what pg_dump says.
    """
    args: list[str | Path] = [
        program.path,
        "--schema-only",
        "--no-password",
        f"--lock-wait-timeout={_LOCK_WAIT_MS}",
    ]
    args += [] if with_owners else ["--no-owner", "--no-privileges"]
    args += [f"--role={role}"] if role else []
    args += [f"--exclude-table={pattern}" for pattern in without]
    parts = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value}
    with _password_file(parts) as environment:
        args.append("--dbname=" + make_conninfo("", **parts))
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
    return _plain(done.stdout.decode(), for_major)


def pattern(schema: str, table: str) -> str:
    """Return the pattern that means this table alone.

    https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-PATTERNS
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))


def read_surroundings(connection: Connection) -> Surroundings:
    """Return what a copy needs to know beside the schema. Raises psycopg.Error."""
    queries = load_queries(__package__ or "", "target.sql")
    answers = {}
    with connection.pipeline():
        for name in ("sizes", "surroundings", "roles", "extensions"):
            answers[name] = connection.execute(queries[name].encode())
    return Surroundings(
        sizes={row[0]: TableSize(rows=row[1], size_bytes=row[2]) for row in answers["sizes"]},
        settings={row[0]: row[1] for row in answers["surroundings"]},
        roles=frozenset(row[0] for row in answers["roles"]),
        extensions=frozenset(row[0] for row in answers["extensions"]),
    )


def _plain(text: str, major: int) -> str:
    text = _META.sub("", text)
    for since, pattern in _UNKNOWN_BEFORE.items():
        if major < since:
            text = pattern.sub("", text)
    return text


@contextmanager
def _password_file(parts: dict[str, str]) -> Iterator[Mapping[str, str]]:
    """Take the password out of the parameters; yield the environment of a program that has it."""
    environment = dict(os.environ)
    password = parts.pop("password", None)
    if password is None:
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="banister-") as folder:
        path = Path(folder) / "pgpass"
        path.touch(mode=0o600)
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        path.write_text(f"*:*:*:*:{escaped}\n")
        parts["passfile"] = str(path)
        environment.pop("PGPASSWORD", None)
        yield environment


def _major_of(program: Path) -> int | None:
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(found[1]) if found else None
