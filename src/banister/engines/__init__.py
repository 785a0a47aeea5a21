"""Databases behind one small contract; each adapter is imported only when it is used."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from banister.engines.base import (
    CertificateCheck,
    Database,
    Engine,
    HistoryChanged,
    SessionSettings,
    Transport,
)
from banister.project import Settings, Target, TargetKind

__all__ = [
    "CertificateCheck",
    "Database",
    "Engine",
    "HistoryChanged",
    "SessionSettings",
    "Transport",
    "open_engine",
]


@contextmanager
def open_engine(
    target: Target, settings: Settings, *, eyes: Target | None = None
) -> Iterator[Engine]:
    """Yield the engine for a target, closed afterwards.

    `eyes`: the same database for a session that may look at everything, where `apply` is to tell
    what each statement does there; for scratch databases alone.

    `embedded:` starts the project's own PostgreSQL when it is not running, and stops it after.
    Raises ConnectionFailed, or ServerError where the embedded server cannot be had.
    """
    session = SessionSettings(
        lock_timeout=settings.lock_timeout,
        statement_timeout=settings.statement_timeout,
        role=settings.role,
        search_path=settings.search_path,
        timezone=settings.timezone,
        sslmode=settings.sslmode,
        sslrootcert=settings.sslrootcert,
        show_queries=settings.show_queries,
    )
    match target.kind:
        case TargetKind.SQLITE:
            with _sqlite(target.path or Path(), settings, session) as engine:
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
def _sqlite(path: Path, settings: Settings, session: SessionSettings) -> Iterator[Engine]:
    from banister.engines.sqlite import SqliteEngine  # noqa: PLC0415 -- only when it is used

    engine = SqliteEngine(
        path, history=settings.history, settings=session, lock_wait=settings.lock_wait
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
