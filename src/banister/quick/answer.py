"""`up` with nothing to do, and `status` then, told from one look at the files and the history.

It says what the ordinary way says, or nothing: whatever is unusual, wrong, or not understood here
is left to that. Containers start with the one, mostly with nothing to do, and people ask the other.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from banister.quick.files import PlainFolder, read_plain_folder
from banister.quick.libpq import Libpq, Link, find_libpq
from banister.settled import settled

__all__ = ["answer_at_once"]

_PASSWORD = re.compile(r"[A-Za-z0-9._~-]+")
_URL = re.compile(
    r"postgres(?:ql)?://(?P<user>[A-Za-z0-9_.-]+)?(?::(?P<password>[A-Za-z0-9._~-]+))?"
    r"(?P<at>@)?(?P<where>(?P<host>[A-Za-z0-9.-]+)(?::[0-9]+)?)?/(?P<dbname>[A-Za-z0-9_.-]+)"
    r"(?:\?host=(?P<socket>(?:/|%2F)(?:[A-Za-z0-9_./-]|%2F)+)(?:&port=[0-9]+)?"
    r"(?:&user=(?P<role>[A-Za-z0-9_.-]+))?)?"
)
#: A settings file that says nothing but where the migrations are.
_SETTINGS = re.compile(
    r'(?:[ \t]*(?:#[^\r\n]*)?\r?\n)*+(?:dir = "(?P<dir>[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)"'
    r"[ \t]*(?:\r?\n|\Z)(?:[ \t]*(?:#[^\r\n]*)?(?:\r?\n|\Z))*)?"
)
#: Variables of libpq that change nothing but who connects where.
_KNOWN = frozenset({"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGPASSFILE"})
#: The columns of our own tables with the numbers of their types, which are the same everywhere.
_HISTORY = (
    "version 25,name 25,applied_at 1184,up_checksum 25,down_checksum 25,down_text 25,"
    "duration_ms 20,run_id 25"
)
_LOG = (
    "id 20,at 1184,run_id 25,event 25,version 25,name 25,direction 25,statement 23,checksum 25,"
    "duration_ms 20,detail 25,who 25,host 25,tool_version 25,db_user 25,backend_pid 23"
)
_TABLES = [
    ("schema_migrations", "t", "t", _HISTORY),
    ("schema_migrations_log", "t", "t", _LOG),
]
#: As the ordinary way connects.
_PARAMETERS = {
    "connect_timeout": "10",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "banister",
}
_ANSWERED = frozenset({("up",), ("status",), ("status", "--check")})
#: Seconds for all of it; whoever takes longer takes the ordinary way.
_SECONDS = 3.0


def answer_at_once(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return all that `up` or `status` prints where every file is applied and nothing else is said.

    None where that is not so, or cannot be told here for certain. Writes nothing, raises nothing.
    """
    asked = tuple(arguments)
    if asked not in _ANSWERED:
        return None
    try:
        if not _may_print(asked):
            return None
        named = _database(environ)
        path = _folder(os.path.abspath("."))  # noqa: PTH100 -- pathlib takes long
        folder = None if named is None or path is None else read_plain_folder(path)
        library = find_libpq() if folder is not None and folder[0] else None
        if named is None or path is None or not folder or library is None:
            return None
        said = _look(library, named, path, folder, asked[0], environ)
    except (OSError, ValueError, AttributeError, KeyError):
        # AttributeError: a system without poll, or a library without one of the functions.
        # KeyError: a time zone that this machine does not know.
        return None
    secrets = {named[1], environ.get("PGPASSWORD", "")} - {""}
    return None if said is None or any(secret in said for secret in secrets) else said


def _may_print(asked: Sequence[str]) -> bool:
    """Whether there is somewhere to print; of a run people at a terminal see more than words."""
    streams: tuple[TextIO | None, ...] = (sys.stdout, sys.stderr)
    if asked[0] == "up":
        return not any(stream is None or stream.isatty() for stream in streams)
    return None not in streams


