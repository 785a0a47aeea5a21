"""The JSON that programs read: keys are only ever added."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from banister.errors import (
    BanisterError,
    Failure,
    Finding,
    Location,
    MigrationFailed,
    Severity,
    UsageError,
)
from banister.model import State, StatusRow, Version
from banister.planning import plan_up
from banister.report import (
    envelope,
    finding_json,
    plan_json,
    skipped_json,
    status_json,
    step_json,
)
from samples import POSTGRES, a_folder, a_history, a_migration

DEMO = a_migration("002_demo", "-- banister: tags=demo,a\nSELECT 1;")
FOLDER = a_folder(a_migration("001_a", "SELECT 1;\nSELECT 2;"), DEMO)


def test_every_command_answers_with_the_same_keys() -> None:
    told = envelope("up", 0, None, {})
    first_day = {"format": 1, "command": "up", "exit": 0, "error": None, "migrations": []}
    assert told.items() >= first_day.items()
    assert told.keys() == envelope("status", 1, UsageError("x"), {}).keys()


def test_a_command_adds_keys_and_fills_in_migrations() -> None:
    told = envelope("status", 3, None, {"migrations": [{"version": "1"}], "findings": []})
    assert told["migrations"] == [{"version": "1"}]
    assert told["findings"] == []
    assert told["exit"] == 3


def test_an_error_has_code_message_location_state_and_hint() -> None:
    place = Location(path="a.sql", line=2, column=3, source_line="x", note="up")
    error = BanisterError("went wrong", code="odd", location=place, state="as before", hint="retry")
    error.way_back = "restore it"
    error.way_back_note = "not now"
    assert envelope("up", 1, error, {})["error"] == {
        "code": "odd",
        "message": "went wrong",
        "location": {"path": "a.sql", "line": 2, "column": 3, "note": "up"},
        "state": "as before",
        "hint": "retry",
        "way_back": "restore it",
        "way_back_note": "not now",
    }


def test_what_is_not_known_is_null_and_not_left_out() -> None:
    assert envelope("up", 2, UsageError("no"), {})["error"] == {
        "code": "usage", "message": "no", "location": None, "state": None, "hint": None,
        "way_back": None,
        "way_back_note": None,
    }  # fmt: skip


def test_a_failed_migration_says_how_far_the_run_came() -> None:
    error = MigrationFailed(
        "failed",
        version="002",
        failure=Failure(message="m", sqlstate="42P01", detail="d", context="c"),
        applied=("001",),
        pending=("003",),
    )
    told = envelope("up", 1, error, {})["error"]
    assert told["code"] == "migration_failed"
    assert told["version"] == "002"
    assert (told["sqlstate"], told["detail"], told["context"]) == ("42P01", "d", "c")
    assert (told["applied"], told["pending"]) == (["001"], ["003"])


def test_a_finding() -> None:
    finding = Finding(severity=Severity.ERROR, code="edited", message="m", hint="h", version="001")
    assert finding_json(finding) == {
        "severity": "error", "code": "edited", "message": "m", "location": None, "hint": "h",
        "version": "001",
    }  # fmt: skip


def test_a_row_of_status() -> None:
    row = StatusRow(
        version=Version("001"),
        name="a",
        state=State.APPLIED,
        tags=frozenset({"z", "b"}),
        applied_at=datetime(2024, 5, 1, 12, tzinfo=UTC),
        duration_ms=4,
    )
    assert status_json(row) == {
        "version": "001", "name": "a", "state": "applied", "tags": ["b", "z"],
        "applied_at": "2024-05-01T12:00:00+00:00", "duration_ms": 4, "reversible": True,
        "down_kept": True,
    }  # fmt: skip
    assert status_json(replace(row, applied_at=None))["applied_at"] is None


def test_a_plan_has_its_steps_and_then_what_is_skipped() -> None:
    options = replace(POSTGRES, skip_tags=frozenset({"demo"}))
    plan = plan_up(FOLDER, a_history(), options)
    step, skipped = plan_json(plan, sql=False)
    assert step == {
        "version": "001", "name": "a", "direction": "up", "mode": "whole", "statements": [],
        "statement_count": 2, "done_before": 0, "file": "migrations/001_a.up.sql",
        "checksum": FOLDER.migrations[0].up.checksum, "notes": [], "state": "pending",
    }  # fmt: skip
    assert skipped == skipped_json(DEMO)
    assert skipped == {"version": "002", "name": "demo", "state": "skipped", "tags": ["a", "demo"]}


def test_the_sql_is_there_where_it_was_asked_for() -> None:
    plan = plan_up(FOLDER, a_history(), POSTGRES)
    assert plan_json(plan, sql=True)[0]["sql"] == ["SELECT 1;", "SELECT 2;"]


def test_a_step_takes_further_keys() -> None:
    (step, _) = plan_up(FOLDER, a_history(), POSTGRES).steps
    assert step_json(step, duration_ms=3)["duration_ms"] == 3


def test_all_of_it_is_json() -> None:
    plan = plan_up(FOLDER, a_history(), POSTGRES)
    told = envelope("plan", 0, None, {"migrations": plan_json(plan, sql=True)})
    assert json.loads(json.dumps(told)) == told
