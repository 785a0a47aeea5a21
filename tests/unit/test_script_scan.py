"""Splitting: every trap that real migration files set, for each dialect."""

import re
import string

import pytest

from banister.errors import ScriptError, UsageError
from banister.model import Dialect
from banister.script import scan, split_statements
from banister.script.tokens import IN_WORD, LETTER


def texts(script: str, dialect: Dialect = Dialect.POSTGRESQL) -> list[str]:
    return [statement.text for statement in split_statements(script, dialect)]


ONE_STATEMENT = [
    "select '/* x */ name; --';",
    "select 'it''s; fine';",
    r"select E'\'; still inside';",
    r"select E'\\', e'a\\\'; b';",
    r"select U&'\0441;', U&" + '"d;t";',
    "select b'0;', x'f;', n'a;';",
    'create table "a;b" ("c""d;" int);',
    "select $$ a; $b$ c; $b$ $$;",
    "do $body$ begin perform '$$;'; end $body$;",
    "select /* a; /* b; */ c; */ 1;",
    "select 1 -- a; b\n, 2;",
    "select a$1$, b$x$ from t;",
    "select a::int, f(b := 1), c[1:2], d[:n], '{a;}' ?| array[';'], e @> f, 10 % 3, %s;",
    "create rule r as on insert to t do also (insert into a values (1); delete from b);",
    "create function f() returns int begin atomic select 1; select case when a then 1 end; end;",
    "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END;",
    "create function f() returns int language plpgsql as $$\r\nbegin\r\n return 1;\r\nend\r\n$$;",
    "insert into t values ('" + "x;" * 100_000 + "');",
    "select 'one'\n  'two;';",
    "select ((((';'))));",
    "select (E'a\\';', $x$;$x$, \";\");",
]


@pytest.mark.parametrize("statement", ONE_STATEMENT, ids=lambda text: text[:40])
def test_a_semicolon_that_ends_nothing_ends_nothing(statement: str) -> None:
    assert texts(f"{statement}\nselect 2;") == [statement, "select 2;"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("create index concurrently i on t (a)", ["create index concurrently i on t (a)"]),
        ("select 1 -- the end", ["select 1"]),
        ("select 1 /* the end */\n", ["select 1"]),
        ("select 1; --", ["select 1;"]),
        ("", []),
        ("-- only;\n/* comments; */\n", []),
        (";;\n;", []),
        ("select 1;; ;select 2", ["select 1;", "select 2"]),
        ("\ufeff", ["\ufeff"]),
        ("select 1; -- a\rselect 2;", ["select 1;", "select 2;"]),
        ("select xe'a\\'; select 2;", ["select xe'a\\';", "select 2;"]),
        ("select 1); select 2;", ["select 1);", "select 2;"]),
        ("begin; insert into t values (1); end;", ["begin;", "insert into t values (1);", "end;"]),
        ("create table begin (a int); select 2;", ["create table begin (a int);", "select 2;"]),
        ("select :a, :'b', :\"c\";", ["select :a, :'b', :\"c\";"]),
    ],
)
def test_statements_are_found_as_psql_finds_them(script: str, expected: list[str]) -> None:
    assert texts(script) == expected


def test_places_are_counted_in_characters_and_lines_of_any_kind() -> None:
    script = "-- é\r\n  select 'Ω';\rselect 2;\n\n\tselect 3;select 4"
    places = [(s.line, s.column, s.start) for s in split_statements(script)]
    assert places == [(2, 3, 8), (3, 1, 20), (5, 2, 32), (5, 11, 41)]
    assert all(script[s.start :].startswith(s.text) for s in split_statements(script))


def rows(script: str) -> list[str | None]:
    return [
        None if s.copy_start is None else script[s.copy_start : s.copy_end]
        for s in split_statements(script)
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("copy t from stdin;\n1;'\n\\.\nselect 1;", ["1;'\n", None]),
        ("copy t from stdin;\n\\.\nselect 1;", ["", None]),
        ("copy t from stdin;\n1\n2", ["1\n2"]),
        ("copy t from stdin;\n1\n\\.", ["1\n"]),
        ("copy t from stdin;", [""]),
        ("copy t from stdin", [""]),
        ("copy t from stdin;\r\n1\r\n\\.\r\nselect 1;", ["1\r\n", None]),
        ("copy t from stdin; select 1;\n1\n\\.\nselect 2;", ["1\n", None, None]),
        ("copy a from stdin; copy b from stdin;\n1\n\\.\n2\n\\.\n", ["1\n", "2\n"]),
        ("copy t from stdin;\n\\.x\n \\.\n\\.\n", ["\\.x\n \\.\n"]),
        ('copy s."from" ("to", b) from /* c */ STDIN with (format csv);\n1\n\\.\n', ["1\n"]),
        ("copy binary t from stdin;\n1\n\\.\n", ["1\n"]),
    ],
)
def test_copy_rows_are_kept_apart_from_statements(script: str, expected: list[str | None]) -> None:
    assert rows(script) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "copy t to stdout;",
        "copy (select a from stdin) to stdout;",
        "copy t from '/tmp/stdin';",
        "copy t from program 'cat stdin';",
        'copy t from "stdin";',
        "select 'copy t from stdin';",
        "copyright from stdin;",
    ],
)
def test_other_copies_have_no_rows(statement: str) -> None:
    assert rows(f"{statement}\nselect 1;") == [None, None]


