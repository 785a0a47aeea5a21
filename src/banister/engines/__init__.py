"""Databases behind one small contract; each adapter is imported only when it is used."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from banister.engines.base import (
    CertificateCheck,
    Database,
    Engine,
    HistoryChanged,
    SessionSettings,
    Transport,
)
from banister.engines.dumps import Dumps
from banister.project import Settings, Target, TargetKind

__all__ = [
    "CertificateCheck",
    "Database",
    "Dumps",
    "Engine",
    "HistoryChanged",
    "SessionSettings",
    "Transport",
    "open_dumps",
    "open_engine",
]


@contextmanager
def open_engine(
    target: Target, settings: Settings, *, eyes: Target | None = None, scratch: bool = False
) -> Iterator[Engine]:
    """Yield the engine for a target, closed afterwards.

    `scratch`: it is a place to try things on, and nothing else is to be reached from there. A
    server sees to that by the role that is logged in; on a file of SQLite the engine does.
    `eyes`: the same database for a session that may look at everything, where `apply` is to tell
    what each statement does there; for scratch databases alone.

    `embedded:` starts the project's own PostgreSQL when it is not running, and stops it after.
    Raises ConnectionFailed, or ServerError where the embedded server cannot be had.
    """
    session = _session(settings)
    match target.kind:
        case TargetKind.SQLITE:
            with _sqlite(
                target.path or Path(), settings, session, confined=scratch, traced=bool(eyes)
            ) as engine:
                yield engine
        case TargetKind.POSTGRESQL:
            with _postgres(target.conninfo, target.display, settings, session, eyes) as engine:
                yield engine
        case TargetKind.EMBEDDED:
            from banister.engines.embedded import embedded  # noqa: PLC0415 -- only when it is used

            with (
                embedded(settings.root) as running,
                _postgres(running.conninfo, target.display, settings, session) as engine,
            ):
                yield engine


@contextmanager
def open_dumps(target: Target, settings: Settings) -> Iterator[Dumps]:
    """Yield a database for backups, closed afterwards; `embedded:` is started as for an engine.

    Raises ConnectionFailed, UnsupportedByEngine behind a pooler, or ServerError where the embedded
    server cannot be had.
    """
    session = _session(settings)
    if target.kind is TargetKind.SQLITE:
        from banister.engines.sqlite.dumps import SqliteDumps  # noqa: PLC0415 -- when it is used

        with closing(SqliteDumps(target.path or Path(), settings.history, session)) as lite:
            yield lite
        return
    # psycopg costs more to import than an offline command may take.
    from banister.engines.postgres.dumps import PostgresDumps  # noqa: PLC0415

    with ExitStack() as stack:
        conninfo = target.conninfo
        if target.kind is TargetKind.EMBEDDED:
            from banister.engines.embedded import embedded  # noqa: PLC0415 -- only when it is used

            conninfo = stack.enter_context(embedded(settings.root)).conninfo
        dumps = PostgresDumps(
            conninfo, display=target.display, history=settings.history, settings=session
        )
        yield stack.enter_context(closing(dumps))


def _session(settings: Settings) -> SessionSettings:
    return SessionSettings(
        lock_timeout=settings.lock_timeout,
        statement_timeout=settings.statement_timeout,
        role=settings.role,
        search_path=settings.search_path,
        timezone=settings.timezone,
        sslmode=settings.sslmode,
        sslrootcert=settings.sslrootcert,
        show_queries=settings.show_queries,
        backup_dir=settings.backup_dir,
    )


@contextmanager
def _sqlite(
    path: Path, settings: Settings, session: SessionSettings, *, confined: bool, traced: bool
) -> Iterator[Engine]:
    from banister.engines.sqlite import SqliteEngine  # noqa: PLC0415 -- only when it is used

    engine = SqliteEngine(
        path,
        history=settings.history,
        settings=session,
        lock_wait=settings.lock_wait,
        confined=confined,
        traced=traced,
    )
    with closing(engine):
        yield engine


@contextmanager
def _postgres(
    conninfo: str,
    display: str,
    settings: Settings,
    session: SessionSettings,
    eyes: Target | None = None,
) -> Iterator[Engine]:
    # psycopg costs more to import than an offline command may take.
    from banister.engines.postgres import PostgresEngine  # noqa: PLC0415

    engine = PostgresEngine(
        conninfo,
        display=display,
        history=settings.history,
        settings=session,
        eyes=None if eyes is None else eyes.conninfo,
    )
    with closing(engine):
        yield engine
