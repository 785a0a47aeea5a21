"""What a CREATE statement kept by SQLite declares, whatever its white space, quotes and comments.

ALTER TABLE … RENAME rewrites the texts of tables, views and triggers and quotes the names in them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from banister.model import Dialect
from banister.script.tokens import TokenKind, significant

__all__ = ["Declared", "body_of", "declared", "normal"]

#: https://www.sqlite.org/lang_keywords.html
_KEYWORDS = frozenset({
    "ABORT", "ACTION", "ADD", "AFTER", "ALL", "ALTER", "ALWAYS", "ANALYZE", "AND", "AS", "ASC",
    "ATTACH", "AUTOINCREMENT", "BEFORE", "BEGIN", "BETWEEN", "BY", "CASCADE", "CASE", "CAST",
    "CHECK", "COLLATE", "COLUMN", "COMMIT", "CONFLICT", "CONSTRAINT", "CREATE", "CROSS", "CURRENT",
    "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "DATABASE", "DEFAULT", "DEFERRABLE",
    "DEFERRED", "DELETE", "DESC", "DETACH", "DISTINCT", "DO", "DROP", "EACH", "ELSE", "END",
    "ESCAPE", "EXCEPT", "EXCLUDE", "EXCLUSIVE", "EXISTS", "EXPLAIN", "FAIL", "FILTER", "FIRST",
    "FOLLOWING", "FOR", "FOREIGN", "FROM", "FULL", "GENERATED", "GLOB", "GROUP", "GROUPS",
    "HAVING", "IF", "IGNORE", "IMMEDIATE", "IN", "INDEX", "INDEXED", "INITIALLY", "INNER",
    "INSERT", "INSTEAD", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN", "KEY", "LAST", "LEFT",
    "LIKE", "LIMIT", "MATCH", "MATERIALIZED", "NATURAL", "NO", "NOT", "NOTHING", "NOTNULL", "NULL",
    "NULLS", "OF", "OFFSET", "ON", "OR", "ORDER", "OTHERS", "OUTER", "OVER", "PARTITION", "PLAN",
    "PRAGMA", "PRECEDING", "PRIMARY", "QUERY", "RAISE", "RANGE", "RECURSIVE", "REFERENCES",
    "REGEXP", "REINDEX", "RELEASE", "RENAME", "REPLACE", "RESTRICT", "RETURNING", "RIGHT",
    "ROLLBACK", "ROW", "ROWID", "ROWS", "SAVEPOINT", "SELECT", "SET", "STORED", "STRICT", "TABLE",
    "TEMP", "TEMPORARY", "THEN", "TIES", "TO", "TRANSACTION", "TRIGGER", "UNBOUNDED", "UNION",
    "UNIQUE", "UPDATE", "USING", "VACUUM", "VALUES", "VIEW", "VIRTUAL", "WHEN", "WHERE", "WINDOW",
    "WITH", "WITHOUT",
})  # fmt: skip
_OPERATORS = frozenset({"||", "->", "->>", "<<", ">>", "<=", ">=", "<>", "!=", "=="})
#: What begins a constraint, of a column or of a table.
_STARTS = frozenset({
    "CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES",
    "GENERATED", "AS",
})  # fmt: skip
_TABLE_STARTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
#: Before these a longer text goes on in a new line.
_BREAKS = frozenset({
    "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the text of a table says beyond what PRAGMA table_xinfo knows."""

    #: Column → what it says of itself, in words of its own.
    columns: dict[str, dict[str, str]]
    #: Name, or None where it has none, and text. Those of columns are written as those of tables.
    constraints: list[tuple[str | None, str]]
    #: STRICT, WITHOUT ROWID.
    options: tuple[str, ...]


def normal(text: str) -> str:
    """Return SQL with white space, quotes and the case of keywords made equal, on one line."""
    return _joined(_words(text))


def body_of(text: str) -> str:
    """Return what follows the name in CREATE VIEW, TRIGGER or INDEX, made equal, line by line."""
    words = _words(text)
    kind = next(i for i, word in enumerate(words) if word in {"VIEW", "TRIGGER", "INDEX"})
    start = kind + 1
    if words[start : start + 3] == ["IF", "NOT", "EXISTS"]:
        start += 3
    start += 3 if words[start + 1] == "." else 1
    lines: list[list[str]] = [[]]
    depth = 0
    for word in words[start:]:
        depth += (word == "(") - (word == ")")
        if depth == 0 and word in _BREAKS and lines[-1]:
            lines.append([])
        lines[-1].append(word)
        if depth == 0 and word in {";", "BEGIN"}:
            lines.append([])
    unique = "UNIQUE " if "UNIQUE" in words[:kind] else ""
    return unique + "\n".join(_joined(line) for line in lines if line)


