"""Which names a statement drops, renames or writes rows under. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from banister.model import Dialect, Statement
from banister.script.tokens import TokenKind
from banister.script.words import NO_WORD, Word, Words

__all__ = ["Mentions", "Name", "Rename", "RowVerb", "RowWork", "is_name", "mentions", "name_of"]

#: The parts of a name, as the database compares them: `app."A b"` is ("app", "A b").
Name = tuple[str, ...]

#: A statement may hold megabytes of rows; names of tables stand in front of them.
_READ = 20_000
#: What is named behind these is not what is dropped.
_ENDS_DROP = frozenset({"ON", "CASCADE", "RESTRICT", "DROP", "ADD", "ALTER"})
#: Statements that only say what may be written, or will be.
_NO_WRITING = frozenset({"CREATE", "GRANT", "REVOKE", "COMMENT"})


class RowVerb(StrEnum):
    """What a statement does to rows."""

    DELETE = "delete"
    CHANGE = "change"
    ADD = "add"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWork:
    """A statement writes rows of a table."""

    verb: RowVerb
    table: Name
    #: Without a condition: TRUNCATE, or DELETE without WHERE.
    every: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A statement gives something another name, or another schema."""

    old: Name
    new: Name
    #: The table, where it is a part of one.
    of: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """What one statement names."""

    #: Everything, keywords too.
    names: frozenset[Name]
    #: What stands behind each DROP: the words of the kind, then the names.
    drops: tuple[tuple[Name, ...], ...] = ()
    renames: tuple[Rename, ...] = ()
    writes: tuple[RowWork, ...] = ()


def mentions(statement: Statement, dialect: Dialect) -> Iterator[Mentions]:
    """Yield what a statement names; of a DO block, what each statement of its body names.

    Read from tokens: what is in strings, or done by functions, is not seen.
    """
    words = list(islice(Words(statement.text, dialect), _READ))
    if words and words[0].key == "DO" and dialect is Dialect.POSTGRESQL:
        for word in words:
            if word.kind is TokenKind.DOLLAR:
                yield from _of_body(word.text, dialect)
    else:
        yield _of(words, dialect)


def name_of(text: str, dialect: Dialect) -> Name:
    """Return the name that a text begins with, such as `app.f(integer)`."""
    words = list(islice(Words(text, dialect), _READ))
    return _name(words, 0, dialect)[0] if words else ()


def is_name(known: Name, written: Name) -> bool:
    """Whether a name as written is that of a thing, whose schema may be in the search_path."""
    if written[:1] in {("public",), ("main",)}:
        written = written[1:]
    return bool(written) and (known == written or (len(written) == 1 and known[-1:] == written))


def _of_body(text: str, dialect: Dialect) -> Iterator[Mentions]:
    tag = text.index("$", 1) + 1
    statement: list[Word] = []
    for word in islice(Words(text[tag : -tag or None], dialect), _READ):
        if word.key == ";":
            yield _of(statement, dialect)
            statement = []
        else:
            statement.append(word)
    if statement:
        yield _of(statement, dialect)


def _of(words: Sequence[Word], dialect: Dialect) -> Mentions:
    keys = [word.key for word in words]
    names, number = set(), 0
    while number < len(words):
        name, number = _name(words, number, dialect)
        if name:
            names.add(name)
    return Mentions(
        names=frozenset(names),
        drops=tuple(
            _dropped(words, number + 1, dialect) for number, key in enumerate(keys) if key == "DROP"
        ),
        renames=tuple(_renames(words, keys, dialect)) if keys[:1] == ["ALTER"] else (),
        writes=() if keys[:1] and keys[0] in _NO_WRITING else tuple(_writes(words, keys, dialect)),
    )


def _name(words: Sequence[Word], number: int, dialect: Dialect) -> tuple[Name, int]:
    """Return the name that begins at `number`, empty where none does, and what is behind it."""
    parts: list[str] = []
    while number < len(words) and words[number].kind in {TokenKind.WORD, TokenKind.QUOTED}:
        parts.append(_folded(words[number], dialect))
        number += 1
        if number + 1 >= len(words) or words[number].key != ".":
            break
        number += 1
    return tuple(parts), number if parts else number + 1


