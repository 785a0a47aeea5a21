"""The judge of the SQLite splitter is sqlite3_complete, and SQLite itself for whole scripts."""

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from banister.model import Dialect
from banister.script import scan

# fmt: off
FRAGMENTS = st.sampled_from([
    ";", ";", ";", ";\n", "\n", "\r\n", "\r", " ", " ", "\t", "\f",
    "'", "''", '"', '""', "`", "``", "[", "]", "'a;b'", '"a;b"', "`a;b`", "[a;b]", "x'00'",
    "--", "-", "/*", "*/", "/", "*", "/* ; */", "-- ;\n", "--\r", "/*/", "**/", "//*", "/**/",
    "create", "create ", "CREATE ", "temp ", "TEMPORARY ", "trigger ", "create trigger t ",
    "explain ", "EXPLAIN QUERY PLAN ", "begin ", "case ", "end", "END ", "end;", "; end", ";end;",
    ";end ;\n",
    "create trigger t after insert on a begin select 1; end;", "select 1", "x", "été", "_", "$",
    "e", "1", "(", ")", "ending", "create_", "\\", "$$", "#",
])
# fmt: on


@settings(max_examples=1500, deadline=None)
@given(st.lists(FRAGMENTS, max_size=40))
def test_a_statement_is_complete_where_it_ends_and_nowhere_before(parts: list[str]) -> None:
    text = "".join(parts)
    found = scan(text, Dialect.SQLITE)
    for statement in found.statements:
        ended = sqlite3.complete_statement(statement.text)
        if statement is not found.statements[-1]:
            assert ended
        if ended:
            assert statement.text.endswith(";")
        for number, character in enumerate(statement.text[:-1], start=1):
            if character == ";":
                assert not sqlite3.complete_statement(statement.text[:number])


def test_a_script_runs_statement_by_statement_as_it_runs_whole() -> None:
    script = """
        create table a (id integer primary key, "na;me" text, [sq;uare] text, `back;tick` text);
        create table log (what text); -- ; here
        create temp trigger "t;" after insert on a when new.id > 0 begin
          insert into log values (case new.id when 1 then 'one;' else 'more' end);
          update a set "na;me" = 'x' where id = new.id; /* end; */
        end;
        insert into a (id) values (1), (2);
        create view v as select case when 1 then 2 end as "end;";
        select 'it''s; fine' /* open at the end"""
    whole = sqlite3.connect(":memory:")
    whole.executescript(script)
    single = sqlite3.connect(":memory:", isolation_level=None)
    statements = scan(script, Dialect.SQLITE).statements
    for statement in statements:
        single.execute(statement.text)
    assert len(statements) == 6
    assert list(single.iterdump()) == list(whole.iterdump())
    assert single.execute("select what from log").fetchall() == [("one;",), ("more",)]
    whole.close()
    single.close()
