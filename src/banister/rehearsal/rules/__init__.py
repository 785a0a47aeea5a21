"""All rules about dangerous statements, as data; a module each for what they are about."""

from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.indexes import INDEXES

__all__ = ["HAZARDS", "Hazard", "Match", "Safer", "Seen"]

#: In the order in which findings are told.
HAZARDS: tuple[Hazard, ...] = (*INDEXES,)
