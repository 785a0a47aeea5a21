"""Passwords in SQL do not come through, wherever they stand in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banister.model import Source
from banister.model.passwords import hide_passwords, may_hold_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CREATE ROLE a PASSWORD 'hunter2' LOGIN", "CREATE ROLE a PASSWORD '***' LOGIN"),
        ("alter role a password E'hunter2'", "alter role a password E'***'"),
        ("CREATE ROLE a PASSWORD\n'hunter2'", "CREATE ROLE a PASSWORD\n'***'"),
        ("ALTER ROLE a PASSWORD $x$hunter2$x$", "ALTER ROLE a PASSWORD $x$***$x$"),
        ("ALTER ROLE a PASSWORD 'it''s'", "ALTER ROLE a PASSWORD '***'"),
        ("ALTER ROLE a PASSWORD 'ab'", "ALTER ROLE a PASSWORD '***'"),
        ("EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'''", "EXECUTE 'ALTER ROLE a PASSWORD ''***'"),
        ("format('ALTER ROLE a PASSWORD %L', 'hunter2')",
         "format('ALTER ROLE a PASSWORD %L', '***')"),
        ("OPTIONS (user 'app', password 'hunter2')", "OPTIONS (user 'app', password '***')"),
        ("CONNECTION 'host=h password=hunter2'", "CONNECTION 'host=h password=***'"),
    ],
)  # fmt: skip
def test_a_password_in_a_statement_is_hidden(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        'password authentication failed for user "app"',
        "INSERT INTO t VALUES ('hunter2')",
        "ALTER TABLE users ADD COLUMN password text",
        "",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert hide_passwords(text) == text


def test_what_a_server_says_about_a_statement_does_not_repeat_it() -> None:
    said = "syntax error at or near \"'hunter2'\""
    assert hide_passwords(said, "SET PASSWORD 'hunter2'") == "syntax error at or near \"'***'\""


@given(
    password=st.text(min_size=3).filter(lambda text: text not in "*** PASSWORD CREATE ROLE a"),
    pattern=st.sampled_from(
        [
            "CREATE ROLE a PASSWORD '{}'",
            "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''{}'''; END $$",
        ]
    ),
)
def test_no_password_survives(password: str, pattern: str) -> None:
    if "'" in password or "$" in password:
        return
    assert password not in hide_passwords(pattern.format(password))


def test_a_line_that_may_hold_one_is_not_shown() -> None:
    assert may_hold_password("PASSWORD 'x'")
    assert may_hold_password("'x'", "CREATE ROLE a PASSWORD")
    assert may_hold_password("$$x$$", "  password", "")
    assert not may_hold_password("SELECT 'x'")
    assert not may_hold_password("password text NOT NULL")


def test_a_place_leaves_out_the_line_and_keeps_its_number() -> None:
    text = "SELECT 1;\nCREATE ROLE a\nPASSWORD\n\n'hunter2' NONSENSE;\n\n\n\nSELECT 'x';\n"
    small = Source(path="p", text=text)
    offset = text.index("NONSENSE")
    assert (small.locate(offset).line, small.locate(offset).source_line) == (5, None)
    assert small.locate(0).source_line == "SELECT 1;"
    assert small.locate(text.index("SELECT 'x'")).source_line == "SELECT 'x';"
