"""Rows of the history table and its log → History. The same for every engine. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from banister.errors import Finding, Severity
from banister.model import (
    AppliedMigration,
    Direction,
    History,
    HistoryTable,
    LogEvent,
    StoredFingerprint,
    Unfinished,
    Version,
)

__all__ = ["HistoryRow", "LogRow", "bare_name", "recall", "version_in"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """A row of the history table as text; rows come in order of application."""

    version: str
    name: str | None
    applied_at: datetime | None = None
    up_checksum: str | None = None
    down_checksum: str | None = None
    down_text: str | None = None
    down_kept: bool = False
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """The part of a log event that later runs decide by; rows come in order of their number."""

    event: str
    version: str | None = None
    name: str | None = None
    direction: str | None = None
    statement: int | None = None
    checksum: str | None = None
    detail: str | None = None


def bare_name(name: str, version: Version) -> str:
    """Return a migration's name without the number and endings that other runners keep in it.

    Only the version's own number goes: a name may begin with another one, such as a year.
    """
    name = re.sub(r"(\.(up|down))?(\.(postgresql|sqlite))?(\.sql)?$", "", name)
    number = re.match(r"([0-9]+)[_-]", name)
    if number is not None and int(number[1]) == version.number:
        return name[number.end() :]
    return name


def version_in(cell: str) -> Version | None:
    """Return the version that a cell of any runner's table names, None where it names none.

    A number, alone or before a name as in a file's; not text that merely begins with a digit, such
    as a hash.
    """
    digits = re.fullmatch(r"\s*([0-9]+)\s*(?:[_-].*)?", cell, re.DOTALL)
    return Version(digits[1]) if digits else None


def recall(
    rows: Iterable[HistoryRow],
    log: Iterable[LogRow],
    *,
    table: HistoryTable,
    database_is_new: bool,
) -> History:
    """Return what the rows say. Rows that cannot be read as versions become error findings."""
    applied: dict[Version, AppliedMigration] = {}
    findings: list[Finding] = []
    for row in rows:
        version = version_in(row.version)
        if version is None:
            findings.append(_unreadable_version(row, table))
            continue
        if version in applied:
            findings.append(_duplicate_version(version, applied[version], table))
            continue
        applied[version] = AppliedMigration(
            version=version,
            name=_name_of(row, version),
            applied_at=row.applied_at,
            up_checksum=row.up_checksum,
            down_checksum=row.down_checksum,
            down_text=row.down_text,
            down_kept=row.down_kept,
            duration_ms=row.duration_ms,
        )
    journal = _Journal()
    for event in log:
        journal.read(event)
    return History(
        applied=tuple(applied.values()),
        skipped=frozenset(journal.skipped - applied.keys()),
        seeded=journal.seeded,
        unfinished=tuple(journal.unfinished.values()),
        fingerprint=journal.fingerprint,
        database_is_new=database_is_new,
        findings=tuple(findings),
    )


def _name_of(row: HistoryRow, version: Version) -> str:
    """Our own rows hold the name as it is; they alone have a checksum."""
    name = row.name or ""
    return name if row.up_checksum is not None else bare_name(name, version)


class _Journal:
    """Folds log events, oldest first, into what still matters."""

    def __init__(self) -> None:
        self.skipped: set[Version] = set()
        self.seeded: bool | None = None
        self.unfinished: dict[Version, Unfinished] = {}
        self.fingerprint: StoredFingerprint | None = None

    def read(self, row: LogRow) -> None:
        if row.event == LogEvent.SEEDED:
            self.seeded = row.detail == "yes"
        if row.event == LogEvent.SNAPSHOT:
            self.fingerprint = StoredFingerprint(
                fingerprint=row.checksum or "",
                basis=row.detail or "",
                version=version_in(row.version or ""),
            )
            return
        if row.version is None:
            return
        version = Version(row.version)
        current = self.unfinished.get(version)
        match row.event:
            case LogEvent.SKIPPED:
                self.skipped.add(version)
            case LogEvent.STARTED:
                self.unfinished[version] = Unfinished(
                    version=version,
                    name=row.name or "",
                    direction=Direction(row.direction or Direction.UP),
                )
            case LogEvent.APPLIED | LogEvent.ROLLED_BACK | LogEvent.BASELINED:
                self.unfinished.pop(version, None)
                self.skipped.discard(version)
            case _ if current is not None:
                self.unfinished[version] = _advance(current, row)


def _advance(current: Unfinished, row: LogRow) -> Unfinished:
    match row.event, row.detail:
        case LogEvent.STATEMENT_STARTED, _:
            return replace(
                current,
                in_flight=True,
                running=row.checksum or "",
                remembered=row.detail,
                error=None,
            )
        case (LogEvent.STATEMENT_DONE, _) | (LogEvent.DECIDED, "done"):
            done = (*current.done, row.checksum or current.running)
            return replace(current, done=done, in_flight=False, error=None)
        case LogEvent.DECIDED, "retry":
            before = len(current.done) if row.statement is None else row.statement - 1
            return replace(current, done=current.done[:before], in_flight=False, error=None)
        case LogEvent.FAILED, _:
            return replace(current, error=row.detail)
    return current


def _unreadable_version(row: HistoryRow, table: HistoryTable) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="history_version_unreadable",
        message=f"the history table {table} has a row whose version is not a number: "
        f'"{row.version}"',
        hint="correct or remove that row, or name another table with `history_table`",
    )


def _duplicate_version(version: Version, first: AppliedMigration, table: HistoryTable) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="history_version_twice",
        message=f"the history table {table} has version {version.number} twice "
        f'(as "{first.version}" and as "{version}")',
        hint="remove the row that is not true",
        version=version.text,
    )
