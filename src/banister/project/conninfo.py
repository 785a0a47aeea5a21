"""Taking PostgreSQL connection URLs and strings apart, for display and for hiding secrets. No I/O.

libpq itself reads what is connected to; this module only knows enough of its rules to name the
database to people and to find the secrets: https://www.postgresql.org/docs/current/libpq-connect.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from urllib.parse import quote, unquote

from banister.errors import UsageError
from banister.project.secrets import forms_of, redact

__all__ = ["ConnectionParts", "parse_keywords", "parse_url"]

_SECRET_KEYWORDS = ("password", "sslpassword")
#: In `options`, settings of any name can be given.
_SECRET_WORD = re.compile(r"\w*(?:passw|pwd|secret|token|key)\w*\s*=", re.IGNORECASE)

# What may follow the user's part: hosts with ports, a database, parameters.
_HOST = r"(?:\[[0-9A-Fa-f:.%]*\]|[^\s@:/?#,\[\]]*)(?::[0-9]*)?"
_PARAMETER = r"[A-Za-z_]\w*=[^&]*"
_AFTER_USER = re.compile(
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<dbname>[^/?]*))?"
    rf"(?:\?(?P<query>(?:{_PARAMETER}(?:&{_PARAMETER})*)?))?",
    re.DOTALL,
)
_KEYWORD = re.compile(
    r"\s*(?P<key>\w+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'(?=\s|\Z)|(?P<plain>(?:\\.|[^\s\\'])"
    r"(?:\\.|[^\s\\])*|(?=\s|\Z)))",
    re.DOTALL,
)
_SCHEME = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
# A percent sign is kept where it begins an encoded character.
_UNSAFE_IN_USER = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&*()+,;=%]")

_ENCODE_HINT = (
    "write special characters in the user name and password percent-encoded: @ as %40, : as %3A, "
    "/ as %2F, ? as %3F, % as %25; or leave the password out and use PGPASSWORD or ~/.pgpass"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionParts:
    """What a connection URL or string says."""

    #: What libpq takes; it may hold secrets.
    conninfo: str = field(repr=False)
    #: For people: never a secret, never a parameter that may hold one.
    display: str
    #: What libpq takes, without the secrets: for a command that is shown.
    public: str
    #: Every form in which a secret of it may turn up.
    secrets: frozenset[str] = field(repr=False)


def parse_url(url: str) -> ConnectionParts:
    """Take a `postgresql://` URL apart; `postgres://` and `postgresql+driver://` are the same.

    A user name and password may hold raw special characters as long as only one reading is
    possible; `conninfo` has them encoded. Raises UsageError, without any part of the URL, where
    there is none or more than one.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise UsageError("not a PostgreSQL URL")
    rest = url[scheme.end() :]
    if "\0" in unquote(rest):
        raise UsageError("the URL holds a NUL character, which PostgreSQL does not take")
    userinfo, after = _split_user(rest)
    raw_user, colon, raw_password = (userinfo or "").partition(":")
    conninfo = "postgresql://"
    if userinfo is not None:
        conninfo += _encode(raw_user) + colon + _encode(raw_password) + "@"
    conninfo += after[0]
    match = after[1]
    values = {"user": unquote(raw_user), "dbname": unquote(match["dbname"] or "")}
    hosts, ports = _split_hosts(match["hosts"])
    values |= {"host": hosts, "port": ports}
    secrets = forms_of(raw_password) | forms_of(unquote(raw_password)) | {_encode(raw_password)}
    for parameter in (match["query"] or "").split("&"):
        key, _, raw = parameter.partition("=")
        value = unquote(raw)
        if key in _SECRET_KEYWORDS:
            secrets |= forms_of(raw) | forms_of(value)
        elif value:
            values[key] = value
    user = f"{_encode(raw_user)}@" if raw_user else ""
    return ConnectionParts(
        conninfo=conninfo,
        display=_display(values),
        public=f"postgresql://{user}{_without_secrets(after[0])}",
        secrets=secrets - {""},
    )


