"""What a scratch server lacks of what a migration asks for, told from its failure. No I/O."""

import re

from banister.errors import Failure

__all__ = ["advice_for"]

_ELSEWHERE = "name a server that has {what} with --scratch-url, or BANISTER_SCRATCH_URL"
_THERE = "make {what} on the server that --scratch-url names"
#: SQLSTATE, what the server says, and what is then missing. The first that fits.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_MISSING: tuple[tuple[frozenset[str], re.Pattern[str], str], ...] = (
    (
        frozenset({"0A000", "58P01", "22023", "42704"}),
        re.compile(r'extension "(?P<name>[^"]+)" is not available'),
        "the extension {name}",
    ),
    (
        frozenset({"58P01"}),
        re.compile(r'extension control file ".*/(?P<name>[^/"]+)\.control"'),
        "the extension {name}",
    ),
    (
        frozenset({"42704"}),
        re.compile(r'^role "(?P<name>.+)" does not exist$'),
        "the role {name}",
    ),
    (
        frozenset({"42704"}),
        re.compile(r'^tablespace "(?P<name>.+)" does not exist$'),
        "the tablespace {name}",
    ),
    (
        frozenset({"42704"}),
        re.compile(r'^collation "(?P<name>.+)" for encoding ".+" does not exist$'),
        "the collation {name}",
    ),
    (frozenset({"0A000"}), re.compile(r"^ICU is not supported in this build$"), "ICU"),
    (frozenset({"0A000"}), re.compile(r"not supported by this build$"), "what this build lacks"),
)


def advice_for(failure: Failure, *, shared: bool) -> str | None:
    """Return what to do about a failure that another server would not have given, or None.

    `shared`: the scratch server is one that the user named.
    """
    code, said = failure.sqlstate, failure.message
    for codes, pattern, what in _MISSING:
        found = pattern.search(said) if code in codes else None
        if found is not None:
            missing = what.format(**found.groupdict())
            return _without(missing, shared=shared)
    if code == "42501" and not shared:
        return (
            "on the scratch server migrations run as an ordinary role; where the target's role "
            "may do this, name a server with --scratch-url whose role may, too"
        )
    if code == "53100" and not shared:
        return "scratch databases are kept in memory where there is room: set TMPDIR to a folder"
    return None


def _without(missing: str, *, shared: bool) -> str:
    if shared:
        return f"the scratch server lacks {missing}: {_THERE.format(what='it')}"
    role = ""
    if missing.startswith("the role "):
        role = "where no migration makes it, put it into `scratch_roles` in the settings, or "
    return f"the scratch server lacks {missing}; {role}{_ELSEWHERE.format(what='it')}"
