"""What holds for every text: places are true, nothing is lost, and time grows with the length."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from banister.model import Dialect, Statement
from banister.script import checksum, decode, scan, traits
from banister.script.tokens import TokenKind, tokens

# fmt: off
PIECES = [
    ";", ";", ";\n", "\n", "\r\n", "\r", " ", "\t", "'", '"', "`", "[", "]", "E'", "$$", "$a$",
    "$", "--", "/*", "*/", "-- ;\n", "(", ")", "\\", "\\.", "\n\\.\n", "\\restrict x\n",
    "create function f() ", "create trigger t ", "begin ", "case ", "end", "end;", "select 1", "x",
    "é", "😀", "1", ":", ":=", ":n", "copy t from stdin;\n", "copy t from stdin;", "a$1$",
    "-- banister: tags=a\n", "set x = 1", "select set_config('a', 'b', false)", "\u00a0",
]
# fmt: on
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=50).map("".join),
    st.text(alphabet="';\"$-/*()eE\\ \r\nab[]`:.", max_size=80),
)
DIALECTS = st.sampled_from(list(Dialect))


def end(statement: Statement) -> int:
    return statement.start + len(statement.text)


@settings(max_examples=500, deadline=None)
@given(TEXTS, DIALECTS)
def test_every_statement_stands_where_it_says(text: str, dialect: Dialect) -> None:
    statements = scan(text, dialect).statements
    for statement in statements:
        assert text[statement.start : end(statement)] == statement.text
        before = text[: statement.start].replace("\r\n", "\n").replace("\r", "\n")
        assert statement.line == before.count("\n") + 1
        assert statement.column == len(before) - before.rfind("\n")
    for first, second in pairwise(statements):
        assert end(first) <= second.start


@settings(max_examples=500, deadline=None)
@example("copy t from stdin;\xa0", Dialect.POSTGRESQL)
@given(TEXTS, DIALECTS)
def test_between_statements_there_is_nothing_to_run(text: str, dialect: Dialect) -> None:
    found = scan(text, dialect)
    if found.problems:
        return
    covered = sorted(
        [(s.start, end(s)) for s in found.statements]
        + [(s.copy_start, s.copy_end) for s in found.statements
           if s.copy_start is not None and s.copy_end is not None]
    )  # fmt: skip
    position = 0
    for start, stop in [*covered, (len(text), len(text))]:
        lines = text[position:start].split("\n")
        gap = "\n".join(line for line in lines if not line.startswith("\\."))
        gap = re.sub(r"\\(?:un)?restrict[^\n]*", "", gap)
        for token in tokens(gap, dialect):
            blank = token.kind in {TokenKind.SPACE, TokenKind.COMMENT}
            assert blank or gap[token.start : token.end] == ";"
        position = max(position, stop)


# fmt: off
WHOLE = {
    Dialect.POSTGRESQL: [
        "select 'a;b'", "select $$;$$", "select E'\\';'", "insert into t values (1, '(;')",
        "create function f() returns int begin atomic select 1; end", "select /* ; */ 1",
        "do $x$ begin; $$;$$ end $x$", 'select "a;"', "create rule r as on insert to t do (a; b)",
        "select a ? ';', b::c", "select 1 -- ;\n, 2", "é",
    ],
    Dialect.SQLITE: [
        "select 'a;b'", 'select [a;b], `c;`, "d;"', "select /* ; */ 1", "select 1 -- ;\n, 2", "é",
        "create trigger t after insert on a begin select case 1 when 1 then 2 end; end",
        "create table t (a, b)", "explain select 1", "select '\\'",
    ],
}
# fmt: on


@settings(max_examples=200, deadline=None)
@given(st.data(), DIALECTS)
def test_whole_statements_come_apart_as_they_were_joined(
    data: st.DataObject, dialect: Dialect
) -> None:
    parts = data.draw(st.lists(st.sampled_from(WHOLE[dialect]), max_size=12))
    script = "".join(f"{part};\n" for part in parts)
    assert [s.text for s in scan(script, dialect).statements] == [f"{part};" for part in parts]


@settings(max_examples=300, deadline=None)
@given(TEXTS, DIALECTS)
def test_tokens_leave_no_gap(text: str, dialect: Dialect) -> None:
    position = 0
    for token in tokens(text, dialect):
        assert token.start == position < token.end
        position = token.end
    assert position == len(text)


@settings(max_examples=300, deadline=None)
@given(TEXTS, DIALECTS)
def test_no_text_is_too_strange(text: str, dialect: Dialect) -> None:
    for statement in scan(text, dialect).statements:
        traits(statement, dialect)
    checksum(text)
    source, _ = decode(text.encode(), "a.sql", dialect=dialect)
    assert source is not None
    assert source.text == text


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    source, findings = decode(data, "a.sql")
    assert source is not None or findings


# fmt: off
HOSTILE = [
    "$a$$b", "$a", "'", '"', "E'", "e'a'", "E'a'\r", "(", "((a)", "( (a)(b)", "('", "(e'a')", "(a;",
    "/*", "/**", "*/", "/", "--", "-- ;\n", "a$", "1$", "$$", "e", ":e'", "\\", "\\i\n", "\\.", ";",
    "[", "`", "x;\n", "create function begin ", "create trigger ;", "explain ", "copy a (",
    "COPY a FROM stdin;", "COPY a FROM stdin;\n\\.\n", "\n", "\r", "\u00a0", "create or ",
]
# fmt: on


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_length_and_no_faster(piece: str, dialect: Dialect) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            scan(text, dialect)
            best = min(best, time.process_time() - start)
        return best

    short, long = seconds(8_000), seconds(64_000)
    # Eight times the text: squared growth would take 64 times as long. Below 20 ms it is noise.
    assert long < 0.02 or long < 24 * short


@pytest.mark.parametrize("opening", ["$a$", "'", "/*", "E'", '"', "(", "do $", "a"])
def test_a_megabyte_of_one_thing_is_no_trap(opening: str) -> None:
    start = time.process_time()
    scan(opening * (1_000_000 // len(opening)), Dialect.POSTGRESQL)
    assert time.process_time() - start < 20
