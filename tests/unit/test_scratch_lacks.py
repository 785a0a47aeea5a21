"""What a scratch server lacks is told from the server's own words, and nothing is made up."""

import pytest

from banister.errors import Failure
from banister.scratch.lacks import advice_for

LACKS = {
    "the extension pgcrypto": (
        ("0A000", 'extension "pgcrypto" is not available'),
        ("58P01", 'could not open extension control file "/x/extension/pgcrypto.control": No'),
    ),
    "the role app reader": (("42704", 'role "app reader" does not exist'),),
    "the tablespace fast": (("42704", 'tablespace "fast" does not exist'),),
    "the collation de-x-icu": (
        ("42704", 'collation "de-x-icu" for encoding "UTF8" does not exist'),
    ),
    "ICU": (("0A000", "ICU is not supported in this build"),),
}
ROWS = [(what, *said) for what, several in LACKS.items() for said in several]


@pytest.mark.parametrize(("what", "sqlstate", "message"), ROWS)
def test_what_is_missing_is_named_with_the_way_out(what: str, sqlstate: str, message: str) -> None:
    failure = Failure(message=message, sqlstate=sqlstate)
    own, named = advice_for(failure, shared=False), advice_for(failure, shared=True)
    assert str(own).startswith(f"the scratch server lacks {what}; ")
    assert "name a server that has it with --scratch-url" in str(own)
    assert named == (
        f"the scratch server lacks {what}: make it on the server that --scratch-url names"
    )


@pytest.mark.parametrize(
    ("sqlstate", "message"),
    [
        ("42P01", 'relation "a" does not exist'),
        ("42704", 'type "role" does not exist'),
        ("42704", 'extension "citext" does not exist'),
        ("P0001", 'role "app" does not exist'),
        (None, "the connection was lost"),
    ],
)
def test_other_failures_are_left_as_they_are(sqlstate: str | None, message: str) -> None:
    failure = Failure(message=message, sqlstate=sqlstate)
    for shared in (False, True):
        assert advice_for(failure, shared=shared) is None


def test_a_right_is_explained_only_where_the_role_is_ours() -> None:
    failure = Failure(message="permission denied to create extension", sqlstate="42501")
    assert "ordinary role" in str(advice_for(failure, shared=False))
    assert advice_for(failure, shared=True) is None


def test_a_full_memory_is_explained() -> None:
    failure = Failure(message="could not extend file: No space left on device", sqlstate="53100")
    assert "set TMPDIR" in str(advice_for(failure, shared=False))
