"""A text that is read piece by piece is the text: statements, places, checksum, findings."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_split_text import TEXTS

from banister.model import Dialect, Direction, LargeSource, Source
from banister.project.large_file import read_large_script
from banister.script import (
    Window,
    checksum,
    decode,
    invisible_characters,
    make_script,
    misplaced_directives,
    scan,
    statements_of,
    windows,
)

DIALECTS = st.sampled_from(list(Dialect))
CHUNKS = st.integers(min_value=4, max_value=40)


@contextmanager
def large(text: str, chunk: int) -> Iterator[LargeSource]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.sql")
        path.write_bytes(text.encode())
        script, _ = read_large_script(str(path), Direction.UP, shown="a.sql", chunk=chunk)
        assert script is not None
        assert isinstance(script.source, LargeSource)
        assert script.checksum == checksum(text)
        yield script.source


@settings(max_examples=400, deadline=None)
@given(TEXTS, DIALECTS, CHUNKS, st.integers(min_value=1, max_value=60))
def test_windows_hold_the_statements_and_problems_of_the_whole(
    text: str, dialect: Dialect, chunk: int, size: int
) -> None:
    whole = scan(text, dialect)
    with large(text, chunk) as source:
        found = list(windows(source, dialect, size=size))
    statements = [statement for window in found for statement in window.statements]
    problems = [problem for window in found for problem in window.problems]
    if whole.problems:
        assert problems[0] == whole.problems[0]
        assert statements == list(whole.statements[: len(statements)])
    else:
        assert problems == []
        assert statements == list(whole.statements)


#: Whatever a window or a chunk may cut in two.
EDGES = {
    Dialect.POSTGRESQL: "copy t from stdin; select 2;\r\n1\\.\n\\.x\n\\.\r\nselect 'é;', $a$;$a$;"
    " -- ;\r\n/* ; */ select e'\\';', (1;2);\rcopy t from stdin;\n\\.\n\n/* /* ; */ */select 3;"
    "copy t from stdin;\n7\n\\.",
    Dialect.SQLITE: "select ';' -- ;\r\n, [;], `;`;\r/* ; */\ncreate trigger t begin select 1;"
    " select 2;\nend; -- ;\nselect 'é'; /* ; */ select 2; -- ;\n  -- end; ;\nselect 3",
}


@pytest.mark.parametrize("dialect", list(Dialect))
def test_windows_may_be_cut_anywhere(dialect: Dialect) -> None:
    text = EDGES[dialect]
    whole = scan(text, dialect)
    assert whole.problems == ()
    small = Source(path="a.sql", text=text)
    for chunk in range(4, 30):
        with large(text, chunk) as source:
            for offset in range(len(text) + 1):
                assert source.locate(offset) == small.locate(offset)
            for size in range(1, len(text)):
                found = windows(source, dialect, size=size)
                assert tuple(s for window in found for s in window.statements) == whole.statements


@settings(max_examples=200, deadline=None)
@given(TEXTS, CHUNKS)
def test_places_and_lines_are_those_of_the_text_in_memory(text: str, chunk: int) -> None:
    small = Source(path="a.sql", text=text)
    with large(text, chunk) as source:
        assert source.size == small.size
        assert "".join(source.pieces(0, source.size)) == text
        for offset in range(len(text) + 1):
            assert source.locate(offset) == small.locate(offset)
            assert "".join(source.pieces(offset, source.size)) == text[offset:]


@settings(max_examples=200, deadline=None)
@example("copy t from stdin;copy t from stdin;\n\xa0", Dialect.POSTGRESQL, 4, 1)
@given(TEXTS, DIALECTS, CHUNKS, st.integers(min_value=1, max_value=60))
def test_findings_are_those_of_the_text_in_memory(
    text: str, dialect: Dialect, chunk: int, size: int
) -> None:
    if scan(text, dialect).problems:
        return
    small = Source(path="a.sql", text=text)
    misplaced = misplaced_directives(small, next(windows(small, Dialect.POSTGRESQL)))
    _, invisible = decode(text.encode(), "a.sql", dialect=dialect)
    with large(text, chunk) as source:
        assert make_script(small, Direction.UP)[0].directives is not None
        found = [
            (invisible_characters(source, window, dialect), misplaced_directives(source, window))
            for window in windows(source, dialect, size=size)
        ]
    assert tuple(finding for each, _ in found for finding in each) == invisible
    if dialect is Dialect.POSTGRESQL:
        assert tuple(finding for _, each in found for finding in each) == misplaced


@settings(max_examples=100, deadline=None)
@given(TEXTS, DIALECTS, CHUNKS, st.integers(0, 12), st.integers(0, 12))
def test_statements_can_be_asked_for_by_number(
    text: str, dialect: Dialect, chunk: int, start: int, stop: int
) -> None:
    whole = scan(text, dialect)
    if whole.problems:
        return
    seen: list[Window] = []
    with large(text, chunk) as source:
        listed = statements_of(source, dialect, seen.append)
        assert len(listed) == len(whole.statements)
        assert list(listed) == list(whole.statements)
        assert list(listed[start:stop]) == list(whole.statements[start:stop])
        assert list(listed[1:-1][start:]) == list(whole.statements[1:-1][start:])
        for number in range(len(listed)):
            assert listed[number] == whole.statements[number]
            assert listed[-number - 1] == whole.statements[-number - 1]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"a", b"\xc3\xa9", b"\xff", b"\x00", b"\n", b"\r\n", b"\r", b"\xe2\x82"]),
        max_size=20,
    ).map(b"".join),
    CHUNKS,
)
def test_what_is_no_text_is_found_at_the_same_place(data: bytes, chunk: int) -> None:
    source, findings = decode(data, "a.sql")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.sql")
        path.write_bytes(data)
        script, found = read_large_script(str(path), Direction.UP, shown="a.sql", chunk=chunk)
    assert (script is None) is (source is None)
    if source is not None:
        return
    (expected,), (finding,) = findings, found
    # Bytes behind the chunk may be worse; the first bad place is named by both or it is earlier.
    assert finding.location is not None
    assert expected.location is not None
    here = (finding.location.line, finding.location.column)
    there = (expected.location.line, expected.location.column)
    assert here == there or finding.code != expected.code
