"""All rules about dangerous statements, as data; a module each for what they are about."""

from banister.rehearsal.rules.base import Hazard, Match, Safer, Seen
from banister.rehearsal.rules.callers import CALLERS
from banister.rehearsal.rules.code import CODE
from banister.rehearsal.rules.columns import COLUMNS
from banister.rehearsal.rules.columns_added import COLUMNS_ADDED
from banister.rehearsal.rules.columns_restricted import COLUMNS_RESTRICTED
from banister.rehearsal.rules.columns_retyped import COLUMNS_RETYPED
from banister.rehearsal.rules.concurrently import CONCURRENTLY
from banister.rehearsal.rules.constraints import CONSTRAINTS
from banister.rehearsal.rules.domains import DOMAINS
from banister.rehearsal.rules.indexes import INDEXES
from banister.rehearsal.rules.keys import KEYS
from banister.rehearsal.rules.lookups import LOOKUPS
from banister.rehearsal.rules.objects import OBJECTS
from banister.rehearsal.rules.partitions import PARTITIONS
from banister.rehearsal.rules.tables import TABLES
from banister.rehearsal.rules.transactions import TRANSACTIONS
from banister.rehearsal.rules.triggers import TRIGGERS
from banister.rehearsal.rules.types import TYPES
from banister.rehearsal.rules.unseen import UNSEEN

__all__ = ["HAZARDS", "Hazard", "Match", "Safer", "Seen"]

#: In the order in which findings are told.
HAZARDS: tuple[Hazard, ...] = (
    *COLUMNS_ADDED,
    *COLUMNS_RESTRICTED,
    *COLUMNS,
    *COLUMNS_RETYPED,
    *CONSTRAINTS,
    *KEYS,
    *DOMAINS,
    *INDEXES,
    *CONCURRENTLY,
    *LOOKUPS,
    *PARTITIONS,
    *OBJECTS,
    *CALLERS,
    *TRIGGERS,
    *TYPES,
    *TRANSACTIONS,
    *UNSEEN,
    *CODE,
    *TABLES,
)
