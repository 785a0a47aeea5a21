"""What a statement sets for its session or its transaction, told from its tokens. No I/O."""

import re
from dataclasses import dataclass

from banister.script.tokens import TokenKind
from banister.script.words import NO_WORD, Word, Words

__all__ = ["Setting", "read_settings", "unquoted"]

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TRUE = frozenset({"true", "t", "on", "yes", "y", "1"})

#: SET forms with a syntax of their own (https://www.postgresql.org/docs/18/sql-set.html).
_TWO_WORDS: dict[tuple[str, ...], str] = {
    ("SESSION", "AUTHORIZATION"): "session_authorization",
    ("TIME", "ZONE"): "timezone",
    ("XML", "OPTION"): "xmloption",
}
_ONE_WORD = {
    "ROLE": "role",
    "NAMES": "client_encoding",
    "SCHEMA": "search_path",
    "SEED": "seed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting that a statement changes."""

    #: Lower case; "all" for RESET ALL.
    name: str
    #: Unquoted; None where it is not written out.
    value: str | None
    #: It ends with the transaction.
    local: bool


def unquoted(word: Word) -> str:
    """Return the text that a token stands for: strings and identifiers without their quotes."""
    text = word.text
    if word.kind is TokenKind.STRING:
        prefix, _, body = text.partition("'")
        body = body.removesuffix("'").replace("''", "'")
        return _ESCAPE.sub(r"\1", body) if prefix in {"e", "E"} else body
    if word.kind is TokenKind.QUOTED:
        body = text[2:] if text[:2] in {"u&", "U&"} else text
        quote = body[-1]
        return body[1:-1].replace(quote * 2, quote)
    if word.kind is TokenKind.DOLLAR:
        tag = text.index("$", 1) + 1
        return text[tag:-tag]
    return text


def read_settings(words: Words) -> tuple[Setting, ...]:
    """Return what a PostgreSQL statement sets: SET, RESET, or a call of set_config."""
    match words.key(0):
        case "SET":
            return _set(words)
        case "RESET":
            name = _name_behind_reset(words)
            return (Setting(name=name, value=None, local=False),)
        case "SELECT" | "WITH" | "VALUES" | "INSERT" | "UPDATE" | "DELETE" | "CREATE":
            return _calls(words)
        case _:
            return ()


def _set(words: Words) -> tuple[Setting, ...]:
    local = words.key(1) == "LOCAL"
    # SESSION is also the first word of two settings of their own.
    number = 2 if local or (words.key(1) == "SESSION" and not _own_session(words)) else 1
    match words.keys(number, 2):
        case ("CONSTRAINTS" | "TRANSACTION", _):
            return ()
        case ("SESSION", "CHARACTERISTICS"):
            return _characteristics(words)
        case pair if pair in _TWO_WORDS:
            name, at = _TWO_WORDS[pair], number + 2
        case (word, after) if word in _ONE_WORD and after not in {"=", "TO"}:
            name, at = _ONE_WORD[word], number + 1
        case _:
            at = words.after_name(number)
            name = "".join(unquoted(words[n]) for n in range(number, at)).lower()
            if words.keys(at, 2) == ("FROM", "CURRENT"):
                return (Setting(name=name, value=None, local=local),)
            at += 1
    return (Setting(name=name, value=_value(words, at), local=local),)


def _own_session(words: Words) -> bool:
    return words.key(2) in {"AUTHORIZATION", "CHARACTERISTICS"}


def _characteristics(words: Words) -> tuple[Setting, ...]:
    keys = {word.key for word in words}
    names = {
        "ISOLATION": "default_transaction_isolation",
        "WRITE": "default_transaction_read_only",
        "ONLY": "default_transaction_read_only",
        "DEFERRABLE": "default_transaction_deferrable",
    }
    found = dict.fromkeys(name for key, name in names.items() if key in keys)
    return tuple(Setting(name=name, value=None, local=False) for name in found)


def _name_behind_reset(words: Words) -> str:
    match words.keys(1, 2):
        case ("SESSION", "AUTHORIZATION"):
            return "session_authorization"
        case ("TIME", "ZONE"):
            return "timezone"
        case _:
            end = words.after_name(1)
            return "".join(unquoted(words[number]) for number in range(1, end)).lower()


def _value(words: Words, number: int) -> str:
    values = [""]
    while (word := words[number]) is not NO_WORD:
        if word.key == ",":
            values.append("")
        else:
            values[-1] += unquoted(word)
        number += 1
    return ", ".join(values)


def _calls(words: Words) -> tuple[Setting, ...]:
    """Find set_config('name', …, is_local) among the tokens."""
    return tuple(
        _call(words, number)
        for number, word in enumerate(words)
        if _is_set_config(word)
        and words.key(number + 1) == "("
        and words[number + 2].kind is TokenKind.STRING
    )


def _is_set_config(word: Word) -> bool:
    return word.key == "SET_CONFIG" or (
        word.kind is TokenKind.QUOTED and unquoted(word) == "set_config"
    )


def _call(words: Words, number: int) -> Setting:
    arguments: list[list[Word]] = [[]]
    depth = 0
    for at in range(number + 1, words.after_group(number + 1)):
        word = words[at]
        depth += (word.key == "(") - (word.key == ")")
        if depth == 1 and word.key == ",":
            arguments.append([])
        elif depth and at > number + 1:
            arguments[-1].append(word)
    name = unquoted(arguments[0][0]).lower()
    value = None
    if len(arguments) > 1 and len(arguments[1]) == 1:
        value = unquoted(arguments[1][0])
    last = arguments[2] if len(arguments) > 2 else []
    # Only a plain true is local for certain, with or without a cast.
    plain = len(last) == 1 or (len(last) > 1 and last[1].key == "::")
    return Setting(name=name, value=value, local=plain and unquoted(last[0]).lower() in _TRUE)
