"""Connection URLs and strings: one reading or an error, and nothing secret in what is shown."""

from contextlib import nullcontext, suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from banister.errors import UsageError
from banister.project.conninfo import parse_keywords, parse_url


@pytest.mark.parametrize(
    ("url", "display"),
    [
        ("postgresql://", "postgresql://"),
        ("postgresql:///app", "postgresql:///app"),
        ("postgres://db.example.com/app", "postgresql://db.example.com/app"),
        ("postgresql+psycopg2://me@h:5433/app", "postgresql://me@h:5433/app"),
        ("POSTGRESQL+asyncpg://me@h/app", "postgresql://me@h/app"),
        ("postgresql://me:pw@[::1]:5433/app", "postgresql://me@[::1]:5433/app"),
        ("postgresql://me@one:1,two:2/app", "postgresql://me@one:1,two:2/app"),
        ("postgresql://me@one,two:2/app", "postgresql://me@one,two:2/app"),
        ("postgresql://%2Fvar%2Frun/app", "postgresql:///app on the socket /var/run"),
        ("postgresql:///app?host=/var/run&user=me", "postgresql://me@/app on the socket /var/run"),
        ("postgresql://me@corp@h/app", "postgresql://me@corp@h/app"),
        ("postgresql://h/app?sslmode=require&password=x", "postgresql://h/app"),
        ("postgresql://h/app?options=-c%20my.token%3Dabc", "postgresql://h/app"),
        ("postgresql:///?service=prod", "service=prod"),
        ("postgresql://h/app?service=prod", "postgresql://h/app (service prod)"),
    ],
)
def test_a_url_is_shown_by_its_parts(url: str, display: str) -> None:
    assert parse_url(url).display == display


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("host=h port=5433 dbname=app user=me password=pw", "postgresql://me@h:5433/app"),
        ("dbname = app  user = 'me too'", "postgresql://me too@/app"),
        ("service=prod", "service=prod"),
        ("hostaddr=10.0.0.1 dbname=app", "postgresql://10.0.0.1/app"),
        ("host=one,two port=5433", "postgresql://one:5433,two:5433"),
        ("host=one,two port=1,2", "postgresql://one:1,two:2"),
        ("host=::1 port=1", "postgresql://[::1]:1"),
        ("password= dbname=app", "postgresql://"),
        ("dbname='postgresql://u:pw@h/app'", "postgresql:///postgresql://u:***@h/app"),
        ("dbname='a\x1b[2J'", "postgresql:///a?[2J"),
    ],
)
def test_a_string_is_shown_by_its_parts(text: str, display: str) -> None:
    assert parse_keywords(text).display == display


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "host=h password='hunter2",
        "host=h hunter2",
        "=hunter2",
        "password=x\\",
        "h='a\0'",
    ],
)
def test_a_string_that_libpq_could_not_read_is_an_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_keywords(text)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in (caught.value.hint or "")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h/my@db",
        "postgresql://h:5432/db?user=a@b",
        "postgresql://u:p@h/a/b",
        "postgresql://u:p@h:port/db",
        "postgresql://u:p@h/db?flag",
        "postgresql://u:p%00@h/db",
    ],
)
def test_a_url_without_exactly_one_reading_is_an_error(url: str) -> None:
    with pytest.raises(UsageError):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://u:p@ss@h:1/db", "p@ss"),
        ("postgresql://u:p/ss@h:1/db", "p/ss"),
        ("postgresql://u:p@ss/w@h:1/db", "p@ss/w"),
        ("postgresql://u:p:ss@h:1/db", "p:ss"),
        ("postgresql://u:100%@h:1/db", "100%"),
        ("postgresql://u:100%25@h:1/db", "100%"),
        ("postgresql://u:p%40ss@h:1/db", "p@ss"),
        ("postgresql://u:it's me@h:1/db", "it's me"),
        ("postgresql://u:p?a&b@h:1/db", "p?a&b"),
        ("postgresql://u:p#ss@h:1/db", "p#ss"),
        ("postgresql://u:ümlaut@h:1/db", "ümlaut"),
        ("postgresql://u:p+ss@h:1/db", "p+ss"),
    ],
)
def test_libpq_gets_the_password_that_was_meant(url: str, password: str) -> None:
    parts = parse_url(url)
    read = conninfo_to_dict(parts.conninfo)
    assert read == {"user": "u", "password": password, "host": "h", "port": "1", "dbname": "db"}
    assert password in parts.secrets


@given(
    password=st.text(st.characters(exclude_characters="\0%", exclude_categories=["Cs"]), min_size=1)
)
@example(password="@/@:")
@example(password="x@h/db?a=b")
def test_a_raw_password_reaches_libpq_or_is_refused(password: str) -> None:
    url = f"postgresql://u:{password}@h:1/db"
    # Only an @ can make another reading possible.
    with suppress(UsageError) if "@" in password else nullcontext():
        parts = parse_url(url)
        assert conninfo_to_dict(parts.conninfo)["password"] == password
        assert parts.display == "postgresql://u@h:1/db"


@given(
    password=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
)
def test_a_quoted_password_is_read_as_libpq_reads_it(password: str) -> None:
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    text = f"host=h password='{quoted}' user=u"
    parts = parse_keywords(text)
    assert conninfo_to_dict(text)["password"] == password
    assert {password, quoted} <= parts.secrets
    assert parts.display == "postgresql://u@h"


def test_every_spelling_of_the_password_is_a_secret() -> None:
    parts = parse_url("postgresql://u:p@ss%2f@h/db")
    assert {"p@ss%2f", "p@ss/", "p%40ss%2f", "p%40ss%2F"} <= parts.secrets


def test_what_stands_behind_the_host_is_left_as_written() -> None:
    url = "postgresql+psycopg://u@h/db?target_session_attrs=any&application_name=a%20b"
    assert parse_url(url).conninfo == url.replace("+psycopg", "")


def test_the_key_of_a_certificate_is_a_secret_too() -> None:
    assert "k%y" in parse_url("postgresql://h/db?sslpassword=k%25y").secrets
    assert "key" in parse_keywords("host=h sslpassword=key").secrets


def test_repr_holds_no_secret() -> None:
    assert "hunter2" not in repr(parse_url("postgresql://u:hunter2@h/db"))


@pytest.mark.parametrize(
    ("given", "public"),
    [
        (
            "postgres://u:p%40ss@h:1/d?sslmode=require&password=x",
            "postgresql://u@h:1/d?sslmode=require",
        ),
        ("postgresql+psycopg://:pw@h1:1,h2:2/d?sslpassword=s", "postgresql://h1:1,h2:2/d"),
        ("postgresql://h/d?options=-c%20role%3Da", "postgresql://h/d?options=-c%20role%3Da"),
        ("postgresql://h/d?options=-c%20my.token%3Dabc", "postgresql://h/d"),
        (r"host=h password=x dbname='a b' user=u\'s", r"host=h dbname='a b' user='u\'s'"),
        ("service=prod", "service=prod"),
    ],
)
def test_what_names_it_again_in_a_command_holds_no_secret(given: str, public: str) -> None:
    parts = parse_url(given) if "://" in given else parse_keywords(given)
    assert parts.public == public
    assert not set(conninfo_to_dict(public)) & {"password", "sslpassword"}
