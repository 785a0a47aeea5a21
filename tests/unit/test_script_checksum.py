"""What is an edit of an applied file, and what is none."""

from hashlib import sha256

import pytest

from banister.script import checksum

BASE = "create table t (a int);\n-- more\ninsert into t values (1);\n"


def test_the_checksum_is_sha256_of_the_text() -> None:
    assert checksum(BASE) == sha256(BASE.encode()).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{BASE}",
        BASE.replace("\n", "\r\n"),
        f"-- banister: tags=demo\n{BASE}",
        f'  -- banister: accept=r reason="x" group=g\r\n{BASE}',
        f"-- banister: tags=a\n-- banister: lock_timeout=5s\n{BASE}",
        f"-- banister: transaction=on\n{BASE}",
    ],
)
def test_marks_line_ends_and_directives_are_no_edit(text: str) -> None:
    assert checksum(text) == checksum(BASE)


@pytest.mark.parametrize(
    "text",
    [
        f"-- banister: transaction=off\n{BASE}",
        f"-- a comment\n{BASE}",
        f"{BASE}-- banister: tags=demo\n",
        BASE.replace("\n", "\r"),
        f"/*\n-- banister: tags=a\n*/{BASE}",
        BASE.rstrip("\n"),
        f"-- Banister: tags=a\n{BASE}",
    ],
)
def test_anything_else_is_an_edit(text: str) -> None:
    assert checksum(text) != checksum(BASE)


@pytest.mark.parametrize(
    "line",
    [
        "-- banister: tags=a transaction=off",
        '--  banister:  transaction="off" accept=r reason="b"',
        "\t-- banister: transaction=off\r",
    ],
)
def test_whatever_else_stands_beside_transaction_off_does_not_count(line: str) -> None:
    assert checksum(f"{line}\n{BASE}") == checksum(f"-- banister: transaction=off\n{BASE}")


def test_a_directive_line_may_be_all_there_is() -> None:
    assert checksum("-- banister: tags=a") == checksum("") == checksum("-- banister: tags=a\n")
    assert checksum("-- banister: transaction=off") != checksum("")
