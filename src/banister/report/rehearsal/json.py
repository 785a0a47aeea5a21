"""A rehearsal → JSON for the envelope. Later versions only add keys. No I/O."""

from collections.abc import Iterator
from typing import Any

from banister.errors import Failure
from banister.model import StatementTrace, TableSize, Unfilled, Written
from banister.model.passwords import hide_passwords
from banister.rehearsal import (
    HazardFinding,
    HeldLock,
    MigrationRehearsal,
    Rehearsal,
    StatementRehearsal,
)
from banister.report.rehearsal.effects import Tables, affected_rows, tables_of
from banister.report.rehearsal.words import origin_of, problem_of, safer_text, shown_sql
from banister.report.results import location_json

__all__ = ["rehearsal_json"]


def rehearsal_json(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return what was found out, for the envelope.

    SQL is without passwords and cut where it is very long; `sql_length` says how long it is.
    """
    tables = tables_of(rehearsal)
    return {
        "verdict": rehearsal.verdict.value,
        "migrations": [_migration(each, tables) for each in rehearsal.migrations],
        "across": [_finding(each) for each in rehearsal.across],
        "server": rehearsal.server,
        "copied": rehearsal.copied,
        "not_certified": rehearsal.not_certified,
        "lost_probes": list(rehearsal.lost_probes),
        "unfilled": [_unfilled(each) for each in rehearsal.unfilled],
        "not_tried": [
            {"version": step.version.text, "name": step.name} for step in rehearsal.not_tried
        ],
        "duration_ms": rehearsal.duration_ms,
    }


def _migration(migration: MigrationRehearsal, tables: Tables) -> dict[str, Any]:
    return {
        "version": migration.step.version.text,
        "name": migration.step.name,
        "verdict": migration.verdict.value,
        "file": migration.step.script.source.path,
        "mode": migration.step.mode.value,
        "statements": [_statement(each, tables) for each in migration.statements],
        "findings": [_finding(each) for each in migration.findings],
        "duration_ms": migration.duration_ms,
    }


def _statement(statement: StatementRehearsal, tables: Tables) -> dict[str, Any]:
    trace = statement.trace
    sql, origin = shown_sql(trace.statement), origin_of(trace.statement)
    return {
        "number": trace.number,
        "line": statement.location.line or trace.statement.line,
        "sql": sql.text,
        "sql_cut": sql.cut_from is not None,
        "sql_length": len(trace.statement.text),
        "locks": [_lock(lock) for lock in statement.locks],
        **_work(trace, tables),
        "cascaded": list(trace.cascaded),
        "settings": {name: hide_passwords(value, origin) for name, value in trace.settings.items()},
        "failure": _failure(trace.failure, origin),
        "failure_on_rows": _failure(trace.failure_on_rows, origin),
        "findings": [_finding(each, origin) for each in statement.findings],
        "duration_ms": trace.duration_ms,
    }


def _lock(lock: HeldLock) -> dict[str, Any]:
    return {
        "relation": lock.relation,
        "kind": lock.kind.value,
        "mode": lock.mode.words,
        "blocks": list(lock.blocks),
        "taken_by": lock.taken_by,
        "held_through": lock.held_through,
        **_size(lock.size),
    }


def _work(trace: StatementTrace, tables: Tables) -> dict[str, Any]:
    return {
        "rewrites": [
            {
                "relation": one.relation,
                **_size(tables.size(one.table_oid, one.table)),
                "table": one.table,
                "kind": one.kind.value,
                "how": one.how,
                "reasons": list(one.reasons),
            }
            for one in trace.rewrites
        ],
        "scans": [
            {"relation": one.table, **_size(tables.size(one.table_oid, one.table)), "why": one.why}
            for one in trace.scans
        ],
        "builds": [
            {
                "relation": one.table,
                **_size(tables.size(one.table_oid, one.table)),
                "index": one.index,
            }
            for one in trace.builds
        ],
        "writes": [each for one in trace.written for each in _written(one, tables)],
    }


def _written(one: Written, tables: Tables) -> Iterator[dict[str, Any]]:
    size = tables.size(one.table_oid, one.table)
    for verb, count in (
        ("insert", one.inserted),
        ("update", one.updated),
        ("delete", one.deleted),
    ):
        if count:
            known = None if verb == "insert" else affected_rows(count, one, size)
            yield {
                "relation": one.table,
                "does": verb,
                "rows_on_copy": count,
                "estimated_rows": known,
            }


def _size(size: TableSize) -> dict[str, int | None]:
    return {"rows": size.rows, "size_bytes": size.size_bytes}


def _finding(finding: HazardFinding, origin: str = "") -> dict[str, Any]:
    told = problem_of(finding, origin)
    return {
        "rule": told.rule,
        "severity": told.severity.value,
        "verdict": finding.verdict.value,
        "message": told.message,
        "safer": safer_text(told.safer) if told.safer else None,
        "safer_files": list(told.safer),
        "advice": told.advice,
        "relation": finding.relation,
        "accepted": told.accepted,
        "undecided": finding.undecided,
        "location": location_json(told.location),
    }


def _failure(failure: Failure | None, origin: str) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "message": hide_passwords(failure.message, origin),
        "sqlstate": failure.sqlstate,
        "detail": failure.detail and hide_passwords(failure.detail, origin),
        "hint": failure.server_hint,
    }


def _unfilled(each: Unfilled) -> dict[str, str]:
    return {"table": each.table, "reason": each.reason}
