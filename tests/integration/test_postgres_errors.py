"""Where a failure stands in the file: line and column, on real servers."""

from pathlib import Path

import pytest

import banister
from postgres_kit import Site
from servers import PostgresDatabase


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


def fail(site: Site, text: str) -> banister.MigrationFailed:
    """Run one file that fails; nothing of it may be left."""
    site.write({"001_bad": text})
    with pytest.raises(banister.MigrationFailed) as caught:
        site.up()
    assert site.applied() == []
    assert caught.value.location is not None
    return caught.value


def place(error: banister.MigrationFailed) -> tuple[int | None, int | None]:
    assert error.location is not None
    return error.location.line, error.location.column


_LONG = (
    "-- Ünïcödé 🙂 before it\r\n"
    "CREATE TABLE first (id int);\r\n"
    "\r\n"
    "SELECT '日本語 🙂' AS \"größe\",\r\n"
    "       1 AS one, /* ✓ */ {wrong}\r\n"
    "  FROM first;\r\n"
    "SELECT 1;\r\n"
)


@pytest.mark.parametrize(
    ("wrong", "sqlstate", "column"),
    [
        ("FROM FROM", "42601", 26),
        ("nonsense", "42703", 26),
        ("nonsense(1)", "42883", 26),
        ("'🙂' || nonsense", "42703", 33),
        ("1::nonsense", "42704", 29),
    ],
)
def test_the_column_is_right_behind_wide_characters_and_crlf(
    every_postgres: PostgresDatabase, tmp_path: Path, wrong: str, sqlstate: str, column: int
) -> None:
    site = Site(database=every_postgres, root=tmp_path)
    error = fail(site, _LONG.format(wrong=wrong))
    assert error.failure.sqlstate == sqlstate
    assert place(error) == (5, column)
    assert error.location is not None
    assert error.location.source_line == f"       1 AS one, /* ✓ */ {wrong}"
    assert error.location.note == "up, statement 2 of 3"


def test_a_failure_without_a_position_is_placed_at_its_statement(site: Site) -> None:
    error = fail(
        site,
        "CREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1);\n\n"
        "  INSERT INTO t\n  VALUES (1);\n",
    )
    assert place(error) == (4, 3)
    assert error.failure.sqlstate == "23505"
    assert error.failure.detail == "Key (id)=(1) already exists."


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_body_is_checked_when_its_function_is_made(site: Site, newline: str) -> None:
    lines = [
        "CREATE FUNCTION größe() RETURNS int LANGUAGE plpgsql AS $body$",
        "BEGIN",
        "  -- 🙂",
        "  RETURN nonsense nonsense nonsense;",
        "END $body$;",
    ]
    error = fail(site, newline.join(lines))
    assert error.failure.sqlstate == "42601"
    assert place(error) == (4, 28)


def test_a_body_in_sql_is_checked_when_its_function_is_made(site: Site) -> None:
    error = fail(
        site, "SELECT 1;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n SELECT nonsense\n$$;"
    )
    assert place(error) == (3, 9)


@pytest.mark.parametrize(
    "head",
    [
        "DO $$",
        "do $tag$",
        "DO LANGUAGE plpgsql $$",
        "DO LANGUAGE 'plpgsql' $$",
        "/* it's $x$ */ DO /* it's */ $$",
        "DO '",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_failing_line_of_a_do_block_is_found(site: Site, head: str, newline: str) -> None:
    tail = head.rsplit(maxsplit=1)[-1]
    lines = ["SELECT 1;", head, "BEGIN", "  PERFORM 1;", "    PERFORM 1/0;", f"END {tail};"]
    error = fail(site, newline.join(lines))
    assert error.failure.sqlstate == "22012"
    assert place(error) == (5, 5)
    assert error.location is not None
    assert error.location.source_line == "    PERFORM 1/0;"


def test_of_nested_blocks_the_line_in_the_file_is_shown(site: Site) -> None:
    error = fail(
        site,
        "DO $$\nBEGIN\n  PERFORM 1;\n\n  EXECUTE 'DO $x$ BEGIN PERFORM 1/0; END $x$';\nEND $$;\n",
    )
    assert place(error) == (5, 3)


def test_a_block_that_another_statement_runs_is_not_looked_for_in_the_file(site: Site) -> None:
    error = fail(
        site,
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$\nBEGIN\n"
        "  EXECUTE 'DO $x$ BEGIN\n\n\n PERFORM 1/0; END $x$';\nEND $f$;\n  SELECT f();\n",
    )
    assert place(error) == (8, 3)


def test_the_calls_that_led_to_a_failure_are_shown(site: Site) -> None:
    error = fail(
        site,
        "CREATE FUNCTION inner_one() RETURNS int LANGUAGE plpgsql AS $$\n"
        "BEGIN\n"
        "  RAISE EXCEPTION 'no' USING HINT = 'ask', DETAIL = 'more', ERRCODE = 'BA123';\n"
        "END $$;\n"
        "CREATE FUNCTION outer_one() RETURNS int LANGUAGE plpgsql AS $$\n"
        "BEGIN RETURN inner_one(); END $$;\n"
        "SELECT outer_one();\n",
    )
    assert place(error) == (7, 1)
    said = error.failure
    assert (said.message, said.sqlstate, said.detail, said.server_hint) == (
        "no", "BA123", "more", "ask",
    )  # fmt: skip
    assert "inner_one() line 3" in str(said.context)
    assert "outer_one() line 2" in str(said.context)


@pytest.mark.parametrize("bad", [1, 2, 63, 64, 65, 66, 128, 129, 199, 200])
@pytest.mark.parametrize("statement", ["SELECT nonsense;", "INSERT INTO pg_class SELECT 1/0;"])
def test_the_right_statement_of_a_batch_is_named(site: Site, bad: int, statement: str) -> None:
    lines = ["SELECT 1;"] * 200
    lines[bad - 1] = statement
    error = fail(site, "\n".join(lines))
    assert place(error)[0] == bad
    assert error.location is not None
    assert error.location.note == f"up, statement {bad} of 200"


def test_a_failure_behind_copied_rows_is_placed_in_the_file(site: Site) -> None:
    error = fail(
        site,
        "CREATE TABLE t (a int, b text);\nCOPY t FROM stdin;\n1\tone\n2\ttwo\n\\.\n"
        "SELECT 1;\nSELECT 2, nonsense;\n",
    )
    assert place(error) == (7, 11)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_bad_row_is_placed_at_its_line(site: Site, newline: str) -> None:
    lines = [
        "CREATE TABLE t (a int, b text);", "-- é", "COPY t (a, b) FROM stdin;", "1\tone", "2\t☃",
        "three\tx", "4\tfour", "\\.", "SELECT 1;", "",
    ]  # fmt: skip
    error = fail(site, newline.join(lines))
    assert error.failure.sqlstate == "22P02"
    assert place(error)[0] == 6
    assert error.location is not None
    assert error.location.source_line == "three\tx"


def test_what_a_failure_usually_means_is_told(site: Site) -> None:
    for text, word in {
        "SELECT * FROM nowhere;": "no migration before this one",
        "CREATE EXTENSION nothing_like_it;": "extension",
        "ALTER TABLE nowhere OWNER TO nobody_at_all;": "no migration before this one",
        "CREATE TABLE t (id int); ALTER TABLE t OWNER TO nobody_at_all;": "roles belong",
        "SELEC 1;": "newer PostgreSQL",
    }.items():
        error = fail(site, text)
        assert word in str(error.hint), text
        assert error.failure.sqlstate is not None
        assert f"[{error.failure.sqlstate}]" in error.message