def declared(text: str) -> Declared:
    """Return what the text of CREATE TABLE declares."""
    words = _words(text)
    columns: dict[str, dict[str, str]] = {}
    constraints: list[tuple[str | None, str]] = []
    start = words.index("(")
    elements, end = _elements(words, start)
    for element in elements:
        if element[0] in _TABLE_STARTS:
            constraints += [_named(clause) for clause in _clauses(element, _TABLE_STARTS)]
            continue
        own = columns[_unquoted(element[0])] = {}
        for clause in _clauses(element[1:], _STARTS):
            name, said = _split_name(clause)
            _put(element[0], name, said, own, constraints)
    options = _joined(words[end + 1 :]).split(",")
    return Declared(
        columns=columns,
        constraints=constraints,
        options=tuple(sorted(option.strip() for option in options if option.strip())),
    )


def _put(
    column: str,
    name: str | None,
    said: list[str],
    own: dict[str, str],
    constraints: list[tuple[str | None, str]],
) -> None:
    """Put one clause of a column where it belongs."""
    match said[0]:
        case "PRIMARY":
            constraints.append((name, _joined(["PRIMARY", "KEY", "(", column, ")", *said[2:]])))
        case "UNIQUE":
            constraints.append((name, _joined(["UNIQUE", "(", column, ")", *said[1:]])))
        case "CHECK":
            constraints.append((name, _joined(said)))
        case "REFERENCES":
            constraints.append((name, _joined(["FOREIGN", "KEY", "(", column, ")", *said])))
        case "COLLATE":
            own["collation"] = _joined(said[1:])
        case "GENERATED" | "AS":
            what = said[said.index("AS") + 1 :]
            stored = what[-1] if what[-1] in {"STORED", "VIRTUAL"} else "VIRTUAL"
            expression = what[:-1] if what[-1] == stored else what
            own["generated"] = f"{_joined(expression)} {stored.lower()}"
        case "NOT" if len(said) > 2:
            own["not null"] = _joined(said[2:]).lower()


def _named(clause: list[str]) -> tuple[str | None, str]:
    name, said = _split_name(clause)
    return name, _joined(said)


def _split_name(clause: list[str]) -> tuple[str | None, list[str]]:
    if clause[0] == "CONSTRAINT":
        return _unquoted(clause[1]), clause[2:]
    return None, clause


def _clauses(words: Sequence[str], starts: frozenset[str]) -> Iterator[list[str]]:
    """Yield the constraints that stand behind one another; the type of a column is left out."""
    clause: list[str] = []
    depth = 0
    for before, word in pairwise(["", *words]):
        if depth == 0 and word in starts and not _goes_on(clause, before, word):
            if clause:
                yield clause
            clause = []
            clause.append(word)
        elif clause:
            clause.append(word)
        depth += (word == "(") - (word == ")")
    if clause:
        yield clause


def _goes_on(clause: list[str], before: str, word: str) -> bool:
    """Whether a word that may begin a constraint belongs to the one before it."""
    if clause[:1] == ["CONSTRAINT"] and len(clause) <= 2:
        return True
    match word:
        case "NULL":
            return before in {"NOT", "SET", "DEFAULT"}
        case "DEFAULT":
            return before == "SET"
        case "AS":
            return before == "ALWAYS"
        case "NOT":
            # NOT DEFERRABLE; a NOT NULL behind REFERENCES begins anew.
            return False
    return False


def _elements(words: list[str], start: int) -> tuple[list[list[str]], int]:
    """Return what stands between the commas of the parenthesis at `start`, and where it ends."""
    elements: list[list[str]] = [[]]
    depth = 0
    for place in range(start, len(words)):
        word = words[place]
        depth += (word == "(") - (word == ")")
        if depth == 0:
            return [element for element in elements if element], place
        if depth == 1 and word == ",":
            elements.append([])
        elif place > start:
            elements[-1].append(word)
    return [element for element in elements if element], len(words)


def _words(text: str) -> list[str]:
    """Return the tokens of a text, each in one spelling; NOT DEFERRABLE is one."""
    found: list[str] = []
    end = -1
    for token in significant(text, Dialect.SQLITE):
        word = text[token.start : token.end]
        if token.kind is TokenKind.WORD:
            word = word.upper() if word.upper() in _KEYWORDS else word
        elif token.kind is TokenKind.QUOTED:
            word = _requoted(word)
        if found and token.start == end and found[-1] + word in _OPERATORS:
            found[-1] += word
        elif found and (found[-1], word) == ("NOT", "DEFERRABLE"):
            found[-1] += " DEFERRABLE"
        else:
            found.append(word)
        end = token.end
    return found


def _requoted(word: str) -> str:
    name = _unquoted(word)
    plain = name.isidentifier() and name.isascii() and name.upper() not in _KEYWORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


def _unquoted(word: str) -> str:
    closing = {'"': '"', "`": "`", "[": "]"}.get(word[:1])
    if closing is None:
        return word
    inside = word[1:-1]
    return inside if closing == "]" else inside.replace(closing * 2, closing)


def _joined(words: Sequence[str]) -> str:
    parts: list[str] = []
    for before, word in pairwise(["(", *words]):
        close = before in {"(", "."} or word in {")", ",", ".", ";"}
        parts.append(word if close else f" {word}")
    return "".join(parts)
