"""Which different texts say the same: white space, comments, defaults that are spelled out.

No I/O.
"""

import re

from banister.model import Dialect
from banister.script.tokens import TokenKind, significant
from banister.snapshot.kinds import ObjectKind
from banister.snapshot.nouns import CatalogObject

__all__ = ["same_wording"]

#: Languages whose text is made of PostgreSQL's tokens. Elsewhere white space may mean something.
_OUR_TOKENS = frozenset({"sql", "plpgsql"})
_METHOD = re.compile(r" USING (\w+) \(")

#: What a storage parameter is while nobody sets it, so that SET to it and RESET are the same.
#: https://www.postgresql.org/docs/current/sql-createtable.html#SQL-CREATETABLE-STORAGE-PARAMETERS
_TABLE = {
    "fillfactor": "100",
    "autovacuum_enabled": "true",
    "toast.autovacuum_enabled": "true",
    "vacuum_index_cleanup": "auto",
    "toast.vacuum_index_cleanup": "auto",
    "vacuum_truncate": "true",
    "toast.vacuum_truncate": "true",
    "user_catalog_table": "false",
}
_VIEW = {"security_barrier": "false", "security_invoker": "false"}
#: https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-STORAGE-PARAMETERS
_INDEX = {
    "btree": {"fillfactor": "90", "deduplicate_items": "true"},
    "hash": {"fillfactor": "75"},
    "gist": {"fillfactor": "90", "buffering": "auto"},
    "spgist": {"fillfactor": "80"},
    "gin": {"fastupdate": "true"},
    "brin": {"autosummarize": "false", "pages_per_range": "128"},
}
_TRUTHS = {"on": "true", "yes": "true", "1": "true", "off": "false", "no": "false", "0": "false"}


def same_wording(before: CatalogObject, after: CatalogObject, key: str) -> bool:
    """Whether two different values of a property mean the same to the database."""
    old, new = before.properties.get(key, ""), after.properties.get(key, "")
    if key == "options":
        defaults = _defaults(before)
        return _set_options(old, defaults) == _set_options(new, defaults)
    if key != "body":
        return False
    languages = {before.properties.get("language"), after.properties.get("language")}
    return languages <= _OUR_TOKENS and _meaning(old) == _meaning(new)


def _meaning(body: str) -> list[str]:
    return [
        body[token.start : token.end].lower()
        if token.kind is TokenKind.WORD
        else body[token.start : token.end]
        for token in significant(body, Dialect.POSTGRESQL)
    ]


def _defaults(thing: CatalogObject) -> dict[str, str]:
    match thing.identity.kind:
        case ObjectKind.TABLE | ObjectKind.MATERIALIZED_VIEW:
            return _TABLE
        case ObjectKind.VIEW:
            return _VIEW
        case ObjectKind.CONSTRAINT:
            return _INDEX["btree"]
        case ObjectKind.INDEX:
            method = _METHOD.search(thing.properties.get("definition", ""))
            return _INDEX.get(method[1], {}) if method else {}
    return {}


def _set_options(options: str, defaults: dict[str, str]) -> set[tuple[str, str]]:
    found = set()
    for option in options.split(", "):
        name, _, value = option.partition("=")
        meant = value.lower()
        if name and defaults.get(name) not in {meant, _TRUTHS.get(meant, meant)}:
            found.add((name, value))
    return found