def _folded(word: Word, dialect: Dialect) -> str:
    if word.kind is TokenKind.WORD:
        return word.text.lower()
    quote = word.text[-1]
    inner = word.text[1:-1].replace(quote * 2, quote)
    return inner.lower() if dialect is Dialect.SQLITE else inner


def _dropped(words: Sequence[Word], number: int, dialect: Dialect) -> tuple[Name, ...]:
    found: list[Name] = []
    while number < len(words) and words[number].key not in _ENDS_DROP:
        name, number = _name(words, number, dialect)
        if name:
            found.append(name)
    return tuple(found)


def _renames(words: Sequence[Word], keys: Sequence[str], dialect: Dialect) -> Iterator[Rename]:
    for number, key in enumerate(keys):
        behind = keys[number + 1 : number + 3]
        if key == "RENAME" and behind[:1] == ["TO"]:
            new, _ = _name(words, number + 2, dialect)
            of, old = _altered(words[:number], keys, dialect)
            yield Rename(old=old, new=new, of=of)
        elif key == "RENAME":
            start = number + 1 + (behind[:1] in (["COLUMN"], ["CONSTRAINT"]))
            old, end = _name(words, start, dialect)
            new, _ = _name(words, end + 1, dialect)
            yield Rename(old=old, new=new, of=_altered(words[:number], keys, dialect)[1])
        elif key == "SET" and behind[:1] == ["SCHEMA"]:
            schema, _ = _name(words, number + 2, dialect)
            _, old = _altered(words[:number], keys, dialect)
            yield Rename(old=old, new=(*schema, *old[-1:]))


def _altered(
    words: Sequence[Word], keys: Sequence[str], dialect: Dialect
) -> tuple[Name | None, Name]:
    """Return the table that ALTER … ON names, and what is altered: the last name in front."""
    names: list[Name] = []
    number = depth = 0
    while number < len(words):
        depth += (keys[number] == "(") - (keys[number] == ")")
        name, number = _name(words, number, dialect)
        if name and not depth:
            names.append(name)
    if len(names) > 2 and names[-2] == ("on",):
        return names[-1], names[-3]
    return None, names[-1] if names else ()


def _writes(words: Sequence[Word], keys: Sequence[str], dialect: Dialect) -> Iterator[RowWork]:
    for number, key in enumerate(keys):
        match key:
            case "DELETE" if keys[number + 1 : number + 2] == ["FROM"]:
                every = not {"WHERE", "USING"} & {*keys[number:]}
                yield from _work(RowVerb.DELETE, words, number + 2, dialect, every=every)
            case "UPDATE" if "SET" in keys[number + 2 : number + 10]:
                yield from _work(RowVerb.CHANGE, words, number + 1, dialect)
            case "INTO" if {"INSERT", "REPLACE"} & {*keys[max(0, number - 3) : number]}:
                yield from _work(RowVerb.ADD, words, number + 1, dialect)
            case "INTO" if keys[max(0, number - 1) : number] == ["MERGE"]:
                yield from _work(RowVerb.CHANGE, words, number + 1, dialect)
            case "COPY" if number == 0 and "FROM" in keys:
                yield from _work(RowVerb.ADD, words, 1, dialect)
            case "TRUNCATE" if keys[number + 1 : number + 2] not in (["ON"], [","]):
                yield from _truncated(words, number + 1, dialect)


def _work(
    verb: RowVerb, words: Sequence[Word], number: int, dialect: Dialect, *, every: bool = False
) -> Iterator[RowWork]:
    """Yield the work on the table that is named at `number`, if one is."""
    if verb is RowVerb.CHANGE and _key(words, number) == "OR":
        number += 2
    number += _key(words, number) == "ONLY"
    # ON CONFLICT DO UPDATE SET names none.
    if _key(words, number) != "SET":
        name, _ = _name(words, number, dialect)
        if name:
            yield RowWork(verb=verb, table=name, every=every)


def _truncated(words: Sequence[Word], number: int, dialect: Dialect) -> Iterator[RowWork]:
    number += _key(words, number) == "TABLE"
    while True:
        number += _key(words, number) == "ONLY"
        name, number = _name(words, number, dialect)
        if name:
            yield RowWork(verb=RowVerb.DELETE, table=name, every=True)
        number += _key(words, number) == "*"
        if _key(words, number) != ",":
            return
        number += 1


def _key(words: Sequence[Word], number: int) -> str:
    return words[number].key if number < len(words) else NO_WORD.key
