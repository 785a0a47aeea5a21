"""Which statements reach beyond their database, and so not onto a borrowed server. No I/O."""

from collections.abc import Iterable, Iterator

from banister.errors import Finding, Severity
from banister.model import Dialect, Folder, Step
from banister.script import (
    Window,
    cluster_work,
    gives_up_slot,
    may_reach_cluster,
    reaches_publisher,
    statements_of,
)

__all__ = ["beyond_the_database", "not_for_scratch", "reaches_cluster", "steps_reach_cluster"]


def beyond_the_database(steps: Iterable[Step]) -> tuple[Finding, ...]:
    """Return an error for each statement that changes the whole server or works on its machine.

    Told from its tokens: what a DO body or a function does is not seen.
    """
    return tuple(_findings(steps))


def not_for_scratch(steps: Iterable[Step], *, shared: bool) -> tuple[Finding, ...]:
    """Return an error for each statement that must not be tried on a scratch database.

    What works on another server does so from there too: a subscription that is made or dropped
    takes its slot on the publisher along. `shared`: also what reaches the whole scratch server.
    """
    tried = tuple(steps)
    return (*_elsewhere(tried), *(beyond_the_database(tried) if shared else ()))


def reaches_cluster(folder: Folder) -> bool:
    """Whether a migration for PostgreSQL may work on what all databases of a server share.

    Bodies of DO blocks and functions count: see `may_reach_cluster`.
    """
    found = False

    def look(window: Window) -> None:
        nonlocal found
        found = found or any(map(may_reach_cluster, window.statements))

    for migration in folder.migrations:
        for script in (migration.up, migration.down):
            if script is not None and not found:
                statements_of(script.source, Dialect.POSTGRESQL, look)
    return found


def steps_reach_cluster(steps: Iterable[Step]) -> bool:
    """Whether one of these steps may; see `reaches_cluster`."""
    return any(may_reach_cluster(each) for step in steps for _, each in step.to_run())


def _elsewhere(steps: Iterable[Step]) -> Iterator[Finding]:
    for step in steps:
        detached = False
        for number, statement in step.to_run():
            detached |= gives_up_slot(statement)
            if not reaches_publisher(statement, detached=detached):
                continue
            note = f"{step.direction}, statement {number} of {len(step.statements)}"
            yield Finding(
                severity=Severity.ERROR,
                code="reaches_other_server",
                message="it works on the publisher of a subscription, which is another server, and "
                "would do so from a scratch database too",
                location=step.script.source.locate(statement.start, note=note),
                hint="make subscriptions WITH (connect = false); before DROP SUBSCRIPTION write "
                "ALTER SUBSCRIPTION … SET (slot_name = NONE)",
                version=step.version.text,
            )


def _findings(steps: Iterable[Step]) -> Iterator[Finding]:
    for step in steps:
        for number, statement in step.to_run():
            what = cluster_work(statement, Dialect.POSTGRESQL)
            if what is None:
                continue
            note = f"{step.direction}, statement {number} of {len(step.statements)}"
            yield Finding(
                severity=Severity.ERROR,
                code="reaches_cluster",
                message=f"{what} reaches the whole server, which is not ours to try things on",
                location=step.script.source.locate(statement.start, note=note),
                hint="without --scratch-url it is tried on a server of its own",
                version=step.version.text,
            )
