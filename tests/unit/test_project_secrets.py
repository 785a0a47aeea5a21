"""Redaction: whatever the password is, it does not come through."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banister.project.secrets import forms_of, redact

NONE: frozenset[str] = frozenset()


def test_a_known_secret_is_replaced_wherever_it_stands() -> None:
    text = 'role "app" used hunter2 and then hunter2 again'
    assert redact(text, frozenset({"hunter2"})) == 'role "app" used *** and then *** again'


def test_the_longest_secret_goes_first() -> None:
    assert redact("hunter22", frozenset({"hunter2", "hunter22"})) == "***"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://me:x@host/db", "postgresql://me:***@host/db"),
        ("at pg+x://me:p@ss@host:5432/db now", "at pg+x://me:***@host:5432/db now"),
        ("1postgresql://me:pw@host/db", "1postgresql://me:***@host/db"),
        ("redis://:pw@host", "redis://:***@host"),
        ("host=h password=pw user=me", "host=h password=*** user=me"),
        ("host=h password = 'p \\' w' user=me", "host=h password = *** user=me"),
        (r"password=a\ b user=me", "password=*** user=me"),
        ('password="p w" user=me', "password=*** user=me"),
        ("PGPASSWORD=pw psql", "PGPASSWORD=*** psql"),
        ("sslpassword=pw", "sslpassword=***"),
        ("postgresql://h/db?password=pw&sslmode=require", "postgresql://h/db?password=***&sslmode=require"),
        ("h/db?sslmode=require&sslpassword=pw", "h/db?sslmode=require&sslpassword=***"),
    ],
)  # fmt: skip
def test_a_password_in_its_place_needs_no_list(text: str, expected: str) -> None:
    assert redact(text, NONE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@host:5432/db",
        "the password was refused",
        "see https://example.com/a:b for it",
        "12:30 user@host",
    ],
)
def test_text_without_a_password_stays(text: str) -> None:
    assert redact(text, NONE) == text


def test_a_short_secret_is_replaced_only_in_a_passwords_place() -> None:
    text = "a table: postgresql://u:a@h/d, password=a"
    assert redact(text, frozenset({"a"})) == "a table: postgresql://u:***@h/d, password=***"


def test_a_short_secret_with_a_space_is_replaced_too() -> None:
    assert redact("postgresql://u: b@h/d", frozenset({" b"})) == "postgresql://u:***@h/d"


@given(password=st.text(min_size=3).filter(lambda text: text not in "***"))
def test_no_form_of_a_password_survives(password: str) -> None:
    secrets = forms_of(password)
    for form in (password, quote(password, safe=""), quote(password)):
        shown = redact(f"<<{form}>>", secrets)
        assert shown == "<<***>>"


@given(text=st.text(), secrets=st.frozensets(st.text(max_size=8), max_size=4))
def test_any_text_with_any_secrets_is_taken(text: str, secrets: frozenset[str]) -> None:
    for secret in secrets:
        if len(secret) >= 3 and "*" not in secret:
            assert secret not in redact(text + secret, secrets)


def test_a_long_text_takes_no_quadratic_time() -> None:
    assert len(redact("a" * 300_000 + "://" * 50_000, NONE)) == 450_000