def parse_keywords(text: str) -> ConnectionParts:
    """Take a `key=value …` string apart.

    Raises UsageError, without any part of the text, where libpq could not read it.
    """
    values: dict[str, str] = {}
    secrets: frozenset[str] = frozenset()
    end = len(text.rstrip())
    position = 0
    while position < end:
        match = _KEYWORD.match(text, position)
        if match is None:
            raise UsageError(
                "the connection string cannot be read",
                hint="write key=value pairs; a value with spaces stands in single quotes, and \\ "
                "and ' in it have a \\ before them",
            )
        raw = match["quoted"] if match["quoted"] is not None else match["plain"]
        value = re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL)
        if match["key"] in _SECRET_KEYWORDS:
            secrets |= forms_of(value) | forms_of(raw)
        else:
            values[match["key"]] = value
        position = match.end()
    if "\0" in text:
        raise UsageError("the connection string holds a NUL character")
    public = {key: value for key, value in values.items() if not _may_be_secret(key, value)}
    return ConnectionParts(
        conninfo=text,
        display=_display(values),
        public=" ".join(f"{key}={_keyword_value(value)}" for key, value in public.items()),
        secrets=secrets,
    )


def _split_user(rest: str) -> tuple[str | None, tuple[str, re.Match[str]]]:
    """Split `user:password@` off; None: there is none."""
    readings: list[tuple[str | None, tuple[str, re.Match[str]]]] = []
    if match := _AFTER_USER.fullmatch(rest):
        readings.append((None, (rest, match)))
    for at in (found.start() for found in re.finditer("@", rest)):
        user, after = rest[:at], rest[at + 1 :]
        if re.search(r"[/?]", user.partition(":")[0]):
            continue
        if match := _AFTER_USER.fullmatch(after):
            readings.append((user, (after, match)))
    if len(readings) == 1:
        return readings[0]
    what = "cannot be read" if not readings else "can be read in more than one way"
    raise UsageError(f"the connection URL {what}", hint=_ENCODE_HINT)


def _without_secrets(after_user: str) -> str:
    """Return hosts, database and parameters of a URL without those that may hold a secret."""
    place, _, query = after_user.partition("?")
    pairs = [each.partition("=") for each in query.split("&") if each]
    kept = ["".join(pair) for pair in pairs if not _may_be_secret(pair[0], unquote(pair[2]))]
    return place + ("?" + "&".join(kept) if kept else "")


def _may_be_secret(key: str, value: str) -> bool:
    return key in _SECRET_KEYWORDS or _SECRET_WORD.search(value) is not None


def _keyword_value(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return value if re.fullmatch(r"[^\s\\']+", value) else f"'{escaped}'"


def _encode(raw: str) -> str:
    return _UNSAFE_IN_USER.sub(lambda found: quote(found[0], safe="", errors="replace"), raw)


def _split_hosts(hosts: str) -> tuple[str, str]:
    """Return hosts and ports as libpq's `host` and `port` keywords have them."""
    pairs = [re.fullmatch(r"(\[.*\]|[^:]*)(?::(.*))?", part) for part in hosts.split(",")]
    found = [(pair[1].strip("[]"), pair[2] or "") for pair in pairs if pair is not None]
    ports = [port for _, port in found]
    return ",".join(unquote(host) for host, _ in found), ",".join(ports) if any(ports) else ""


def _display(values: dict[str, str]) -> str:
    if "service" in values and not (values.get("host") or values.get("dbname")):
        return _plain(f"service={values['service']}")
    user = f"{values['user']}@" if values.get("user") else ""
    dbname = f"/{values['dbname']}" if values.get("dbname") else ""
    service = f" (service {values['service']})" if values.get("service") else ""
    host = values.get("host") or values.get("hostaddr") or ""
    if host.startswith("/") and "," not in host:
        return _plain(f"postgresql://{user}{dbname or '/'} on the socket {host}{service}")
    hosts = host.split(",")
    ports = values.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    pairs = zip_longest(hosts, ports[: len(hosts)], fillvalue="")
    where = ",".join(_host_and_port(host, port) for host, port in pairs)
    return _plain(f"postgresql://{user}{where}{dbname}{service}")


def _host_and_port(host: str, port: str) -> str:
    if ":" in host:
        host = f"[{host}]"
    elif "/" in host:
        host = quote(host, safe="")
    return f"{host}:{port}" if port else host


def _plain(text: str) -> str:
    """One line, printable, and without a password that hides in another part."""
    printable: Iterable[str] = (char if char.isprintable() else "?" for char in text)
    return redact("".join(printable), frozenset())
