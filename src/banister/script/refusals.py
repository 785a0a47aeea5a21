"""Statements that a server refuses inside a transaction block, told from their tokens. No I/O.

PostgreSQL 14 to 18: https://www.postgresql.org/docs/18/sql-commands.html, each command's page.
A partitioned table or index cannot be told from its name: REINDEX and CLUSTER of one are left to
the server. SQLite: https://sqlite.org/lang_vacuum.html, https://sqlite.org/lang_detach.html,
https://sqlite.org/pragma.html.
"""

from banister.model import Dialect, Statement
from banister.script.words import NO_WORD, Words

__all__ = [
    "READING_PRAGMAS",
    "cluster_work",
    "copies_to_client",
    "postgres_refusal",
    "sqlite_refusal",
]

#: What all databases of a server have in common.
_SHARED = frozenset({"ROLE", "USER", "GROUP", "DATABASE", "TABLESPACE"})
_OFF = frozenset({"false", "off", "0", "no"})

#: Pragmas that only read, or act, when they are given something in parentheses.
READING_PRAGMAS = frozenset(
    (
        *("foreign_key_check", "foreign_key_list", "incremental_vacuum", "index_info"),
        *("index_list", "index_xinfo", "integrity_check", "optimize", "quick_check"),
        *("table_info", "table_list", "table_xinfo", "wal_checkpoint"),
    )
)


def postgres_refusal(words: Words) -> str | None:
    """Return the statement's name when PostgreSQL refuses it in a transaction block, else None."""
    match words.keys(0, 2):
        case ("CREATE" | "DROP" as verb, kind):
            return _create_or_drop(words, verb, kind)
        case ("ALTER", kind):
            return _alter(words, kind)
        case ("VACUUM", _):
            return "VACUUM"
        case ("REINDEX", _):
            return _reindex(words)
        case ("CLUSTER", _):
            return _cluster(words)
        case ("DISCARD", "ALL"):
            return "DISCARD ALL"
        case ("COMMIT" | "ROLLBACK" as verb, "PREPARED"):
            return f"{verb} PREPARED"
        case _:
            return None


def copies_to_client(words: Words) -> bool:
    """Whether the statement is a COPY that sends its rows to the client.

    https://www.postgresql.org/docs/18/sql-copy.html
    """
    if words.key(0) != "COPY":
        return False
    number = 2 if words.keys(1, 1) == ("BINARY",) and words.key(2) not in {"TO", "FROM"} else 1
    number = words.after_group(1) if words.key(1) == "(" else words.after_name(number)
    if words.key(number) == "(":
        number = words.after_group(number)
    # The server takes the two names for the same: gram.y, copy_file_name.
    return words.key(number) == "TO" and words.key(number + 1) in {"STDOUT", "STDIN"}


def cluster_work(statement: Statement, dialect: Dialect) -> str | None:
    """Return the name of a statement that reaches beyond its database, None for any other.

    Roles, databases, tablespaces and the server's settings are shared by the whole cluster; a COPY
    to or from a file or a program works on the server's own machine.
    """
    words = Words(statement.text, dialect)
    match words.keys(0, 3):
        case ("CREATE" | "ALTER" | "DROP", "USER", "MAPPING"):
            return None
        case ("CREATE" | "ALTER" | "DROP" as verb, kind, _) if kind in _SHARED:
            return f"{verb} {kind}"
        case ("COMMENT", "ON", kind) if kind in _SHARED:
            return f"COMMENT ON {kind}"
        case ("ALTER", "SYSTEM", _):
            return "ALTER SYSTEM"
        case ("REASSIGN" | "DROP" as verb, "OWNED", _):
            return f"{verb} OWNED"
        case ("COPY", _, _):
            return _copy_on_the_server(words)
    return None


def _copy_on_the_server(words: Words) -> str | None:
    depth = 0
    for number, word in enumerate(words):
        depth += (word.key == "(") - (word.key == ")")
        if depth or word.key not in {"FROM", "TO"}:
            continue
        behind = words[number + 1]
        if behind.key == "PROGRAM":
            return f"COPY {word.key} PROGRAM"
        return None if behind.key in {"STDIN", "STDOUT"} else f"COPY {word.key} a file"
    return None