def test_pg_dump_frames_are_skipped() -> None:
    script = "\\restrict abc\nselect 1;\n\n\\unrestrict abc\n"
    assert texts(script) == ["select 1;"]


@pytest.mark.parametrize(
    ("script", "code", "offset"),
    [
        ("select 1; select 'a;", "unterminated_string", 17),
        ("select E'a\\';", "unterminated_string", 7),
        ('select 1; select "a;', "unterminated_identifier", 17),
        ("select 1; /* a /* b */ ;", "unterminated_comment", 10),
        ("select 1 /* a ;", "unterminated_comment", 9),
        ("do $a$ begin; $b$;", "unterminated_body", 3),
        ("create function f() returns int as $$ begin", "unterminated_body", 35),
        ("select 1;\n\\i other.sql\n", "psql_command", 10),
        ("select 1 \\gexec\nselect 2;", "psql_command", 9),
        ("select 1 \\; select 2;", "psql_command", 9),
        ("select 1\n\\restrict a\n;", "psql_command", 9),
        ("\\.\n", "copy_end", 0),
        ("copy t from stdin; select '\n1\n\\.\n", "copy_line", 18),
        ("copy t from stdin; select 1\n1\n\\.\n", "copy_line", 18),
    ],
)
def test_what_cannot_be_split_is_named_with_its_place(script: str, code: str, offset: int) -> None:
    problem = scan(script, Dialect.POSTGRESQL).problems[0]
    assert (problem.code, problem.offset) == (code, offset)
    assert problem.hint


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("\\i a.sql", "migration of their own"),
        ("\\ir a.sql", "migration of their own"),
        ("\\copy t from 'a'", "COPY … FROM stdin"),
        ("\\c other", "--url"),
        ("\\set x 1", "write the value"),
        ("\\if true", "DO block"),
        ("\\g", "`;`"),
        ("\\echo hi", "RAISE NOTICE"),
        ("\\timing", "only psql"),
        ("\\! ls", "shell"),
    ],
)
def test_a_psql_command_is_refused_with_what_to_write_instead(command: str, hint: str) -> None:
    found = scan(f"select 1;\n{command}\nselect 2;", Dialect.POSTGRESQL)
    assert command.partition(" ")[0] in found.problems[0].message
    assert hint in (found.problems[0].hint or "")
    assert [s.text for s in found.statements] == ["select 1;", "select 2;"]


def test_rows_behind_a_psql_copy_are_not_read_as_statements() -> None:
    found = scan("\\copy t from stdin\nit's;\n\\.\nselect 1;", Dialect.POSTGRESQL)
    assert [problem.code for problem in found.problems] == ["psql_command"]
    assert [s.text for s in found.statements] == ["select 1;"]


SQLITE_TRIGGER = """create temp trigger t after insert on a begin
  insert into b values (case when 1 then ';' end); -- end;
  update a set [x;y] = 1, `z;` = 2;
end;"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (f"{SQLITE_TRIGGER} select 1;", [SQLITE_TRIGGER, "select 1;"]),
        (f"explain {SQLITE_TRIGGER} x;", [f"explain {SQLITE_TRIGGER}", "x;"]),
        ("select [a;b], `c;d`, \"e;\", ';';x", ["select [a;b], `c;d`, \"e;\", ';';", "x"]),
        ("select 1; /* open ;", ["select 1;"]),
        ("select 1 /* open ;", ["select 1"]),
        ("select 1 /* a /* b */; x */;", ["select 1 /* a /* b */;", "x */;"]),
        ("select $$;$$;", ["select $$;", "$$;"]),
        ("begin; select 1; end;", ["begin;", "select 1;", "end;"]),
        ("select '\\';x;", ["select '\\';", "x;"]),
        ("create table trigger (a); x;", ["create table trigger (a);", "x;"]),
    ],
)
def test_sqlite_text_is_split_by_its_own_rules(script: str, expected: list[str]) -> None:
    assert texts(script, Dialect.SQLITE) == expected


@pytest.mark.parametrize("quote", ["'", '"', "`", "["])
def test_an_open_quote_is_a_problem_in_sqlite(quote: str) -> None:
    problem = scan(f"select 1; select {quote}a;", Dialect.SQLITE).problems[0]
    assert problem.code.startswith("unterminated")
    assert problem.offset == 17


def test_the_public_function_raises_with_the_place() -> None:
    with pytest.raises(ScriptError, match="never closed") as caught:
        split_statements("select 1;\n  select 'a")
    location = caught.value.location
    assert location is not None
    assert (str(location), location.source_line) == ("<text>:2:10", "  select 'a")
    assert caught.value.code == "unterminated_string"


def test_an_unknown_dialect_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        split_statements("select 1", "postgres")
    assert caught.value.hint == 'did you mean "postgresql"?'
    assert [s.text for s in split_statements("select 1", "sqlite")] == ["select 1"]


def test_letters_are_those_of_the_servers_own_rules() -> None:
    beyond = [chr(number) for number in (0x80, 0xA0, 0xFF, 0x100, 0xFFFF, 0x10000, 0x10FFFF)]
    every = [chr(number) for number in range(128)] + beyond
    for wanted, pattern in (
        (string.ascii_letters + "_", LETTER),
        (string.ascii_letters + string.digits + "_$", IN_WORD),
    ):
        found = [char for char in every if re.fullmatch(pattern, char)]
        assert found == [char for char in every if char in wanted or char in beyond]
