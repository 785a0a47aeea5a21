"""Carrying pending migrations out on a scratch copy, to see what each statement does to others."""

from banister.rehearsal.verdicts import (
    HazardFinding,
    HeldLock,
    MigrationRehearsal,
    Rehearsal,
    StatementRehearsal,
    Verdict,
)

__all__ = [
    "HazardFinding",
    "HeldLock",
    "MigrationRehearsal",
    "Rehearsal",
    "StatementRehearsal",
    "Verdict",
]
