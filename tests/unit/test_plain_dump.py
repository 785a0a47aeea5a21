"""A plain dump on its way: rows are passed on unread, and nothing but SQL stands around them."""

import pytest

from banister.engines.postgres.dumps.plain import PlainText
from banister.errors import DatabaseError

HEAD = b"-- dump\n\n\\restrict k3y\n\nSET transaction_timeout = 0;\nSET x = 1;\n\n"
BODY = b"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\nCOPY t (a) FROM stdin;\n1\n$$;\n"
COPY = b"COPY public.t (a) FROM stdin;\n"
ROWS = b"".join(b"%d\t\\\\! x\n" % number for number in range(20_000))
TAIL = b"\\.\n\nBEGIN;\n\nSELECT 1;\n\nCOMMIT;\n\n\\unrestrict k3y\n\n"


def passed_on(text: PlainText, data: bytes, size: int = 1000) -> bytes:
    out = b""
    for first in range(0, len(data), size):
        out += b"".join(text.feed(data[first : first + size]))
        assert text._sql_size < 1000, "rows are held"
    return out + b"".join(text.end())


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_rows_are_passed_on_unread_and_what_older_ones_do_not_know_comes_out(size: int) -> None:
    rows = ROWS[:500] + b"\n" if size < 100 else ROWS
    text = PlainText(major=14)
    data = HEAD + BODY + COPY + rows + TAIL.replace(b"SELECT 1;", COPY + b"\\.\n")
    expected = b"-- dump\n\n\nSET x = 1;\n\n" + BODY + COPY + rows + b"\\.\n" + COPY
    told = passed_on(text, data, size)
    assert told.endswith(b"\nCOMMIT;\n")
    assert told.count(b"COMMIT;") == 1
    # Empty lines are no matter.
    assert told.replace(b"\n\n", b"\n").startswith(b"-- dump\n")
    assert b"".join(told.removesuffix(b"\nCOMMIT;\n").split()) == b"".join(
        (expected + b"\\.\n").split()
    )
    assert text.tables == 2


def test_what_psql_would_obey_is_refused() -> None:
    with pytest.raises(DatabaseError, match="would not take as SQL"):
        passed_on(PlainText(major=18), HEAD + b"-- Name: x\n\\! touch /tmp/x\n" + COPY + ROWS)


def test_a_dump_that_ends_in_the_middle_of_rows_is_refused() -> None:
    with pytest.raises(DatabaseError, match="in the middle"):
        passed_on(PlainText(major=18), COPY + ROWS)


def test_what_gives_back_a_row_is_made_quiet_where_it_is_a_statement_and_nowhere_else() -> None:
    body = (
        b"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$\n"
        b"SELECT pg_catalog.setval('s', 1, true);\n$$;\n"
        b"SELECT pg_catalog.setval('public.\"a);\n"
        b"SELECT pg_catalog.setval();\n\"', 1, true);\n"
        b"COMMENT ON TABLE t IS '\nSELECT pg_catalog.lo_create(1);\n';\n"
    )
    quiet = (b"SELECT pg_catalog.setval('public.s', 7, true)", b"SELECT pg_catalog.lo_create('9')")
    data = HEAD + body + b"".join(line + b";\n" for line in quiet)
    done = passed_on(PlainText(major=18), data)
    assert body in done
    for line in quiet:
        assert line + b" \\gset banister_\n" in done
    assert done.count(b"gset") == 2 + HEAD.count(b"set_config")
