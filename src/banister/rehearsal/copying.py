"""Making scratch copies: of the target's schema, or of what the files make."""

from collections.abc import Mapping, Sequence

from banister.engines import Engine
from banister.errors import BanisterError, DatabaseError, ServerError
from banister.model import Folder, History, RunInfo, Step, Surroundings
from banister.planning import applied_steps
from banister.rehearsal.rehearse import Copy
from banister.runner import refuse_errors
from banister.scratch import Scratch
from banister.scratch.place import opened
from banister.snapshot import Difference, compare

__all__ = ["copy_of_files", "copy_of_target"]

#: So many of the places where a copy is not as the target are named.
_NAMED = 3


def copy_of_target(
    scratch: Scratch,
    engine: Engine,
    history: History,
    surroundings: Surroundings,
    folder: Folder,
    info: RunInfo,
    *,
    half_done: Step | None = None,
) -> Copy:
    """Return a scratch database with the target's schema and history, and without its rows.

    By pg_dump; where that is missing, or may not read every table, by running what is applied,
    which does not tell what of a migration that is half done is there. Nothing is written to the
    target. Raises DatabaseError, ServerError, FindingsError where the files are not what was
    applied, MigrationFailed where one does not run here.
    """
    try:
        return _by_dump(scratch, engine, history, surroundings, info)
    except (DatabaseError, ServerError) as error:
        if half_done is not None:
            raise DatabaseError(
                f"{half_done.label} is half done, and only a copy by pg_dump has what it left: "
                f"{error.message}",
                code="unfinished",
                hint="finish it first: run the command again that was interrupted",
            ) from error
        return _by_files(scratch, engine, history, surroundings, folder, info, why=error)


def copy_of_files(
    scratch: Scratch, steps: Sequence[Step], info: RunInfo, surroundings: Mapping[str, str]
) -> Copy:
    """Return a scratch database on which these steps were run.

    Raises MigrationFailed, DatabaseError, ServerError.
    """
    database = scratch.create()
    with opened(scratch, database, info, ()) as place:
        place.run(steps)
        applied = place.applied
    count = f"{len(steps)} migrations" if len(steps) != 1 else "1 migration"
    return Copy(
        scratch=scratch,
        database=database,
        applied=applied,
        copied=f"what {count} make" + ("s" if len(steps) == 1 else "") if steps else "empty",
        settings=surroundings,
    )


def _by_dump(
    scratch: Scratch,
    engine: Engine,
    history: History,
    surroundings: Surroundings,
    info: RunInfo,
) -> Copy:
    # It brings the driver with it, which costs more to import than an offline command may take.
    from banister.scratch.loading import check_extensions, load_schema  # noqa: PLC0415

    major = scratch.major or 0
    lost: tuple[str, ...] = ()
    text = engine.dump_schema(for_major=major)
    database = scratch.create()
    try:
        check_extensions(scratch, database, surroundings.extensions)
        load_schema(scratch, database, text)
    except DatabaseError as error:
        if not (scratch.shared and "role " in error.message):
            raise
        scratch.drop(database)
        text = engine.dump_schema(for_major=major, with_owners=False)
        database = scratch.create()
        load_schema(scratch, database, text)
        lost = (f"owners and rights: {error.message}",)
    with opened(scratch, database, info, ()) as place:
        place.engine.stamp(history.applied, info)
    return Copy(
        scratch=scratch,
        database=database,
        applied=frozenset(history.by_version),
        copied="the target's schema, by pg_dump",
        major=engine.database.server_version[0],
        version=engine.database.server_version,
        sizes=surroundings.sizes,
        settings=surroundings.settings,
        lost=lost,
    )


def _by_files(
    scratch: Scratch,
    engine: Engine,
    history: History,
    surroundings: Surroundings,
    folder: Folder,
    info: RunInfo,
    *,
    why: BanisterError,
) -> Copy:
    steps, findings = applied_steps(folder, history, engine.database.dialect)
    refuse_errors(findings)
    database = scratch.create()
    with opened(scratch, database, info, ()) as place:
        place.run(steps)
        differences = compare(engine.snapshot(own=True), place.engine.snapshot(own=True))
    return Copy(
        scratch=scratch,
        database=database,
        applied=frozenset(history.by_version),
        copied=f"what the applied migrations make, {_likeness(differences)}",
        exact=not differences,
        major=engine.database.server_version[0],
        version=engine.database.server_version,
        sizes=surroundings.sizes,
        settings=surroundings.settings,
        lost=(f"a copy by pg_dump: {why.message}",),
    )


def _likeness(differences: Sequence[Difference]) -> str:
    """Return how like the target the copy is, with the first places where it is not."""
    places = list(dict.fromkeys(str(each.identity) for each in differences))
    if not places:
        return "as the target's"
    count = f"{len(places)} place{'' if len(places) == 1 else 's'}"
    more = len(places) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"not as the target's in {count}: {', '.join(places[:_NAMED])}{rest}"
