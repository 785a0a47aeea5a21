"""Which database a command works on, and what may be said of it."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from banister.errors import Finding, Location, Severity, UsageError
from banister.project.config import Settings
from banister.project.conninfo import parse_keywords, parse_url
from banister.project.env_file import expand, read_env_file
from banister.project.secrets import forms_of

__all__ = ["Target", "TargetKind", "choose_scratch", "choose_target", "no_target_error"]

_FORMS = (
    "postgresql://user@host:5432/dbname, key=value pairs such as service=NAME, "
    "sqlite:///path/to/file.db, or embedded:"
)
_SCHEME = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9.-]{0,30})(?:\+(?P<driver>\w{1,30}))?://")
_KEY_VALUE = re.compile(r"\w+\s*=")
_SCHEMES = ("postgresql", "postgres", "sqlite", "embedded")
_FILE_NAME = re.compile(r"[\w./~ -]+\.(?:db|sqlite|sqlite3)")
#: Parameters that SQLAlchemy hands to the application's own driver; they change no file.
_DRIVER_PARAMETERS = frozenset(
    {"autocommit", "cached_statements", "check_same_thread", "detect_types", "isolation_level"}
    | {"timeout"}
)


class TargetKind(StrEnum):
    """What a target is."""

    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"
    #: A PostgreSQL of the project's own.
    EMBEDDED = "embedded"


@dataclass(frozen=True, kw_only=True)
class Target:
    """The database that was chosen. Only `conninfo` and `secrets` hold secrets."""

    kind: TargetKind
    #: PostgreSQL: what libpq takes; otherwise empty.
    conninfo: str = field(default="", repr=False)
    #: SQLite: the file, absolute.
    path: Path | None = None
    #: Who named it: "--url", "DATABASE_URL", ".env", "[env.production]" and so on.
    source: str
    #: For people.
    display: str
    #: What names it in a command line, without a secret in it.
    public: str = field(default="", repr=False)
    #: `public` lacks a password that was given with it.
    lacks_password: bool = False
    #: A variable of the environment that holds what `--url` was given.
    variable: str | None = None
    #: Every form in which a password may turn up; for `redact`.
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Named:
    """A value that names a database, and who gave it."""

    value: str = field(repr=False)
    source: str
    #: Where a relative path begins.
    base: Path
    location: Location | None = None
    is_path: bool = False


def choose_target(
    settings: Settings, *, url: str | None, environ: Mapping[str, str]
) -> Target | None:
    """Return the database to work on, or None where nothing names one.

    `url` (the flag) > BANISTER_URL > the named environment's url > DATABASE_URL > `.env` > DB_PATH;
    an empty value counts as not set. A named environment never falls through to what is behind it.
    Raises UsageError, never with a secret in it, for a value that names no database.
    """
    named = next((way for way in _ways(settings, url, environ) if way.value.strip()), None)
    return None if named is None else _chosen(named, settings, environ)


def choose_scratch(
    settings: Settings, *, url: str | None, environ: Mapping[str, str]
) -> Target | None:
    """Return the server on which scratch databases may be made, or None where none is named.

    `url` (the flag) > BANISTER_SCRATCH_URL > `scratch_url` in the settings. Raises UsageError as
    `choose_target` does.
    """
    here = settings.start
    value, source = url or "", "--scratch-url"
    if not value.strip():
        value, source = environ.get("BANISTER_SCRATCH_URL", ""), "BANISTER_SCRATCH_URL"
    if not value.strip():
        value, source = settings.scratch_url or "", "scratch_url in the settings"
        if "${" in value:
            value = expand(value, environ, read_env_file(settings.root, environ))
    if not value.strip():
        return None
    named = _Named(value=value, source=source, base=here)
    target = _chosen(named, settings, environ)
    if target.kind is not TargetKind.POSTGRESQL:
        raise UsageError(
            f"{named.source} names no PostgreSQL server",
            hint="without it a server is started for the time of the command",
        )
    return target


def _chosen(named: _Named, settings: Settings, environ: Mapping[str, str]) -> Target:
    value = named.value.strip()
    try:
        if named.is_path and not _SCHEME.match(value):
            target = _sqlite_file(value, named, settings)
        else:
            target = _parse(value, named, settings)
    except UsageError as exc:
        raise UsageError(
            f"{named.source}: {exc.message}", location=named.location, hint=exc.hint
        ) from None
    same = (
        name
        for name, held in sorted(environ.items())
        if held.strip() == value and name.isidentifier()
    )
    target = replace(
        target,
        lacks_password=bool(target.secrets),
        variable=next(same, None) if named.source == "--url" else None,
    )
    if named.source in {"--url", "--scratch-url"} and target.secrets:
        target = replace(target, warnings=(_password_in_arguments(named.source),))
    if target.kind is TargetKind.POSTGRESQL:
        password = environ.get("PGPASSWORD", "")
        target = replace(target, secrets=target.secrets | forms_of(password))
    return target


def no_target_error() -> UsageError:
    """Return the error for a command that needs a database and has none: it shows every way."""
    return UsageError(
        "no database is named",
        hint="name one in one of these ways; the first that is set counts:\n"
        "  --url URL\n"
        "  BANISTER_URL=URL\n"
        '  --env NAME, with url = "URL" under [env.NAME] in banister.toml\n'
        "  DATABASE_URL=URL\n"
        "  a file .env with a line BANISTER_URL=URL or DATABASE_URL=URL\n"
        "  DB_PATH=FILE, for SQLite; also in .env\n"
        f"URL is {_FORMS}",
    )


def _ways(settings: Settings, url: str | None, environ: Mapping[str, str]) -> Iterator[_Named]:
    """Yield what may name the database, first things first; `.env` is read only when reached."""
    here, root = settings.start, settings.root
    yield _Named(value=url or "", source="--url", base=here)
    yield _Named(value=environ.get("BANISTER_URL", ""), source="BANISTER_URL", base=here)
    if settings.env is not None:
        yield _from_environment_table(settings, environ)
        return
    yield _Named(value=environ.get("DATABASE_URL", ""), source="DATABASE_URL", base=here)
    env_file = read_env_file(root, environ)
    for name in ("BANISTER_URL", "DATABASE_URL"):
        yield _Named(value=env_file.get(name, ""), source=".env", base=root)
    db_path = environ.get("DB_PATH", "")
    yield _Named(value=db_path, source="DB_PATH", base=here, is_path=True)
    yield _Named(value=env_file.get("DB_PATH", ""), source=".env", base=root, is_path=True)


def _from_environment_table(settings: Settings, environ: Mapping[str, str]) -> _Named:
    table = f"[env.{settings.env}]"
    if settings.url is None:
        raise UsageError(
            f'the environment "{settings.env}" names no database',
            location=settings.env_location,
            hint=f"looked at --url, BANISTER_URL and url in {table}; with an environment named, "
            "DATABASE_URL, .env and DB_PATH are left alone",
        )
    try:
        value = settings.url
        if "${" in value:
            value = expand(value, environ, read_env_file(settings.root, environ))
    except UsageError as exc:
        raise UsageError(
            f"{table}: {exc.message}", location=settings.env_location or exc.location, hint=exc.hint
        ) from exc
    return _Named(value=value, source=table, base=settings.root, location=settings.env_location)


def _parse(value: str, named: _Named, settings: Settings) -> Target:
    """Read a value that is not empty. Errors do not repeat it: it may hold a password."""
    if value[0] in "'\"":
        raise UsageError(
            "the value begins with a quote",
            hint="write it without; a shell takes quotes off, but docker and systemd do not",
        )
    if value.lower() == "embedded:":
        return Target(
            kind=TargetKind.EMBEDDED, source=named.source, display="embedded:", public="embedded:"
        )
    scheme = _SCHEME.match(value)
    if scheme is None:
        if not _KEY_VALUE.match(value):
            raise _not_a_database(value)
        parts = parse_keywords(value)
    elif scheme["name"].lower() in ("postgresql", "postgres"):
        parts = parse_url(value)
    elif scheme["name"].lower() == "sqlite":
        return _sqlite_url(value[scheme.end() :], scheme["driver"] or "", named, settings)
    else:
        raise _unknown_scheme(scheme["name"].lower())
    return Target(
        kind=TargetKind.POSTGRESQL,
        conninfo=parts.conninfo,
        source=named.source,
        display=parts.display,
        public=parts.public,
        secrets=parts.secrets,
    )


def _not_a_database(value: str) -> UsageError:
    prefix = value.partition(":")[0].lower() if ":" in value else ""
    hint = f"give {_FORMS}"
    match prefix:
        case "jdbc":
            message = "a JDBC URL is for Java programs"
            hint = (
                "write postgresql://user@host:5432/dbname, without jdbc: and with the user before "
                "the host"
            )
        case "embedded":
            message, hint = "embedded: has nothing behind it", "write embedded:"
        case "sqlite" | "sqlite3" | "file":
            message = f"{prefix}: without // is not known here"
            hint = "write sqlite:///path/to/file.db, or sqlite:////path from the root"
        case "postgresql" | "postgres":
            message, hint = f"{prefix}: has no // behind it", "write postgresql://…"
        case _ if _FILE_NAME.fullmatch(value):
            message, hint = "a path alone is not a database URL", f"write sqlite:///{value}"
        case _:
            message = "not a database URL"
    return UsageError(message, hint=hint)


def _unknown_scheme(scheme: str) -> UsageError:
    close = get_close_matches(scheme, _SCHEMES, n=1, cutoff=0.75)
    guess = f"did you mean {close[0]}://? " if close else ""
    return UsageError(
        f"{scheme}:// is not a database that Banister knows", hint=f"{guess}give {_FORMS}"
    )


def _sqlite_url(rest: str, driver: str, named: _Named, settings: Settings) -> Target:
    name, _, query = rest.partition("?")
    if "cipher" in driver.lower():
        raise UsageError("encrypted SQLite files cannot be opened")
    unknown = {part.partition("=")[0] for part in query.split("&") if part} - _DRIVER_PARAMETERS
    if unknown:
        raise UsageError(
            "the SQLite URL has parameters that would change how the file is opened",
            hint="write sqlite:///path/to/file.db alone",
        )
    if name in ("", "/"):
        raise _in_memory()
    if not name.startswith("/"):
        raise UsageError(
            "sqlite:// with two slashes would name a host",
            hint="write sqlite:///path/to/file.db, or sqlite:////path from the root",
        )
    return _sqlite_file(name[1:], named, settings)


def _sqlite_file(name: str, named: _Named, settings: Settings) -> Target:
    if ":memory:" in name:
        raise _in_memory()
    if name.startswith("file:"):
        raise UsageError(
            "file: names are not known here", hint="write the path alone, or sqlite:///path"
        )
    if "\0" in name:
        raise UsageError("the path holds a NUL character")
    path = Path(os.path.abspath(named.base / name))  # noqa: PTH100  (links stay as written)
    shown = path.relative_to(settings.start) if path.is_relative_to(settings.start) else path
    printable = "".join(char if char.isprintable() else "?" for char in str(shown))
    return Target(
        kind=TargetKind.SQLITE,
        path=path,
        source=named.source,
        display=f"sqlite:///{printable}",
        public=f"sqlite:///{shown}",
    )


def _in_memory() -> UsageError:
    return UsageError(
        "a database in memory ends with the command",
        hint="name a file: sqlite:///path/to/file.db",
    )


def _password_in_arguments(flag: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="password_in_arguments",
        message=f"{flag} holds a password, and other users of this machine can see the arguments "
        "of a command",
        hint="use DATABASE_URL, PGPASSWORD, ~/.pgpass or a service file instead"
        if flag == "--url"
        else "use BANISTER_SCRATCH_URL, ~/.pgpass or a service file instead",
    )
