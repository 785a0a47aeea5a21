"""Words that have an order. No I/O."""

from enum import StrEnum

__all__ = ["Ranked"]


class Ranked(StrEnum):
    """Words compared by the order in which they are defined, not by their letters."""

    @property
    def rank(self) -> int:
        """0 for the first."""
        return list(type(self)).index(self)

    def __lt__(self, other: object) -> bool:
        return self.rank < other.rank if isinstance(other, type(self)) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self.rank <= other.rank if isinstance(other, type(self)) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self.rank > other.rank if isinstance(other, type(self)) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self.rank >= other.rank if isinstance(other, type(self)) else NotImplemented
