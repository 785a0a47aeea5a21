"""What the library answers with, made of what several layers know."""

from dataclasses import dataclass

from banister.engines import Database
from banister.errors import Finding
from banister.model import Plan, StatusRow

__all__ = ["Preview", "Status"]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a run would do."""

    plan: Plan
    #: None: no database was looked at; everything in the folder counts as pending.
    database: Database | None


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where every migration stands."""

    rows: tuple[StatusRow, ...]
    findings: tuple[Finding, ...]
    database: Database
