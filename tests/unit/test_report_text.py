"""What people read: errors with a caret, plans, status, SQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from banister.errors import (
    BanisterError,
    Failure,
    Finding,
    Location,
    MigrationFailed,
    Severity,
)
from banister.model import Direction, Plan, Source, State, StatusRow, TransactionMode, Version
from banister.planning import plan_down, plan_up
from banister.report import (
    Style,
    error_lines,
    finding_lines,
    plan_lines,
    sql_lines,
    status_lines,
    summary,
)
from samples import POSTGRES, a_folder, a_history, a_migration

PLAIN = Style()
COLOUR = Style(colour=True)


def failed(location: Location | None, **more: str | None) -> MigrationFailed:
    failure = Failure(message='relation "user" does not exist', sqlstate="42P01", **more)
    return MigrationFailed(
        'migration 0042_add_email.up.sql failed: relation "user" does not exist [42P01]',
        version="0042",
        failure=failure,
        location=location,
        state="rolled back; the database is at 0041, 1 pending",
        hint="correct the file and run `banister up` again",
    )


def caret_lines(text: str, marked: str) -> Sequence[str]:
    """The source line and the caret line of an error at the word `marked` of a text."""
    source = Source(path="migrations/001_a.up.sql", text=text)
    place = source.locate(text.index(marked))
    lines = error_lines(BanisterError("x", location=place), PLAIN)
    assert len(lines) == 4
    return lines[2:]


def points_at(lines: Sequence[str], marked: str) -> bool:
    """Whether the caret stands under the first letter of a word."""
    source, caret = lines
    return source.index(marked) == caret.index("^") and caret.count("^") == 1


def test_an_error_says_what_happened_where_what_is_left_and_what_to_do() -> None:
    text = "-- emails\nalter table user add column email text;\n"
    source = Source(path="migrations/0042_add_email.up.sql", text=text)
    place = source.locate(text.index("user"), note="up, statement 3 of 5")
    assert error_lines(failed(place), PLAIN) == [
        'error: migration 0042_add_email.up.sql failed: relation "user" does not exist [42P01]',
        "  --> migrations/0042_add_email.up.sql:2:13 (up, statement 3 of 5)",
        "    2 | alter table user add column email text;",
        "      |             ^",
        "state: rolled back; the database is at 0041, 1 pending",
        "hint:  correct the file and run `banister up` again",
    ]


def test_what_the_server_adds_is_shown_under_the_place() -> None:
    error = failed(None, detail="Key (id)=(1) exists.", server_hint="Try another.", context="a\nb")
    assert error_lines(error, PLAIN)[1:6] == [
        "detail: Key (id)=(1) exists.",
        "context: a",
        "       b",
        "server: Try another.",
        "state: rolled back; the database is at 0041, 1 pending",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_caret_is_right_with_every_line_end(end: str) -> None:
    lines = caret_lines(f"SELECT 1;{end}SELECT nope;{end}", "nope")
    assert lines[0] == "    2 | SELECT nope;"
    assert points_at(lines, "nope")


@pytest.mark.parametrize("before", ["\t\t", "SELECT\t'x',\t", "\u00a0 ", "\x0b\x07"])
def test_tabs_and_control_characters_are_one_space_each(before: str) -> None:
    lines = caret_lines(f"{before}nope", "nope")
    assert points_at(lines, "nope")
    assert all(line.isprintable() for line in lines)


def test_accents_do_not_move_the_caret() -> None:
    assert points_at(caret_lines("SELECT 'grüße', nope", "nope"), "nope")


@pytest.mark.parametrize(
    ("before", "columns"),
    [("'表格', ", 8), ("'😀' ", 5), ("'e\u0301', ", 5)],
    ids=["wide", "emoji", "combining"],
)
def test_the_caret_counts_what_a_terminal_shows(before: str, columns: int) -> None:
    _, caret = caret_lines(f"{before}nope", "nope")
    assert caret == "      | " + " " * columns + "^"


def test_a_place_behind_the_last_character_has_a_caret() -> None:
    source = Source(path="a.sql", text="SELECT")
    lines = error_lines(BanisterError("x", location=source.locate(6)), PLAIN)
    assert lines[-1] == "      | " + " " * 6 + "^"


@pytest.mark.parametrize("position", [0, 1, 58, 59, 60, 61, 200, 290, 295])
def test_a_long_line_is_cut_around_its_place(position: int) -> None:
    text = "a" * position + "N" + "b" * (299 - position)
    lines = caret_lines(text, "N")
    assert points_at(lines, "N")
    assert max(map(len, lines)) <= 130
    assert ("…a" in lines[0]) == (position >= 60)
    assert lines[0].endswith("b…") == (position < 240)


def test_a_line_that_just_fits_is_whole() -> None:
    assert caret_lines("x" * 119 + "N", "N")[0] == "    1 | " + "x" * 119 + "N"


def test_a_place_without_a_column_has_no_caret_and_a_file_alone_no_line() -> None:
    place = Location(path="a.sql", line=2, source_line="1\tx")
    assert error_lines(BanisterError("x", location=place), PLAIN) == [
        "error: x", "  --> a.sql:2", "    2 | 1 x",
    ]  # fmt: skip
    assert error_lines(BanisterError("x", location=Location(path="a.sql")), PLAIN) == [
        "error: x", "  --> a.sql",
    ]  # fmt: skip


def test_a_message_of_several_lines_stays_together() -> None:
    assert error_lines(BanisterError("one\ntwo", hint="three\nfour"), PLAIN) == [
        "error: one", "       two", "hint:  three", "       four",
    ]  # fmt: skip


def test_an_error_without_words_is_named() -> None:
    assert error_lines(BanisterError(""), PLAIN) == ["error: BanisterError"]


@pytest.mark.parametrize("severity", Severity)
def test_a_finding_has_its_severity_place_and_hint(severity: Severity) -> None:
    finding = Finding(
        severity=severity,
        code="x",
        message="something",
        location=Location(path="a.sql", line=1, column=3, source_line="ab"),
        hint="do this",
    )
    assert finding_lines(finding, PLAIN) == [
        f"{severity}: something", "  --> a.sql:1:3", "    1 | ab", "      |   ^", "hint:  do this",
    ]  # fmt: skip
    assert finding_lines(replace(finding, location=None, hint=None), PLAIN) == [
        f"{severity}: something"
    ]


def test_without_colour_there_is_no_escape_and_with_it_the_text_is_the_same() -> None:
    place = Location(path="a.sql", line=1, column=1, source_line="ab", note="up")
    plain = "\n".join(error_lines(failed(place), PLAIN))
    coloured = "\n".join(error_lines(failed(place), COLOUR))
    assert "\033" not in plain
    assert "\033[" in coloured
    for code in ("0", "1", "2", "31", "32", "33", "1;31"):
        coloured = coloured.replace(f"\033[{code}m", "")
    assert coloured == plain


def row(version: str, name: str, state: State, **more: object) -> StatusRow:
    return StatusRow(version=Version(version), name=name, state=state, **more)  # type: ignore[arg-type]


ROWS = (
    row("001", "initial", State.APPLIED, applied_at=datetime(2024, 5, 1, 12, 30, 5, tzinfo=UTC),
        duration_ms=1234),
    row("0002", "x", State.SKIPPED, tags=frozenset({"demo", "a"}), reversible=False),
    row("003", "longer_name", State.PENDING),
)  # fmt: skip


def test_status_stands_in_columns() -> None:
    assert status_lines(ROWS, PLAIN) == [
        "  001   initial      applied  2024-05-01 12:30:05 UTC  1.2 s",
        "  0002  x            skipped                                  a, demo, irreversible",
        "  003   longer_name  pending",
    ]


def test_colour_does_not_move_the_columns() -> None:
    plain, coloured = status_lines(ROWS, PLAIN), status_lines(ROWS, COLOUR)
    for code in ("0", "1", "2", "32", "1;31"):
        coloured = [line.replace(f"\033[{code}m", "") for line in coloured]
    assert [line.rstrip() for line in coloured] == plain


def test_a_column_that_nobody_needs_is_left_out() -> None:
    assert status_lines((row("1", "a", State.PENDING),), PLAIN) == ["  1  a  pending"]
    assert status_lines((), PLAIN) == []


def test_a_summary_counts_what_is_there() -> None:
    assert summary(ROWS) == "1 applied, 1 pending, 1 skipped"
    assert summary(()).startswith("no migrations yet")


CONCURRENT = a_migration("002_index", "CREATE INDEX CONCURRENTLY i ON a (id)")
FOLDER = a_folder(a_migration("001_a", "BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;"),
                  CONCURRENT)  # fmt: skip


CONCURRENT_NOTE = "runs outside a transaction: CREATE INDEX CONCURRENTLY cannot run inside one"


def up_plan() -> Plan:
    return plan_up(FOLDER, a_history(), POSTGRES)


def test_a_plan_lists_its_steps_and_how_they_run() -> None:
    assert plan_lines(up_plan(), PLAIN, looked=True) == [
        "would apply 2 migrations:",
        "",
        "  001  a      1 statement  in one transaction",
        "  002  index  1 statement  one by one          " + CONCURRENT_NOTE,
    ]


def test_a_plan_of_one_step_down() -> None:
    folder = a_folder(a_migration("001_a"))
    plan = plan_down(folder, a_history(*folder.migrations), POSTGRES)
    assert plan_lines(plan, PLAIN, looked=True)[0] == "would roll back 1 migration:"


def test_an_empty_plan_says_so_in_its_direction() -> None:
    assert plan_lines(Plan(direction=Direction.UP), PLAIN, looked=True) == ["nothing to apply"]
    down = Plan(direction=Direction.DOWN)
    assert plan_lines(down, PLAIN, looked=True) == ["nothing to roll back"]


def test_what_is_skipped_is_listed_with_its_tags() -> None:
    demo = a_migration("001_demo", "-- banister: tags=demo,x\nSELECT 1;")
    options = replace(POSTGRES, skip_tags=frozenset({"demo"}))
    lines = plan_lines(plan_up(a_folder(demo), a_history(), options), PLAIN, looked=True)
    assert lines == ["nothing to apply", "", "skipped by their tags:", "", "  001  demo  demo, x"]


def test_that_no_database_was_looked_at_is_said() -> None:
    assert "no database was looked at" in plan_lines(up_plan(), PLAIN, looked=False)[-1]


def test_the_sql_is_as_it_would_be_sent() -> None:
    assert sql_lines(up_plan(), PLAIN) == [
        "",
        "-- 001_a (up)",
        "BEGIN ISOLATION LEVEL SERIALIZABLE;",
        "SELECT 1;",
        "COMMIT;",
        "",
        "-- 002_index (up)",
        "CREATE INDEX CONCURRENTLY i ON a (id);",
    ]


def test_the_sql_of_a_half_done_step_begins_where_it_goes_on() -> None:
    plan = up_plan()
    step = replace(plan.steps[0], done=1, mode=TransactionMode.STATEMENTS)
    assert sql_lines(replace(plan, steps=(step,)), PLAIN) == ["", "-- 001_a (up)"]


def test_rows_of_a_copy_are_not_shown() -> None:
    text = "COPY a FROM stdin;\n1\n2\n\\.\n"
    plan = plan_up(a_folder(a_migration("001_a", text)), a_history(), POSTGRES)
    assert sql_lines(plan, PLAIN)[2:] == [
        "BEGIN;", "COPY a FROM stdin;", "-- (rows follow in the file)", "COMMIT;",
    ]  # fmt: skip
