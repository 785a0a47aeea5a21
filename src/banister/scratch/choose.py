"""Which place scratch databases are made in: a server named for it, the system's, our own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from banister.model import Dialect
from banister.project import Settings, Target, TargetKind
from banister.scratch.base import Scratch

__all__ = ["open_scratch"]


@contextmanager
def open_scratch(
    settings: Settings, *, dialect: Dialect, named: Target | None = None, major: int | None = None
) -> Iterator[Scratch]:
    """Yield a place for scratch databases; all of them are gone afterwards.

    `named` is a server that the user gives for it. Otherwise, for PostgreSQL, a server is started
    in a temporary folder: of the system's programs of `major` where there are any, else the
    embedded one. Raises ServerError where none can be had, ConnectionFailed for a named one.
    """
    # Drivers cost more to import than an offline command may take.
    if dialect is Dialect.SQLITE:
        from banister.scratch.sqlite import sqlite_scratch  # noqa: PLC0415

        with sqlite_scratch(settings) as files:
            yield files
        return
    from banister.scratch.cluster import temporary_server  # noqa: PLC0415
    from banister.scratch.postgres import named_scratch, own_scratch  # noqa: PLC0415
    from banister.scratch.programs import server_programs  # noqa: PLC0415

    with ExitStack() as stack:
        if named is not None and named.kind is TargetKind.POSTGRESQL:
            yield stack.enter_context(
                named_scratch(named.conninfo, settings, display=named.display)
            )
            return
        binaries, origin = server_programs(major)
        running = stack.enter_context(temporary_server(binaries))
        yield stack.enter_context(
            own_scratch(running, settings, display=f"PostgreSQL {binaries.version()}, {origin}")
        )