def _create_or_drop(words: Words, verb: str, kind: str) -> str | None:
    if kind in {"DATABASE", "TABLESPACE"}:
        return f"{verb} {kind}"
    if kind == "SUBSCRIPTION":
        # Dropping one also drops its slot at the publisher, unless it was told to have none.
        return "DROP SUBSCRIPTION" if verb == "DROP" else _create_subscription(words)
    behind = 3 if kind == "UNIQUE" else 2
    if words.key(behind - 1) == "INDEX" and words.key(behind) == "CONCURRENTLY":
        return f"{verb} INDEX CONCURRENTLY"
    return None


def _alter(words: Words, kind: str) -> str | None:
    if kind == "SYSTEM":
        return "ALTER SYSTEM"
    if kind == "DATABASE" and words.keys(3, 2) == ("SET", "TABLESPACE"):
        return "ALTER DATABASE … SET TABLESPACE"
    if kind == "TABLE":
        return _detach(words)
    return _alter_subscription(words) if kind == "SUBSCRIPTION" else None


def _reindex(words: Words) -> str | None:
    number = 1
    concurrently = False
    if words.key(1) == "(":
        concurrently = words.options(1).get("CONCURRENTLY", "off") not in _OFF
        number = words.after_group(1)
    kind = words.key(number)
    if concurrently or words.key(number + 1) == "CONCURRENTLY":
        return f"REINDEX {kind} CONCURRENTLY"
    return f"REINDEX {kind}" if kind in {"SCHEMA", "DATABASE", "SYSTEM"} else None


def _cluster(words: Words) -> str | None:
    number = 1
    if words.key(1) == "(":
        number = words.after_group(1)
    elif words.key(1) == "VERBOSE":
        number = 2
    return "CLUSTER" if words[number] is NO_WORD else None


def _detach(words: Words) -> str | None:
    number, depth = 2, 0
    while (word := words[number]) is not NO_WORD:
        depth += (word.key == "(") - (word.key == ")")
        if not depth and words.keys(number, 2) == ("DETACH", "PARTITION"):
            if words.key(words.after_name(number + 2)) == "CONCURRENTLY":
                return "ALTER TABLE … DETACH PARTITION … CONCURRENTLY"
            return None
        number += 1
    return None


def _with_options(words: Words) -> dict[str, str]:
    number = 2
    while words[number] is not NO_WORD:
        if words.keys(number, 2) == ("WITH", "("):
            return words.options(number + 1)
        number += 1
    return {}


def _create_subscription(words: Words) -> str | None:
    options = _with_options(words)
    if options.get("CONNECT") in _OFF or options.get("CREATE_SLOT") in _OFF:
        return None
    return "CREATE SUBSCRIPTION"


def _alter_subscription(words: Words) -> str | None:
    match words.keys(3, 2):
        case ("REFRESH", what):
            return f"ALTER SUBSCRIPTION … REFRESH {what}"
        case ("SET" | "ADD" | "DROP" as verb, "PUBLICATION"):
            refreshes = _with_options(words).get("REFRESH") not in _OFF
            return f"ALTER SUBSCRIPTION … {verb} PUBLICATION" if refreshes else None
        case ("SET", "("):
            options = words.options(4)
            if "FAILOVER" in options or options.get("TWO_PHASE") in _OFF:
                return "ALTER SUBSCRIPTION … SET (failover, two_phase)"
    return None


def sqlite_refusal(words: Words, pragma: str | None, *, sets: bool) -> str | None:
    """Return the statement's name when SQLite refuses or ignores it in a transaction, else None."""
    if words.key(0) in {"VACUUM", "DETACH"}:
        return words.key(0)
    if pragma == "wal_checkpoint" or (pragma in {"journal_mode", "synchronous"} and sets):
        return f"PRAGMA {pragma}"
    return None
