"""The live schema against what the applied migrations make, run on a scratch database."""

from collections.abc import Collection, Generator
from dataclasses import dataclass, replace

from banister.engines import Engine
from banister.errors import DatabaseError, Finding
from banister.model import Dialect, Folder, History, ProofEvent, RunInfo, Step, Version
from banister.planning import (
    applied_steps,
    not_for_scratch,
    reaches_cluster,
)
from banister.project import Settings, Target
from banister.runner import refuse_errors
from banister.scratch import Scratch, open_scratch
from banister.scratch.place import opened
from banister.snapshot import (
    CatalogObject,
    Difference,
    ObjectIdentity,
    ObjectKind,
    Snapshot,
    Weight,
    compare,
    fingerprint_without,
    without,
)

__all__ = ["Drift", "Live", "StoredDrift", "compare_stored", "find_drift", "look"]

#: How often a database is looked at while runs change it.
_ATTEMPTS = 5
_PUBLIC = ObjectIdentity(ObjectKind.SCHEMA, "public")
#: From this major on the schema public belongs to whoever owns the database.
_PUBLIC_IS_THE_DATABASES = 15


@dataclass(frozen=True, kw_only=True)
class Live:
    """A database at one moment: what it remembers, and what it is."""

    history: History
    snapshot: Snapshot
    dialect: Dialect
    #: The server's major version; None for SQLite.
    major: int | None


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How the schema of a database is not what its applied migrations make."""

    #: Missing: the database lacks what the migrations make. Not expected: it has what none of them
    #: makes. Before: as the migrations make it; after: as the database has it.
    differences: tuple[Difference, ...]
    #: How many more there are that the settings say to pass over.
    ignored: int
    #: The applied migrations that were run for it.
    migrations: int
    #: What they were run on, for people.
    server: str
    #: That this is no server like the database's, for people; None: it is one.
    not_certified: str | None = None
    #: What is to be said about the place they were run on.
    findings: tuple[Finding, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing differs but the order of columns and the wording of texts."""
        return not any(difference.weight is Weight.REAL for difference in self.differences)


@dataclass(frozen=True, kw_only=True)
class StoredDrift:
    """Whether the schema is what the last run left."""

    #: None: not known.
    changed: bool | None
    #: Why it is not known.
    reason: str | None = None
    #: The version that was applied last when that run ended.
    version: Version | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is known to have changed."""
        return self.changed is not True


def look(engine: Engine) -> Live:
    """Return the history and the schema that belong together, by reads alone.

    Raises DatabaseError where runs change them all the time.
    """
    for _ in range(_ATTEMPTS):
        before = engine.read_history()
        snapshot = engine.snapshot(own=True)
        if engine.read_history() == before:
            database = engine.database
            sqlite = database.dialect is Dialect.SQLITE
            return Live(
                history=before,
                snapshot=snapshot,
                dialect=database.dialect,
                major=None if sqlite else database.server_version[0],
            )
    raise DatabaseError(
        "another run changes the database all the time",
        code="history_changed",
        hint="run the same command again when it is done",
    )


def find_drift(
    folder: Folder,
    live: Live,
    info: RunInfo,
    settings: Settings,
    *,
    target: Target | None,
    named: Target | None,
) -> Generator[ProofEvent, None, Drift]:
    """Run what is applied on a scratch database, in its order; return what the live one differs in.

    Raises FindingsError before anything runs where the files are not what was applied,
    MigrationFailed where one does not run on the scratch database, ServerError where none can be
    had.
    """
    steps, findings = applied_steps(folder, live.history, live.dialect)
    refuse_errors(findings)
    ran = frozenset(step.version for step in steps)
    files = replace(folder, migrations=tuple(m for m in folder.migrations if m.version in ran))
    with open_scratch(
        settings,
        dialect=live.dialect,
        target=target,
        named=named,
        major=live.major,
        apart=live.dialect is Dialect.POSTGRESQL and reaches_cluster(files),
    ) as scratch:
        refuse_errors(not_for_scratch(steps, shared=scratch.shared))
        made = yield from _made(scratch, steps, info)
        told, ignored = _compared(
            made, live, settings.drift_ignore, same_major=scratch.major == live.major
        )
        return Drift(
            differences=told,
            ignored=ignored,
            migrations=len(steps),
            server=scratch.display,
            not_certified=scratch.not_certified,
            findings=scratch.warnings,
        )


def compare_stored(live: Live, ignore: frozenset[str], tool_version: str) -> StoredDrift:
    """Compare the schema with the fingerprint that the last run stored."""
    stored, applied = live.history.fingerprint, live.history.applied
    last = applied[-1].version if applied else None
    if stored is None:
        return StoredDrift(
            changed=None, reason="no fingerprint was stored by the last run, or none ran"
        )
    if stored.version != last:
        where = f"version {stored.version}" if stored.version else "no migration"
        return StoredDrift(
            changed=None, reason=f"the fingerprint was stored when {where} was applied last"
        )
    now, basis = fingerprint_without(live.snapshot, ignore, tool_version)
    if basis != stored.basis:
        return StoredDrift(
            changed=None,
            reason=f"the fingerprint was taken otherwise: {stored.basis}; now it is {basis}",
        )
    return StoredDrift(changed=now != stored.fingerprint, version=stored.version)


def _made(
    scratch: Scratch, steps: tuple[Step, ...], info: RunInfo
) -> Generator[ProofEvent, None, Snapshot]:
    """Return the schema that the steps make in an empty database."""
    with opened(scratch, scratch.create(), info, ()) as place:
        for number, step in enumerate(steps):
            yield ProofEvent(doing=step.label, number=number, total=len(steps))
            place.run([step])
        return place.engine.snapshot(own=True)


def _compared(
    made: Snapshot, live: Live, ignore: Collection[str], *, same_major: bool
) -> tuple[tuple[Difference, ...], int]:
    """Return the differences to be told, and how many are passed over."""
    expected, found = made, live.snapshot
    if live.major is not None and (live.major < _PUBLIC_IS_THE_DATABASES or not same_major):
        # Who owns it and who may use it is then the cluster's doing, or the major's.
        silent = {"owner"} if same_major else {"owner", "grants"}
        expected, found = _public_without(silent, expected), _public_without(silent, found)
    told = compare(without(expected, ignore), without(found, ignore))
    return told, len(compare(expected, found)) - len(told)


def _public_without(silent: Collection[str], snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with less said about the schema public."""
    public = snapshot.objects.get(_PUBLIC)
    if public is None:
        return snapshot
    properties = {key: value for key, value in public.properties.items() if key not in silent}
    less = CatalogObject(identity=_PUBLIC, properties=properties)
    return replace(snapshot, objects={**snapshot.objects, _PUBLIC: less})
