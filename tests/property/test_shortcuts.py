"""What is told without reading tokens is what the tokens tell, on any text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from banister.model import Dialect, Direction, Directives, Source
from banister.project.names import is_timestamp
from banister.quick.files import _DIRECTIVE, _TIMESTAMP
from banister.script import classify, directives
from banister.script.keys import KEYS
from banister.script.words import Words

_WORDS = st.sampled_from([
    "create", "drop", "alter", "table", "view", "index", "type", "sequence", "concurrently",
    "if", "not", "exists", "only", "t1", "app.t", "a$b", "on", "add", "column", "detach",
    "partition", "as", "select", "set_config", "unique", "(", ")", ";", ".", ",", "--", "/*",
    "*/", "'x'", '"q"', "\n", "$$", "e'y'", "copy", "from", "stdin", "_x", "é",
])  # fmt: skip
_TOP = st.sampled_from([
    "--", "--\t", "banister", "Banister", "banister:", "banisters", "bannister", "tags=",
    "tags", "accept", "=", ":", "keep", "about", "text", "/*", "*/", "\n", "\r", "\r\n",
    "select", "1;", "x=1", "transaction", "transactions", "irreversible", "''",
])  # fmt: skip


@given(st.lists(_WORDS, min_size=2, max_size=9).map(" ".join))
@example("CREATE TABLE t1 (a int)")
@example("create index i on t (a);")
@example("ALTER TABLE a DETACH PARTITION b CONCURRENTLY;")
@example("alter table only app .users add b int")
@example("drop index concurrently i;")
@example("create view v as select set_config('search_path', 'x', false);")
def test_a_change_told_by_its_first_words_is_told_by_its_tokens(text: str) -> None:
    told = classify._change(text)
    if told is not None:
        assert told == classify._postgres(Words(text, Dialect.POSTGRESQL), text)


@pytest.mark.parametrize("text", ["create table t1 (a int)", "alter table a add b int;"])
def test_frequent_changes_are_told_by_their_first_words(text: str) -> None:
    assert classify._change(text) is not None


@given(st.lists(_TOP, max_size=12).map(" ".join))
@example("-- banister tags=demo\nselect 1;")
@example("-- bannister: tags=demo\nselect 1;")
@example("/* a */ -- Banister: tags=demo")
@example("-- a remark\n-- another: one\nselect 1;")
def test_a_top_without_directives_has_none(text: str) -> None:
    if directives._has_none(text):
        source = Source(path="a.sql", text=text)
        reader = directives._Reader(source, Direction.UP)
        reader.check_markers()
        assert reader.findings == []
        assert [*directives._top_comments(text)] == [
            place
            for place in directives._top_comments(text)
            if "banister:" not in text[slice(*place)]
        ]
        assert directives.directive_lines(text) == ()


def test_a_remark_is_seen_to_be_none() -> None:
    assert directives._has_none("-- Orders, with what they need: see the wiki\ncreate table t ();")


@given(st.lists(_TOP, max_size=12).map(" ".join))
@example("-- bannister: tags=demo\nselect 1;")
@example("select 1;\n-- banister: tags=demo")
def test_what_may_be_a_directive_is_never_passed_over(text: str) -> None:
    said, findings = directives.read_directives(Source(path="a", text=text), Direction.UP)
    if findings or said != Directives():
        assert _DIRECTIVE.search(text.encode())


@given(st.from_regex(_TIMESTAMP, fullmatch=True))
def test_what_counts_as_a_timestamp_at_once_is_one(version: str) -> None:
    assert is_timestamp(version)


def test_every_key_of_a_directive_is_looked_for() -> None:
    assert [key for key in KEYS if not _DIRECTIVE.search(f"-- x: {key}".encode())] == []
