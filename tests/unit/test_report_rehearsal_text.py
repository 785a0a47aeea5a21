"""What a terminal shows of a rehearsal: everything that matters, once, within 100 columns."""

from dataclasses import replace

import pytest

from banister.errors import Failure, Severity
from banister.model import LockMode, RelationKind, TableSize, Unfilled
from banister.rehearsal import HeldLock, Rehearsal, Verdict
from banister.report.rehearsal.grid import cut, wrap
from banister.report.rehearsal.text import rehearsal_lines
from banister.report.style import Style, display_width
from rehearsal_kit import (
    a_finding,
    a_lock,
    a_migration_rehearsal,
    a_rehearsal,
    a_step,
    a_trace,
    five_hazards,
    hostile_rehearsal,
    rewrites,
    safe_migrations,
    updates,
)

PLAIN = Style()


def printed(rehearsal: Rehearsal) -> str:
    return "\n".join(rehearsal_lines(rehearsal, PLAIN))


def one_statement(*locks: HeldLock, **more: object) -> Rehearsal:
    migration = a_migration_rehearsal(
        "1_x", "ALTER TABLE portfolios DROP note;", locks={1: locks}, findings={1: [a_finding()]}
    )
    return a_rehearsal(migration, **more)


def test_a_migration_without_findings_is_one_line() -> None:
    lines = rehearsal_lines(a_rehearsal(*safe_migrations(20)), PLAIN)
    assert lines[:20] == [
        f"  {number:03}  {f'table_{number}':8}  safe online" for number in range(1, 21)
    ]
    assert len(lines) == 24
    assert lines[21].startswith("20 migrations rehearsed in 1.2 s on PostgreSQL 18.1, embedded; ")
    assert lines[23] == "safe online"


def test_five_hazards_are_told_with_lock_size_and_what_to_write_instead() -> None:
    said = printed(a_rehearsal(five_hazards()))
    assert "003  portfolio_limits  loses data  2 errors, 2 warnings, 1 notice" in said
    for expected in (
        "  2  ALTER TABLE portfolios ADD COLUMN     ACCESS EXCLUSIVE on portfolios  reads and",
        "token uuid DEFAULT…                   48 M rows, 31 GB                through line 10\n",
        "          · rewrites portfolios\n",
        "· reads all of portfolios to check a\n            condition: 48 M rows, 31 GB",
        "SET NOT NULL",
        "under the lock of line 2",
        "SHARE on positions",
        "  --> migrations/003_portfolio_limits.up.sql:6:1  add-foreign-key\n",
        "      safer, as 2 migrations:\n        ALTER TABLE positions\n            ADD CONSTRAINT",
        "-- then, in a migration of its own:\n        ALTER TABLE positions VALIDATE CONSTRAINT",
        "hint: first deploy an application that does not use it",
        "    1 other statement nobody waits for\n",
    ):
        assert expected in said
    assert said.endswith("\nloses data: 2 errors, 2 warnings, 1 notice")


def test_the_lines_of_a_report_are_lines() -> None:
    for rehearsal in (a_rehearsal(five_hazards()), hostile_rehearsal(), Rehearsal()):
        for line in rehearsal_lines(rehearsal, PLAIN):
            assert line.isprintable(), line


def test_a_line_fits_100_columns_whatever_names_there_are() -> None:
    huge = '"' + "a very long table name, " * 4 + "表" * 20 + '"'
    locks = [a_lock(huge), *(a_lock(f"part_{number}") for number in range(20))]
    migration = a_migration_rehearsal(
        f"20260101120000_{'long_' * 20}",
        f"ALTER TABLE {huge} ADD x int;",
        verdict=Verdict.BLOCKS_ALL,
        seen={1: a_trace(rewritten=rewrites(huge))},
        locks={1: locks},
        findings={1: [a_finding(message=f"rewrites {huge}, twice {huge}", advice=huge * 3)]},
    )
    lost = (f"probe {'x' * 300}",)
    lines = rehearsal_lines(
        a_rehearsal(migration, not_certified=huge * 2, lost_probes=lost, server=huge), PLAIN
    )
    wide = [line for line in lines if display_width(line) > 100 and "-->" not in line]
    assert wide == []
    assert any("and 15 locks more" in line for line in lines)


def test_colour_changes_nothing_but_colour() -> None:
    rehearsal = a_rehearsal(*safe_migrations(1), five_hazards(), across=(a_finding(),))
    plain = printed(rehearsal)
    coloured = "\n".join(rehearsal_lines(rehearsal, Style(colour=True)))
    assert "\033[1;31mloses data\033[0m" in coloured
    stripped = coloured
    for code in ("0", "1", "2", "32", "33", "1;31"):
        stripped = stripped.replace(f"\033[{code}m", "")
    assert stripped == plain


def test_very_many_statements_and_findings_are_counted() -> None:
    many = a_migration_rehearsal(
        "1_x",
        "\n".join(f"SELECT {number};" for number in range(1, 1_001)),
        locks={
            number: [a_lock("portfolios", by=number, through=1_000)] for number in range(1, 101)
        },
        findings={number: [a_finding()] for number in range(1, 101)},
    )
    lines = rehearsal_lines(a_rehearsal(many), PLAIN)
    assert len(lines) < 400
    said = "\n".join(lines)
    assert "and 40 more statements, told with --format json" in said
    assert "and 50 more findings, told with --format json" in said
    assert "900 other statements nobody waits for" in said


def test_rows_that_are_put_in_are_no_reason_to_speak_of_a_statement() -> None:
    inserts = replace(updates("portfolios", 0, 3)[0], updated=0, inserted=3)
    migration = a_migration_rehearsal(
        "1_x",
        "INSERT INTO portfolios VALUES (1);\nSELECT 2;",
        seen={1: a_trace(written=(inserts,))},
        findings={2: [a_finding()]},
    )
    said = printed(a_rehearsal(migration))
    assert "INSERT" not in said
    assert "1 other statement nobody waits for" in said


