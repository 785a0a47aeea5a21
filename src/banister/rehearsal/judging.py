"""Traces → locks with their lengths, findings and verdicts. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from banister.errors import Failure, Location, Severity
from banister.model import (
    Catalog,
    Dialect,
    Lock,
    RelationFacts,
    RelationKind,
    Statement,
    StatementTrace,
    Step,
    TableSize,
    TransactionMode,
)
from banister.rehearsal.accepting import accepted
from banister.rehearsal.rules import HAZARDS, Hazard, Match, Seen
from banister.rehearsal.sizes import SmallTables, size_words
from banister.rehearsal.verdicts import (
    HazardFinding,
    HeldLock,
    MigrationRehearsal,
    StatementRehearsal,
    Verdict,
)
from banister.script import traits

__all__ = ["Judge", "Tried"]

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})
#: What seeds and guards end with where rows are not there that they count on: keys that point to
#: nothing, NULL instead of what was looked up, an exception of their own, no row or several.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_NEEDS_ROWS = frozenset({"23502", "23503", "21000", "P0001", "P0002", "P0003", "P0004"})
_TOO_LONG = "57014"
#: Statements that make new demands on rows that are there.
_RESTRICTS = frozenset({"ALTER", "CREATE"})
#: A foreign server is not reached, or leads nowhere in the copy.
_NO_SERVER, _NO_HANDLER = "08001", " has no handler"
#: What takes so long where tables hold a few rows takes no less elsewhere. Milliseconds.
_LONG_MS = 5_000


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One migration as it was carried out on the copy."""

    step: Step
    traces: tuple[StatementTrace, ...] = ()
    #: The catalogs before each of them.
    before: tuple[Catalog, ...] = ()
    #: What the scratch server lacks, where that is why the last of them fails.
    lack: str | None = None
    duration_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Says what traces mean for the target."""

    #: The target's major version; the scratch server's where there is no target.
    major: int
    #: All of its version; None: not known.
    version: tuple[int, ...] | None = None
    #: Relations that were there before the run, by OID.
    existing: Mapping[int, RelationFacts] = field(default_factory=dict)
    #: Of the target's tables, by name.
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    small: SmallTables = field(default_factory=SmallTables)
    #: The copy has the target's schema, as far as is known.
    exact: bool = True
    #: See `Tried.lack`.
    lack: str | None = None

    def judge(self, tried: Tried) -> MigrationRehearsal:
        """Return what is to be said about a migration."""
        statements = tuple(self._statement(tried, number) for number in range(len(tried.traces)))
        statements = tuple(
            replace(each, findings=accepted(each.findings, tried.step)) for each in statements
        )
        worst = max(
            (max((f.verdict for f in each.findings), default=Verdict.SAFE) for each in statements),
            default=Verdict.SAFE,
        )
        worst = max([worst, *(self._level(tried.traces, n) for n in range(len(tried.traces)))])
        return MigrationRehearsal(
            step=tried.step,
            verdict=worst,
            statements=statements,
            duration_ms=tried.duration_ms,
        )

    def _statement(self, tried: Tried, number: int) -> StatementRehearsal:
        trace = tried.traces[number]
        location = _place(tried.step, trace)
        seen = Seen(
            trace=trace,
            step=tried.step,
            earlier=tried.traces[:number],
            later=tried.traces[number + 1 :],
            major=self.major,
            version=self.version,
            existing=self.existing,
            before=tried.before[number],
            sizes=self.sizes,
        )
        findings = [
            self._finding(hazard, match, seen, location)
            for hazard in HAZARDS
            for match in hazard.meets(seen)
        ]
        findings += self._untold(tried.traces, number, findings, location)
        return StatementRehearsal(
            trace=trace,
            location=location,
            locks=tuple(self._locks(tried, trace)),
            work=tuple(self._work(trace)),
            findings=tuple(dict.fromkeys(findings)),
        )

    def _finding(
        self, hazard: Hazard, match: Match, seen: Seen, location: Location
    ) -> HazardFinding:
        names = dict(match.names)
        size = seen.size(match.table_oid)
        harmless = hazard.grows and match.table_oid is not None and self.small.holds(size)
        message = hazard.effect.format_map(names)
        if hazard.grows and (words := size_words(size)):
            message += f" ({words})"
        safer = next((each for each in hazard.safer if each.fits(self.major, names)), None)
        table = self.existing.get(match.table_oid or 0)
        return HazardFinding(
            rule=hazard.rule,
            severity=Severity.NOTICE if harmless else hazard.severity,
            verdict=min(hazard.verdict, Verdict.BRIEF_LOCK) if harmless else hazard.verdict,
            message=message,
            safer=tuple(text.format_map(names) for text in safer.files) if safer else (),
            advice=(hazard.advice or "").format_map(names) or None,
            relation=table.name if table is not None else names.get("table"),
            location=location,
            undecided=hazard.undecided,
        )

    def _locks(self, tried: Tried, trace: StatementTrace) -> Iterator[HeldLock]:
        together = tried.step.mode is TransactionMode.WHOLE and not trace.alone
        for lock in sorted(trace.locks, key=lambda lock: -lock.mode.rank):
            existing = self.existing.get(lock.relation_oid)
            if existing is None:
                continue
            yield HeldLock(
                relation=lock.relation,
                kind=lock.kind,
                mode=lock.mode,
                blocks=lock.blocks,
                taken_by=trace.number,
                held_through=_held_through(tried, lock) if together else trace.number,
                size=self.sizes.get(existing.name, TableSize()),
            )

    def _untold(
        self,
        traces: Sequence[StatementTrace],
        number: int,
        findings: Sequence[HazardFinding],
        location: Location,
    ) -> Iterator[HazardFinding]:
        """Say what no rule has said of a statement that is worse than they make it."""
        trace = traces[number]
        undecided = self._undecided(trace)
        if undecided is not None and not any(f.verdict is Verdict.CANNOT_RUN for f in findings):
            yield replace(undecided, location=location)
        level = self._level(traces, number)
        if level < Verdict.BLOCKS_WRITES or any(f.verdict >= level for f in findings):
            return
        # A worse one is of a lock that an earlier statement took, and is told where to split.
        if level <= Verdict.BLOCKS_ALL and any(f.verdict > Verdict.BRIEF_LOCK for f in findings):
            return
        if trace.failure is not None:
            yield HazardFinding(
                rule="cannot-run",
                severity=Severity.ERROR,
                verdict=Verdict.CANNOT_RUN,
                message=f"the server refuses it: {trace.failure.message}",
                location=location,
            )
            return
        if level is Verdict.LOSES_DATA:
            tables = ", ".join(sorted(self._lost(trace)))
            message = f"rows or values are lost: {tables}"
        else:
            locks = sorted({lock.table for lock in self._blocking(trace, level)})
            who = "nobody can read or write" if level is Verdict.BLOCKS_ALL else "nobody can write"
            work = ", ".join(self._work(trace))
            message = f"{who} {', '.join(locks)} while this takes its time: {work}"
        yield HazardFinding(
            rule="data-loss" if level is Verdict.LOSES_DATA else "long-work-under-lock",
            severity=Severity.WARNING,
            verdict=level,
            message=message,
            location=location,
        )

    def _undecided(self, trace: StatementTrace) -> HazardFinding | None:
        """Say of a failure that it may be one of the copy alone."""
        failure = trace.failure or trace.failure_on_rows
        if failure is None:
            return None
        if trace.failure is None:
            return _on_rows(trace.statement, failure)
        if failure.sqlstate in _NEEDS_ROWS:
            rule, why = "needs-rows", "fails on the copy, which has none of the target's rows"
        elif failure.sqlstate == _NO_SERVER or failure.message.endswith(_NO_HANDLER):
            rule, why = "needs-server", "needs another server, and a copy reaches none"
        elif failure.sqlstate == _TOO_LONG:
            rule, why = "takes-too-long", "is not done in time, although tables hold few rows here"
        elif self.lack is not None and trace.failure is not None:
            rule, why = "scratch-lacks", self.lack
        elif not self.exact:
            rule, why = "copy-differs", "fails on a copy whose schema is not quite the target's"
        else:
            return None
        return HazardFinding(
            rule=rule,
            severity=Severity.WARNING,
            verdict=Verdict.NOT_CERTIFIED,
            message=f"{why}: {failure.message}; whether it fails in the target is not known, and"
            " nothing behind it was tried",
            undecided=True,
        )

    def _level(self, traces: Sequence[StatementTrace], number: int) -> Verdict:
        """Return how bad a statement is by what was seen alone, whatever rules say."""
        trace = traces[number]
        if trace.failure is not None:
            unknown = self._undecided(trace) is not None
            return Verdict.NOT_CERTIFIED if unknown else Verdict.CANNOT_RUN
        if any(self._lost(trace)):
            return Verdict.LOSES_DATA
        blocking = list(self._blocking(trace))
        if any(self._work(trace)):
            if any("reads" in lock.blocks for lock in blocking):
                return Verdict.BLOCKS_ALL
            if blocking:
                return Verdict.BLOCKS_WRITES
        return Verdict.BRIEF_LOCK if blocking and trace.locks else Verdict.SAFE

    def _blocking(self, trace: StatementTrace, level: Verdict | None = None) -> Iterator[Lock]:
        """Yield the locks that others wait for; of `level`, those that make it as bad as that."""
        for lock in trace.all_locks:
            # Outside of a transaction an index is locked for the end of the statement alone.
            briefly = trace.alone and lock.kind is RelationKind.INDEX
            reads = "reads" in lock.blocks
            fits = reads if level is Verdict.BLOCKS_ALL else bool(lock.blocks)
            if fits and lock.relation_oid in self.existing and not briefly:
                yield lock

    def _lost(self, trace: StatementTrace) -> Iterator[str]:
        """Yield what of the target's rows or values the statement throws away."""
        gone = {each.any.oid for each in trace.relations if each.dropped}
        for oid in sorted(gone & self.existing.keys()):
            if self.existing[oid].kind in _TABLES:
                yield self.existing[oid].name
        for column in trace.columns:
            of, was = self.existing.get(column.any.table_oid), column.any
            if not column.dropped or of is None or of.oid in gone or of.kind not in _TABLES:
                continue
            if not was.generated:
                yield f"{was.table}.{was.name}"
        for rewrite in trace.rewrites:
            if rewrite.how == "truncate" and rewrite.relation_oid in self.existing:
                yield rewrite.relation
        for written in trace.written:
            if written.deleted and written.table_oid in self.existing:
                yield written.table

    def _work(self, trace: StatementTrace) -> Iterator[str]:
        """Yield what takes the longer the larger the target's table is, where it is not small."""
        if trace.duration_ms >= _LONG_MS:
            yield f"it took {trace.duration_ms / 1000:.0f} s on the copy"
        for rewrite in trace.rewrites:
            if rewrite.how == "rewrite" and self._is_large(rewrite.relation_oid):
                yield f"{rewrite.relation} is written again"
        # The keys that a new table refers to are looked up one by one.
        referring = any(
            each.any.kind == "foreign key" and each.any.table_oid in self.existing
            for each in trace.constraints
        )
        for scan in trace.scans:
            if scan.why == "foreign key" and not referring:
                continue
            if self._is_large(scan.table_oid):
                yield f"{scan.table} is read whole"
        for build in trace.builds:
            if self._is_large(build.table_oid):
                yield f"index {build.index} is built"

    def _is_large(self, oid: int) -> bool:
        facts = self.existing.get(oid)
        if facts is None:
            return False
        return not self.small.holds(self.sizes.get(facts.name, TableSize()))


