"""What the planner must know of a statement, told from its real tokens. No I/O."""

import re
from dataclasses import dataclass
from enum import StrEnum

from banister.model import Dialect, Statement
from banister.script.postgres import is_copy_from_stdin
from banister.script.refusals import (
    READING_PRAGMAS,
    copies_to_client,
    postgres_refusal,
    sqlite_refusal,
)
from banister.script.settings import Setting, read_settings, unquoted
from banister.script.tokens import TokenKind
from banister.script.words import NO_WORD, Words

__all__ = ["Control", "Traits", "traits"]


class Control(StrEnum):
    """What a statement does to the transaction it stands in."""

    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    #: SAVEPOINT, RELEASE, ROLLBACK TO: harmless inside our transaction.
    SAVEPOINT = "savepoint"
    #: PREPARE TRANSACTION.
    PREPARE = "prepare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the planner must know of a statement."""

    control: Control | None = None
    #: COMMIT or ROLLBACK … AND CHAIN: a new transaction begins at once.
    chain: bool = False
    #: Behind BEGIN [WORK | TRANSACTION], in upper case without commas.
    begin_options: str = ""
    #: The statement's name when it cannot run inside a transaction block.
    refuses_transaction: str | None = None
    #: It may run a COMMIT of its own: CALL, or DO with such words in its body.
    may_commit: bool = False
    #: Lower-case names of what it sets beyond its transaction; "all" for RESET ALL.
    session_settings: tuple[str, ...] = ()
    #: Lower-case name where it sets one thing only, also by SET LOCAL.
    setting: str | None = None
    #: The value of that one setting or pragma, unquoted; None where it is not written out.
    setting_value: str | None = None
    copy_from_stdin: bool = False
    #: COPY … TO STDOUT, whose rows nobody would take.
    copy_to_stdout: bool = False
    #: SQLite: lower-case name of the pragma.
    pragma: str | None = None
    pragma_sets: bool = False
    #: Up to the first four keywords and names, in upper case, for reports; of a statement that only
    #: writes rows the first one.
    words: tuple[str, ...] = ()


#: A DO body without these words cannot end a transaction; one that hides them, as dynamic SQL can,
#: fails inside ours instead: https://www.postgresql.org/docs/current/plpgsql-transactions.html
_COMMITS = re.compile(r"\b(?:commit|rollback|call)\b", re.IGNORECASE)


_SET_CONFIG = re.compile("[sS][eE][tT]_[cC][oO][nN][fF][iI][gG]")

#: Statements that only write rows, whatever follows; a file may hold millions of them.
_PLAIN = re.compile(r"(insert|update|delete|replace|values)\b", re.IGNORECASE | re.ASCII)
_PLAIN_TRAITS = {
    word: Traits(words=(word,)) for word in ("INSERT", "UPDATE", "DELETE", "REPLACE", "VALUES")
}

#: The most frequent statements that change a schema, where their first words say all: up to a
#: parenthesis, the end, or the fourth word, with a single space between them.
_CHANGE = re.compile(
    r"(?i:(create|drop) (table|view|index|type|sequence)|(alter) (table)) "
    r"(?!(?i:concurrently)\b)([A-Za-z_][A-Za-z0-9_$]*+)"
    r"(?: ([A-Za-z_][A-Za-z0-9_$]*+)(?=[ \n]*+[^.\s/\-&'\"])| ?+(?=[(;]))"
)
_DETACH = re.compile("detach", re.IGNORECASE)


def _change(text: str) -> Traits | None:
    """Return the traits of such a statement, None for any other."""
    found = _CHANGE.match(text)
    if found is None or _SET_CONFIG.search(text) or (found[3] and _DETACH.search(text)):
        return None
    return Traits(words=tuple(word.upper() for word in found.groups() if word))


def traits(statement: Statement, dialect: Dialect) -> Traits:
    """Tell what the statement is.

    Only keywords outside of comments, strings and quoted identifiers count. Never raises; a
    statement that the server would not understand has the traits of what it looks like.
    """
    plain = _PLAIN.match(statement.text)
    if plain is not None and not _SET_CONFIG.search(statement.text):
        return _PLAIN_TRAITS[plain[1].upper()]
    words = Words(statement.text, dialect)
    if dialect is Dialect.SQLITE:
        return _sqlite(words)
    return _change(statement.text) or _postgres(words, statement.text)


