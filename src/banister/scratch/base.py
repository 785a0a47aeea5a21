"""What a place for scratch databases is, whatever stands behind it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from banister.engines import Engine, open_engine
from banister.errors import Failure, Finding, MigrationFailed
from banister.project import Settings, Target
from banister.scratch.lacks import advice_for

__all__ = ["Scratch"]

#: Seconds that a statement may take where tables hold a few rows, and it is looked at.
_TRACED_WAIT = 60.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Scratch(ABC):
    """Databases of our own, empty or cloned; all of them are gone when the place is closed."""

    #: For people, for example "PostgreSQL 18.1, embedded".
    display: str
    #: The project's settings, as they hold on these databases.
    settings: Settings
    #: The server's major version; None for SQLite.
    major: int | None = None
    #: The major version of the database that the migrations are for; None where it is not known.
    wanted: int | None = None
    #: Whether others use the server: then nothing that reaches all of it may run there.
    shared: bool = False
    #: What would have come before this place, and why it was not taken.
    passed_over: tuple[str, ...] = ()
    #: What is to be said about the place whatever is done there.
    warnings: tuple[Finding, ...] = ()

    #: Whether two threads may make and use databases here at once, and gain from it.
    side_by_side: bool = False
    #: Programs and extensions: what runs here does the same on a place of the same identity.
    identity: str = ""

    @property
    def not_certified(self) -> str | None:
        """Say that what is found here may not hold for the target, for example
        "not certified on 16: tried on PostgreSQL 18.1, embedded"; None where it does.
        """
        if self.wanted in {None, self.major}:
            return None
        return f"not certified on {self.wanted}: tried on {self.display}"

    @abstractmethod
    def create(self) -> Target:
        """Return an empty database. Raises DatabaseError, or ServerError."""

    @abstractmethod
    def clone(self, source: Target) -> Target:
        """Return a copy of a database of this place, to which nobody is connected.

        Raises DatabaseError, or ServerError.
        """

    @abstractmethod
    def drop(self, database: Target) -> None:
        """Throw a database of this place away, whoever is connected; nothing where it is gone.

        Raises DatabaseError, or ServerError.
        """

    def privileged(self, database: Target) -> Target:
        """Return the same database for a session that may look at everything there.

        On a server that the user named it is the role of its URL.
        """
        return database

    @contextmanager
    def open(self, database: Target, *, traced: bool = False) -> Iterator[Engine]:
        """Yield the engine for a database of this place, closed afterwards.

        It logs in as an ordinary role that owns the database, named as the target's where that is
        known. A MigrationFailed that leaves the block is explained. `traced`: its `apply` tells
        what each statement does, and none may take longer than a minute.
        """
        eyes, settings = self.privileged(database) if traced else None, self.settings
        if traced:
            bound = min(settings.statement_timeout or _TRACED_WAIT, _TRACED_WAIT)
            settings = replace(settings, statement_timeout=bound)
        with open_engine(database, settings, eyes=eyes, scratch=True) as engine:
            try:
                yield engine
            except MigrationFailed as error:
                self.explain(error)
                raise

    def explain(self, error: MigrationFailed) -> None:
        """Put into the hint what this server lacks, where that is the reason for a failure.

        An extension, a role or a right that the target may have; otherwise nothing changes.
        """
        advice = self.advice(error.failure)
        if advice is not None:
            error.hint = advice

    def advice(self, failure: Failure) -> str | None:
        """Return what this server lacks, and where to have it, if that is why something fails."""
        return advice_for(failure, shared=self.shared)
