"""Versions are numbers, sources know their lines."""

import pytest

from banister.errors import Location
from banister.model import Source, Version


def test_versions_are_compared_as_numbers_and_shown_as_written() -> None:
    assert Version("0010") == Version("10")
    assert Version("9") < Version("010")
    assert Version("20240101120000") > Version("999")
    assert str(Version("007")) == "007"
    assert sorted([Version("10"), Version("9"), Version("0011")]) == [
        Version("9"), Version("10"), Version("11"),
    ]  # fmt: skip


def test_a_version_is_found_as_a_key_however_it_is_written() -> None:
    assert {Version("1"): "x"}[Version("0001")] == "x"


def test_a_version_equals_no_text_and_no_number() -> None:
    assert Version("1") != "1"
    assert Version("1") != 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_at_every_kind_of_line_end(end: str) -> None:
    source = Source(path="a.sql", text=f"one{end}two{end}{end}four")
    offset = source.text.index("wo")
    assert source.line_and_column(offset) == (2, 2)
    assert source.line_and_column(source.text.index("four")) == (4, 1)
    assert [source.line(number) for number in (1, 2, 3, 4)] == ["one", "two", "", "four"]


def test_line_ends_may_be_mixed() -> None:
    source = Source(path="a.sql", text="a\r\nb\nc\rd")
    assert [source.line_and_column(source.text.index(x)) for x in "abcd"] == [
        (1, 1), (2, 1), (3, 1), (4, 1),
    ]  # fmt: skip


def test_columns_are_characters_not_bytes() -> None:
    source = Source(path="a.sql", text="-- grüße 😀\nSELECT 'é', x")
    assert source.line_and_column(source.text.index("x")) == (2, 13)


def test_the_end_of_the_text_is_a_place() -> None:
    assert Source(path="a.sql", text="").line_and_column(0) == (1, 1)
    assert Source(path="a.sql", text="ab\n").line_and_column(3) == (2, 1)
    assert Source(path="a.sql", text="ab\n").line(2) == ""


def test_a_place_carries_its_line_and_note() -> None:
    source = Source(path="migrations/001_a.up.sql", text="SELECT 1;\r\nSELECT 2;\r\n")
    place = source.locate(18, note="up, statement 2 of 2")
    assert place == Location(
        path="migrations/001_a.up.sql",
        line=2,
        column=8,
        source_line="SELECT 2;",
        note="up, statement 2 of 2",
    )
    assert str(place) == "migrations/001_a.up.sql:2:8"
    assert str(Location(path="migrations")) == "migrations"
