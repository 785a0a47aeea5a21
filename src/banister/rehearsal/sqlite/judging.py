"""What was seen on a copy of a SQLite file → locks, findings and verdicts. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from banister.errors import Location, MigrationFailed, Severity
from banister.model import (
    Dialect,
    LockMode,
    RelationKind,
    StatementTrace,
    TableSize,
    TransactionMode,
)
from banister.rehearsal.accepting import accepted
from banister.rehearsal.sizes import SmallTables, size_words
from banister.rehearsal.sqlite.rules import FILE_HAZARDS
from banister.rehearsal.sqlite.seen import FileSeen
from banister.rehearsal.verdicts import (
    HazardFinding,
    HeldLock,
    MigrationRehearsal,
    StatementRehearsal,
    Verdict,
)
from banister.script import traits

__all__ = ["FileJudge", "TriedFile"]

_FILE = "the database file"
#: They read, and write nothing.
_READS = frozenset({"SELECT", "VALUES", "EXPLAIN", "ANALYZE"})
#: What seeds and guards end with where rows are not there that they count on.
#: https://www.sqlite.org/rescode.html
_NEEDS_ROWS = frozenset(
    {"SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_NOTNULL", "SQLITE_CONSTRAINT_TRIGGER"}
)
#: https://www.sqlite.org/lang_altertable.html#alter_table_add_column: of a table with any row.
_FAILS_ON_ANY_ROW = "Cannot add a "
_RESTRICTS = frozenset({"ALTER", "CREATE"})


@dataclass(frozen=True, kw_only=True)
class TriedFile:
    """One migration as it was carried out."""

    seen: FileSeen
    #: Why the last of its statements fails, also where tables are empty.
    failed: MigrationFailed | None = None
    #: Why it fails where tables hold generated rows, while it runs on empty ones.
    failed_on_rows: MigrationFailed | None = None
    duration_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class FileJudge:
    """Says what was seen means for the target."""

    #: Of the target's tables, by name.
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    small: SmallTables = field(default_factory=SmallTables)
    #: With a write-ahead log readers go on: https://www.sqlite.org/wal.html#concurrency
    readers_wait: bool = True
    #: The copy has all of the target's schema.
    exact: bool = True

    def judge(self, tried: TriedFile) -> MigrationRehearsal:
        """Return what is to be said about a migration."""
        seen = tried.seen
        numbered = tuple(self._numbered(tried))
        found = accepted(tuple(finding for _, finding in numbered), seen.step)
        by_number: dict[int, list[HazardFinding]] = {}
        for (number, _), finding in zip(numbered, found, strict=True):
            by_number.setdefault(number, []).append(finding)
        blocks = self._blocks(seen)
        statements = tuple(
            StatementRehearsal(
                trace=trace,
                location=_place(seen, trace.number),
                locks=tuple(self._locks(seen, trace, blocks)),
                work=tuple(self._work(seen, trace)),
                findings=tuple(by_number.get(trace.number, ())),
            )
            for trace in seen.traces
        )
        least = Verdict.BRIEF_LOCK if seen.traces else Verdict.SAFE
        return MigrationRehearsal(
            step=seen.step,
            verdict=max((least, *(each.verdict for each in found))),
            statements=statements,
            duration_ms=tried.duration_ms,
        )

    def _numbered(self, tried: TriedFile) -> Iterator[tuple[int, HazardFinding]]:
        """Yield findings with the number of the statement that each is about."""
        seen = tried.seen
        for hazard in FILE_HAZARDS:
            for match in hazard.meets(seen):
                yield (
                    match.statement,
                    HazardFinding(
                        rule=hazard.rule,
                        severity=hazard.severity,
                        verdict=hazard.verdict,
                        message=hazard.effect.format_map(match.names),
                        advice=hazard.advice.format_map(match.names),
                        relation=match.names.get("table"),
                        location=_place(seen, match.statement),
                    ),
                )
        for trace in seen.traces:
            work = list(self._work(seen, trace))
            if work:
                yield trace.number, self._long(seen, trace, work)
        failed = self._failure(tried)
        if failed is not None:
            yield failed

    def _long(self, seen: FileSeen, trace: StatementTrace, work: Sequence[str]) -> HazardFinding:
        all_wait = self.readers_wait and _writes(trace)
        who = "nobody can read or write the file" if all_wait else "nobody can write to the file"
        return HazardFinding(
            rule="long-work-under-lock",
            severity=Severity.WARNING,
            verdict=Verdict.BLOCKS_ALL if all_wait else Verdict.BLOCKS_WRITES,
            message=f"{who} while this takes its time: {', '.join(work)}",
            advice="run it while nothing else uses the file; PRAGMA journal_mode = WAL lets readers"
            " go on"
            if all_wait
            else "run it while nothing else writes to the file",
            location=_place(seen, trace.number),
        )

    def _failure(self, tried: TriedFile) -> tuple[int, HazardFinding] | None:
        seen, error = tried.seen, tried.failed or tried.failed_on_rows
        if error is None:
            return None
        number = next((t.number for t in seen.traces if t.failure or t.failure_on_rows), 0)
        number = number or (seen.traces[-1].number if seen.traces else 1)
        message, name = error.failure.message, error.failure.sqlite_error
        rule, severity, verdict = "cannot-run", Severity.ERROR, Verdict.CANNOT_RUN
        said, undecided = f"SQLite refuses it: {message}", False
        if tried.failed is None:
            word = _first_word(seen, number)
            if message.startswith(_FAILS_ON_ANY_ROW):
                rule, said = "add-required-column", f"fails where the table has any row: {message}"
            elif word in _RESTRICTS and (name or "").startswith("SQLITE_CONSTRAINT"):
                rule, severity, verdict = "fails-on-rows", Severity.NOTICE, Verdict.SAFE
                said = f"fails where rows break it, as those of the copy do: {message}"
            else:
                rule, severity, verdict = "fails-on-rows", Severity.WARNING, Verdict.NOT_CERTIFIED
                said = (
                    "fails on the rows that the copy was given, which may be of the target's kind"
                    f" or not: {message}"
                )
                undecided = True
        elif name in _NEEDS_ROWS or not self.exact:
            rule, severity, verdict = "needs-rows", Severity.WARNING, Verdict.NOT_CERTIFIED
            why = "which has none of the target's rows"
            if not self.exact:
                rule, why = "copy-differs", "whose schema is not quite the target's"
            said = f"fails on the copy, {why}: {message}; nothing behind it was tried"
            undecided = True
        finding = HazardFinding(
            rule=rule,
            severity=severity,
            verdict=verdict,
            message=said,
            advice=error.hint,
            location=_place(seen, number),
            undecided=undecided,
        )
        return number, finding

    def _blocks(self, seen: FileSeen) -> tuple[str, ...]:
        """Return what waits for the file while a migration runs."""
        long = (trace for trace in seen.traces if any(self._work(seen, trace)))
        if self.readers_wait and any(map(_writes, long)):
            return ("reads", "writes")
        return ("writes",)

    def _locks(
        self, seen: FileSeen, trace: StatementTrace, blocks: tuple[str, ...]
    ) -> Iterator[HeldLock]:
        together = seen.step.mode is TransactionMode.WHOLE
        first, last = seen.traces[0].number, seen.traces[-1].number
        if together and trace.number != first:
            return
        yield HeldLock(
            relation=_FILE,
            kind=RelationKind.DATABASE,
            mode=LockMode.RESERVED,
            blocks=blocks,
            taken_by=trace.number,
            held_through=last if together else trace.number,
        )

    def _work(self, seen: FileSeen, trace: StatementTrace) -> Iterator[str]:
        """Yield what takes the longer the larger the target's table is, where it is not small."""
        told: set[int] = set()
        for rewrite in trace.rewrites:
            if self._is_large(seen, rewrite.table_oid):
                told.add(rewrite.table_oid)
                yield f"{rewrite.table} is written again{_size(seen, rewrite.table_oid)}"
        for build in trace.builds:
            if self._is_large(seen, build.table_oid):
                told.add(build.table_oid)
                yield f"index {build.index} is built{_size(seen, build.table_oid)}"
        for scan in trace.scans:
            if scan.table_oid not in told and self._is_large(seen, scan.table_oid):
                yield f"{scan.table} is read whole{_size(seen, scan.table_oid)}"

    def _is_large(self, seen: FileSeen, oid: int) -> bool:
        return oid in seen.existing and not self.small.holds(seen.size(oid))


def _size(seen: FileSeen, oid: int) -> str:
    words = size_words(seen.size(oid))
    return f" ({words})" if words else ""


def _writes(trace: StatementTrace) -> bool:
    """Whether what it does with the rows that it reads may fill the cache and reach the file.

    Then the lock keeps readers out too: https://www.sqlite.org/lockingv3.html#writing
    """
    verifies = bool(trace.scans) and all(scan.why == "verify" for scan in trace.scans)
    return not verifies and _word(trace) not in _READS


def _word(trace: StatementTrace) -> str:
    return next(iter(traits(trace.statement, Dialect.SQLITE).words), "")


def _first_word(seen: FileSeen, number: int) -> str:
    return next((_word(trace) for trace in seen.traces if trace.number == number), "")


def _place(seen: FileSeen, number: int) -> Location:
    step = seen.step
    statement = next(t.statement for t in seen.traces if t.number == number)
    return Location(
        path=step.script.source.path,
        line=statement.line,
        column=statement.column,
        note=f"{step.direction}, statement {number} of {len(step.statements)}",
    )