def _on_rows(statement: Statement, failure: Failure) -> HazardFinding:
    """Say of a statement that it fails on rows alone; what is new for them they may well break."""
    word = next(iter(traits(statement, Dialect.POSTGRESQL).words), "")
    new = word in _RESTRICTS and (failure.sqlstate or "").startswith("23")
    why = "fails where rows break it, as those of the copy do, which were made without it"
    if not new:
        why = "fails on the rows that the copy was given, which may be of the target's kind or not"
    return HazardFinding(
        rule="fails-on-rows",
        severity=Severity.NOTICE if new else Severity.WARNING,
        verdict=Verdict.SAFE if new else Verdict.NOT_CERTIFIED,
        message=f"{why}: {failure.message}",
        undecided=not new,
    )


def _held_through(tried: Tried, lock: Lock) -> int:
    """Return the last statement during which a lock is held that its transaction does not end."""
    last = lock.taken_by
    for trace in tried.traces:
        if trace.number <= lock.taken_by:
            continue
        if not any(h.relation_oid == lock.relation_oid and h.mode >= lock.mode for h in trace.held):
            break
        last = trace.number
    return last


def _place(step: Step, trace: StatementTrace) -> Location:
    statement = trace.statement
    return Location(
        path=step.script.source.path,
        line=statement.line,
        column=statement.column,
        note=f"{step.direction}, statement {trace.number} of {len(step.statements)}",
    )
