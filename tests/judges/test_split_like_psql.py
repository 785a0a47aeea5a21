"""The judge of the PostgreSQL splitter is psql: both must find the same statements and rows."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psql_judge import comparable, found_psql, sent_by

from banister.model import Dialect
from banister.script import scan

CASES = sorted((Path(__file__).parent.parent / "cases" / "split").glob("*.sql"))
PSQL = found_psql()

needs_psql = pytest.mark.skipif(not PSQL, reason="no psql on PATH and none in the wheel")
#: The newest stands for all of them.
each_psql = pytest.mark.parametrize(
    "program",
    [
        pytest.param(program, id=name, marks=() if name == max(PSQL) else pytest.mark.everything)
        for name, program in PSQL.items()
    ],
)


def agree(program: str, script: str) -> None:
    """Compare psql's statements with ours, up to the first place that we cannot split."""
    found = scan(script, Dialect.POSTGRESQL)
    sent, left_off = sent_by(program, script)
    ours = [comparable(statement.text) for statement in found.statements]
    # psql sends the comments behind a last statement without `;` along with it.
    theirs = [comparable(each.query) for each in sent]
    their_rows = [_rows(each.rows) for each in sent]
    if ours and len(theirs) == len(ours) and theirs[-1].startswith(ours[-1]):
        behind = comparable(theirs[-1][len(ours[-1]) :])
        theirs[-1] = ours[-1] + behind
    our_rows = [
        None if s.copy_start is None else script[s.copy_start : s.copy_end]
        for s in found.statements
    ]
    compared = len(ours)
    if found.problems:
        compared = sum(s.start < found.problems[0].offset for s in found.statements)
    if left_off:
        compared = min(compared, len(theirs))
    elif not found.problems:
        assert len(theirs) == len(ours)
    assert theirs[:compared] == ours[:compared]
    assert their_rows[:compared] == our_rows[:compared]


def _rows(rows: str | None) -> str | None:
    """Take off the end marker, which psql sends along up to 17, and at the very end of a file."""
    return None if rows is None else re.sub(r"(\A|(?<=\n))\\\.\r?\n?\Z", "", rows)


@needs_psql
@each_psql
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_file_is_split_as_psql_splits_it(program: str, path: Path) -> None:
    agree(program, path.read_bytes().decode())


# Pieces that open, close, hide or end something. No psql command, no predefined variable, and none
# of the few rules that psql 15 and 18 differ in (\v, junk behind numbers).
# fmt: off
FRAGMENTS = st.sampled_from([
    ";", ";", ";", ";\n", "\n", "\n", "\r\n", "\r", " ", " ", "\t", "\f",
    "'", "''", '"', '""', "E'", "e'", "U&'", 'U&"', "b'", "N'", "xe'", "'a;b'", "E'\\''", '"a;b"',
    "$$", "$a$", "$b$", "$", "$1", "a$1$", "$$;$$", "$a$;$$;$a$",
    "--", "-", "/*", "*/", "/", "*", "/* ; */", "-- ;\n", "--\r", "/*/", "**/", "//*",
    "(", ")", "(", ")", "[", "]", "{", "}", "(1;2)", "((a))", "(')')", "(e'\\';')",
    "create", "create ", "or replace ", "function ", "procedure ", "create function f() ",
    "CREATE OR REPLACE PROCEDURE p() ", "begin ", "begin atomic ", "case ", "end", "END ",
    "end;", "select ", "select 1", "insert into t values (1, 'x'), (2, 'y''z')", "x", "été", "_",
    "e", "E", "1", "1.5", ".", "..", ":", "::", ":=", ":zz", ":'zz'", ':"zz"', ":e", "?", "%",
    "@-", "<", "=", "copy t from stdin", "copy t from stdin;", "copy t from stdin;\n",
    "COPY t FROM STDIN;\n1\n\\.\n", "copy t (a) from stdin;\n1;'\n\\.\n", "copy t to stdout;",
    "copy (select 1) to stdout;",
])
# fmt: on


@needs_psql
@each_psql
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(parts=st.lists(FRAGMENTS, min_size=1, max_size=60))
def test_a_script_of_tricky_pieces_is_split_as_psql_splits_it(
    program: str, parts: list[str]
) -> None:
    agree(program, "".join(parts))


STATEMENTS = st.lists(st.lists(FRAGMENTS, max_size=6).map("".join), min_size=5, max_size=40)


@needs_psql
@each_psql
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=STATEMENTS)
def test_a_script_of_many_tricky_statements_is_split_as_psql_splits_it(
    program: str, parts: list[str]
) -> None:
    agree(program, ";\nselect 'and';\n".join(parts))