def _postgres(words: Words, text: str) -> Traits:
    refusal = postgres_refusal(words)
    control, chain, options = (None, False, "") if refusal else _control(words)
    settings: tuple[Setting, ...] = ()
    if words.key(0) in {"SET", "RESET"} or _SET_CONFIG.search(text):
        settings = read_settings(words)
    session = dict.fromkeys(setting.name for setting in settings if not setting.local)
    only = settings[0] if len(settings) == 1 else None
    return Traits(
        control=control,
        chain=chain,
        begin_options=options,
        refuses_transaction=refusal,
        may_commit=words.key(0) == "CALL"
        or (words.key(0) == "DO" and _COMMITS.search(text) is not None),
        session_settings=tuple(session),
        setting=only.name if only else None,
        setting_value=only.value if only else None,
        copy_from_stdin=is_copy_from_stdin(text, 0, len(text)),
        copy_to_stdout=copies_to_client(words),
        words=_first_words(words),
    )


def _sqlite(words: Words) -> Traits:
    control, chain, options = _control(words)
    pragma, sets, value = _pragma(words)
    return Traits(
        control=control,
        chain=chain,
        begin_options=options,
        refuses_transaction=sqlite_refusal(words, pragma, sets=sets),
        setting=pragma if sets else None,
        setting_value=value,
        pragma=pragma,
        pragma_sets=sets,
        words=_first_words(words),
    )


def _control(words: Words) -> tuple[Control | None, bool, str]:
    """Return what the statement does to its transaction, whether it chains, what BEGIN asks for."""
    match words.keys(0, 2):
        case ("BEGIN", _) | ("START", "TRANSACTION"):
            return Control.BEGIN, False, _begin_options(words)
        case ("COMMIT" | "END", _):
            return Control.COMMIT, _chains(words), ""
        case ("ROLLBACK" | "ABORT", _):
            if words.key(_behind_work(words)) == "TO":
                return Control.SAVEPOINT, False, ""
            return Control.ROLLBACK, _chains(words), ""
        case ("SAVEPOINT" | "RELEASE", _):
            return Control.SAVEPOINT, False, ""
        case ("PREPARE", "TRANSACTION"):
            return Control.PREPARE, False, ""
        case _:
            return None, False, ""


def _behind_work(words: Words) -> int:
    return 2 if words.key(1) in {"WORK", "TRANSACTION"} else 1


def _chains(words: Words) -> bool:
    return words.keys(_behind_work(words), 2) == ("AND", "CHAIN")


def _begin_options(words: Words) -> str:
    # SQLite's BEGIN IMMEDIATE TRANSACTION has its noise word last.
    noise = {"WORK", "TRANSACTION", ","}
    return " ".join(word.key or word.text for word in list(words)[1:] if word.key not in noise)


def _pragma(words: Words) -> tuple[str | None, bool, str | None]:
    """Return the name of a pragma, whether it sets something, and to what."""
    if words.key(0) != "PRAGMA" or words[1] is NO_WORD:
        return None, False, None
    behind = words.after_name(1)
    name = unquoted(words[behind - 1]).lower()
    mark = words.key(behind)
    if mark != "=" and (mark != "(" or name in READING_PRAGMAS):
        return name, False, None
    value = ""
    for number in range(behind + 1, behind + 4):
        word = words[number]
        if word.key == ")":
            break
        value += unquoted(word)
    return name, True, value


def _first_words(words: Words) -> tuple[str, ...]:
    """Take keywords and names up to the first other mark; a name keeps its schema."""
    found: list[str] = []
    joins = False
    for word in words:
        if word.key == ".":
            joins = True
        elif word.kind in {TokenKind.WORD, TokenKind.QUOTED}:
            name = word.key or word.text
            if joins and found:
                found[-1] = f"{found[-1]}.{name}"
            elif len(found) == 4:
                break
            else:
                found.append(name)
            joins = False
        else:
            break
    return tuple(found)