def test_hostile_text_moves_no_cursor() -> None:
    said = printed(hostile_rehearsal())
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "</script>" in said


def test_a_failure_that_no_finding_tells_is_told_with_its_hint() -> None:
    failure = Failure(message='column "nope" is not there', sqlstate="42703", server_hint="look")
    migration = a_migration_rehearsal(
        "1_x", "SELECT nope;", verdict=Verdict.CANNOT_RUN, seen={1: a_trace(failure=failure)}
    )
    said = printed(a_rehearsal(migration, not_tried=(a_step("2_y", "SELECT 1;"),)))
    assert "· fails" in said
    assert 'error: fails: column "nope" is not there [42703]' in said
    assert "hint: look" in said
    assert "not tried, behind one that cannot run:\n  2_y" in said
    assert said.endswith("cannot run: 1 error")


def test_a_failure_that_a_finding_tells_is_told_once() -> None:
    failure = Failure(message="it is refused", server_hint="look")
    finding = a_finding("cannot-run", "the server says: it is refused")
    migration = a_migration_rehearsal(
        "1_x", "SELECT 1;", seen={1: a_trace(failure=failure)}, findings={1: [finding]}
    )
    said = printed(a_rehearsal(migration))
    assert said.count("it is refused") == 1
    assert "hint: look" in said


def test_the_same_sql_is_shown_once() -> None:
    finding = a_finding(safer=("SELECT 'instead';",))
    migration = a_migration_rehearsal(
        "1_x", "SELECT 1;\nSELECT 2;", findings={1: [finding], 2: [finding]}
    )
    said = printed(a_rehearsal(migration))
    assert said.count("SELECT 'instead';") == 1
    assert "safer: as above for line 1" in said


def test_an_accepted_finding_is_told_with_its_reason_and_no_proposal() -> None:
    accepted = a_finding(safer=("SELECT 1;",), accepted="nobody uses it")
    migration = a_migration_rehearsal("1_x", "SELECT 2;", findings={1: [accepted]})
    said = printed(a_rehearsal(migration))
    assert "accepted: reads all of portfolios" in said
    assert "nobody uses it" in said
    assert "safer" not in said
    assert said.endswith(": 1 accepted")


def test_what_was_not_seen_is_said() -> None:
    said = printed(
        a_rehearsal(
            *safe_migrations(1),
            not_certified="not certified on 16: tried on PostgreSQL 18.1",
            lost_probes=("event triggers: permission denied",),
            unfilled=(Unfilled(table="users", reason="a check"),),
            across=(a_finding("lock-order", "locks a and then b"),),
        )
    )
    assert "\nnot certified on 16: tried on PostgreSQL 18.1\n" in said
    assert "could not be looked at:\n  event triggers: permission denied\n" in said
    assert "no rows could be put into:\n  users: a check\n" in said
    assert "across migrations\n\n    warning: locks a and then b\n      lock-order" in said


def test_whoever_waits_for_the_table_is_not_told_of_its_indexes() -> None:
    index = a_lock("portfolios_pkey", kind=RelationKind.INDEX)
    toast = a_lock("pg_toast_1", kind=RelationKind.TOAST)
    assert "portfolios_pkey" not in printed(one_statement(a_lock("portfolios"), index, toast))
    share = a_lock("portfolios", LockMode.SHARE)
    assert "ACCESS EXCLUSIVE on" in printed(one_statement(share, index))
    weak = a_lock("portfolios", LockMode.SHARE_UPDATE_EXCLUSIVE)
    assert "SHARE UPDATE" not in printed(one_statement(weak))


def test_a_share_of_the_copy_is_an_estimate_for_the_target() -> None:
    def said(of: int) -> str:
        migration = a_migration_rehearsal(
            "1_x",
            "UPDATE portfolios SET a = 1;",
            seen={1: a_trace(written=updates("portfolios", 5, of))},
            findings={1: [a_finding(severity=Severity.NOTICE)]},
        )
        return " ".join(printed(a_rehearsal(migration)).split())

    assert "updates all rows of portfolios, an estimated 48 M rows" in said(of=5)
    assert "updates some rows of portfolios, an estimated 24 M rows" in said(of=10)


def test_passwords_are_hidden() -> None:
    migration = a_migration_rehearsal(
        "1_x",
        "CREATE ROLE a PASSWORD 'hunter22';",
        findings={1: [a_finding(message="it shows 'hunter22'", safer=("SELECT 'hunter22';",))]},
    )
    assert "hunter22" not in printed(a_rehearsal(migration))


def test_nothing_is_nothing() -> None:
    assert rehearsal_lines(Rehearsal(), PLAIN) == ["nothing to rehearse"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("ab cd", 5, ["ab cd"]),
        ("ab cdef", 5, ["ab", "cdef"]),
        ("abcdefgh ij", 5, ["abcde", "fgh", "ij"]),
        ("has 48 M rows", 9, ["has", "48 M rows"]),
        ("表表表", 4, ["表表", "表"]),
    ],
)
def test_text_is_broken_at_spaces_but_not_inside_a_size(
    text: str, width: int, lines: list[str]
) -> None:
    assert wrap(text, width) == lines


def test_what_is_too_long_is_cut() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert wrap("ab cd ef gh", 2, most=2) == ["ab", "c…"]


def test_a_size_is_not_told_where_it_is_not_known() -> None:
    unknown = one_statement(replace(a_lock("portfolios"), size=TableSize()))
    assert "rows" not in printed(unknown)
