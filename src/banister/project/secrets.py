"""Keeping passwords out of everything that is shown."""

import re
from urllib.parse import quote

__all__ = ["forms_of", "redact"]

_MASK = "***"
#: Shorter secrets occur in ordinary words: they are replaced only where a password stands.
_SHORTEST_ANYWHERE = 3

_WORD = re.compile(r"\S+")
_BEFORE_PASSWORD = re.compile(r"://[^:/@]*:")
_QUERY_PASSWORD = re.compile(r"([?&][a-z]*password)=[^&\s]*", re.IGNORECASE)
# Values are quoted or end at white space, with backslash escapes in both:
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
_KEYWORD_PASSWORD = re.compile(
    r"(?<![?&a-z])([a-z]*password[ \t]*=[ \t]*)"
    r"('(?:[^'\\]|\\.)*'|\"[^\"]*\"|(?:\\.|[^\s\\])+)",
    re.IGNORECASE | re.DOTALL,
)


def forms_of(secret: str) -> frozenset[str]:
    """Return the spellings under which a secret may turn up; none for an empty one."""
    escaped = secret.replace("\\", "\\\\").replace("'", "\\'")
    encoded = quote(secret, safe="", errors="replace")
    return frozenset({secret, escaped, encoded, quote(secret, errors="replace")}) - {""}


def redact(text: str, secrets: frozenset[str]) -> str:
    """Return `text` with every secret, and whatever stands in a password's place, as `***`.

    It may hide more than the password, never less. Secrets shorter than 3 characters are
    replaced only between `:` and `@`, and behind `password=`.
    """
    longest_first = sorted(secrets - {""}, key=lambda secret: (-len(secret), secret))
    everywhere = [s for s in longest_first if len(s) >= _SHORTEST_ANYWHERE]
    if everywhere:
        text = re.sub("|".join(map(re.escape, everywhere)), _MASK, text)
    for short in longest_first[len(everywhere) :]:
        text = text.replace(f":{short}@", f":{_MASK}@")
        text = text.replace(f"password={short}", f"password={_MASK}")
    if "://" in text:
        text = _WORD.sub(_without_url_password, text)
    text = _QUERY_PASSWORD.sub(rf"\1={_MASK}", text)
    return _KEYWORD_PASSWORD.sub(rf"\1{_MASK}", text)


def _without_url_password(word: re.Match[str]) -> str:
    """Cut from the first `://user:` to the last `@`, in time linear in the word."""
    text = word[0]
    at = text.rfind("@")
    before = _BEFORE_PASSWORD.search(text, 0, max(at, 0))
    return text if before is None else text[: before.end()] + _MASK + text[at:]
