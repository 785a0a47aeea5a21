"""Bytes that are no UTF-8 text, and characters that look like nothing."""

import pytest

from banister.errors import Severity
from banister.model import Dialect
from banister.script import decode


def test_text_comes_back_as_it_is_but_for_one_byte_order_mark() -> None:
    data = "select 'é';\r\n".encode()
    for prefix in (b"", b"\xef\xbb\xbf"):
        source, findings = decode(prefix + data, "a.sql")
        assert source is not None
        assert (source.path, source.text, findings) == ("a.sql", "select 'é';\r\n", ())


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_wide_encodings_are_named(encoding: str) -> None:
    source, findings = decode("create table t (a int);".encode(encoding), "a.sql")
    assert source is None
    assert encoding[:6].upper() in findings[0].message
    assert findings[0].hint == "save the file as UTF-8"
    assert findings[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("data", "code", "place", "byte"),
    [
        (b"select 1;\n  select\x00 2;", "zero_byte", "a.sql:2:9", "byte 18"),
        (b"\xef\xbb\xbfx\x00", "zero_byte", "a.sql:1:2", "byte 4"),
        ("-- é\n".encode() + b"select '\xe9';", "encoding", "a.sql:2:9", "byte 14"),
        (b"\xed\xa0\x80", "encoding", "a.sql:1:1", "byte 0"),
    ],
)
def test_bad_bytes_are_located(data: bytes, code: str, place: str, byte: str) -> None:
    source, (finding,) = decode(data, "a.sql")
    assert source is None
    assert (finding.code, str(finding.location)) == (code, place)
    assert byte in finding.message
    assert finding.hint


@pytest.mark.parametrize("character", ["\u00a0", "\u200b", "\u2028", "\u2029", "\ufeff"])
def test_invisible_characters_warn_outside_of_quotes_only(character: str) -> None:
    hidden = (
        f"select '{character}', \"{character}\", $${character}$$ /* {character} */;"
        f" -- {character}\n"
        f"copy t from stdin;\n{character}\n\\.\n"
    )
    assert decode(hidden.encode(), "a.sql")[1] == ()
    source, (finding,) = decode(f"{hidden}select{character}1;".encode(), "a.sql")
    assert source is not None
    assert (finding.severity, finding.code) == (Severity.WARNING, "invisible_character")
    assert str(finding.location) == "a.sql:5:7"
    assert f"U+{ord(character):04X}" in finding.message


def test_the_dialect_tells_what_is_quoted() -> None:
    data = "select [a\u00a0b];".encode()
    assert len(decode(data, "a.sql")[1]) == 1
    assert decode(data, "a.sql", dialect=Dialect.SQLITE)[1] == ()
