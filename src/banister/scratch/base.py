"""What a place for scratch databases can do."""

from typing import Protocol

from banister.project import Settings, Target

__all__ = ["Scratch"]


class Scratch(Protocol):
    """Databases of our own, empty or cloned; all of them are gone when the place is closed."""

    @property
    def display(self) -> str:
        """What it is, for people, for example "PostgreSQL 18.1, embedded"."""

    @property
    def major(self) -> int | None:
        """The server's major version; None for SQLite."""

    @property
    def shared(self) -> bool:
        """Whether others use the server: then nothing that reaches all of it may run there."""

    @property
    def settings(self) -> Settings:
        """The project's settings, as they hold on these databases."""

    def create(self) -> Target:
        """Return an empty database. Raises DatabaseError."""

    def clone(self, source: Target) -> Target:
        """Return a copy of a database of this place, to which nobody is connected."""

    def drop(self, database: Target) -> None:
        """Throw a database of this place away; nothing happens where it is gone."""