def _database(environ: Mapping[str, str]) -> tuple[str, str, str, str] | None:
    """Return the URL, the password in it, how it is told of, and where it comes from."""
    for name in environ:
        if name.startswith("BANISTER_") and name != "BANISTER_URL":
            return None
        if name.startswith("PG") and name not in _KNOWN:
            return None
    if not _PASSWORD.fullmatch(environ.get("PGPASSWORD") or "-"):
        return None
    for source in ("BANISTER_URL", "DATABASE_URL"):
        value = environ.get(source, "").strip()
        if not value:
            continue
        found = _URL.fullmatch(value)
        if found is None or bool(found["at"]) != bool(found["user"]):
            return None
        user, socket = found["user"] or found["role"], found["socket"]
        if socket and (found["where"] or (found["user"] and found["role"])):
            return None
        shown = f"postgresql://{user}@" if user else "postgresql://"
        shown += f"{found['where'] or ''}/{found['dbname']}"
        shown += f" on the socket {socket.replace('%2F', '/')}" if socket else ""
        return value, found["password"] or "", shown, source
    return None


def _folder(start: str) -> str | None:
    """Return the migrations folder, seen from the folder that the command was started in."""
    folder = start
    named = "migrations"
    while True:
        own = _content(f"{folder}/banister.toml")
        if b"banister" in (_content(f"{folder}/pyproject.toml") or b""):
            return None
        if own is not None:
            found = _SETTINGS.fullmatch(own.decode())
            if found is None or folder != start:
                return None
            return found["dir"] or named
        above = os.path.dirname(folder)  # noqa: PTH120 -- pathlib takes long
        if above == folder or os.path.exists(f"{folder}/.git"):  # noqa: PTH110 -- as above
            return named
        folder = above


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- as above
            return file.read()
    except FileNotFoundError:
        return None


def _look(
    library: Libpq,
    named: tuple[str, str, str, str],
    path: str,
    folder: PlainFolder,
    command: str,
    environ: Mapping[str, str],
) -> str | None:
    """Return what is to be printed where what is applied is what the files are."""
    url, _, display, source = named
    parameters = {**_PARAMETERS, "dbname": url, "client_encoding": "UTF8"}
    with library.link(parameters, seconds=_SECONDS) as link:
        if link is None or not link.is_private:
            return None
        current = _settled_at(link, folder)
        if current is None:
            return None
        if command == "up":
            intro = f"database  {display}, from {source}\nfolder    {path}\n"
            return f"{intro}\nnothing to apply; the database is at {current}\n"
        # It brings what tables and times are printed with.
        from banister.quick.status import status_text  # noqa: PLC0415

        rows = link.ask(_sql("rows.sql"))
        server = f"{display} (PostgreSQL {link.parameter('server_version').split()[0]})"
        zone = link.parameter("TimeZone")
    if rows is None or len(rows) != 1:
        return None
    intros = (f"database  {server}, from {source}", f"folder    {path}")
    return status_text(intros, rows[0], folder, zone=zone, environ=environ)


def _settled_at(link: Link, folder: PlainFolder) -> str | None:
    """Return the highest version where every file is applied as it is, and nothing else is."""
    told = link.ask(_sql("look.sql"))
    if told is None or len(told) != 3 or told[0] != _TABLES or told[2] != [("0",)]:
        return None
    rows = []
    for version, name, checksum in told[1]:
        if version is None or not (version.isascii() and version.isdigit()) or name is None:
            return None
        rows.append((int(version), name, checksum, version))
    if not settled(folder[0], ((number, name, checksum) for number, name, checksum, _ in rows)):
        return None
    return max(rows)[3]


def _sql(name: str) -> str:
    content = _content(os.path.join(os.path.dirname(__file__), name))  # noqa: PTH118, PTH120
    return (content or b"").decode()
