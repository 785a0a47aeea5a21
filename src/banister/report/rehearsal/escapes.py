"""Text from strangers inside Markdown, as GitHub and GitLab show it. No I/O."""

import re

from banister.report.rehearsal.words import visible, visible_lines

__all__ = ["code", "fenced", "plain"]

#: What would be taken for a mark, an entity, HTML, the end of a cell, or an emoji. As character
#: references they are no marks anywhere, in tables neither. An underscore inside a word is none.
_MARKS = re.compile(r"[\\`*\[\]<>|~@&$]|(?<!\w)_|_(?!\w)|:(?=\w)")
#: Names of people and numbers of issues are looked for in what is shown, unless it is code.
_REACHES_OUT = re.compile(r"(?<=[@#])(?=\w)|(?<=\bGH-)(?=\d)|(?<=://)|(?<=www\.)", re.IGNORECASE)
_BREAK = "\u200b"


def plain(text: str, longest: int = 1_000) -> str:
    """Return a text on one line so that it is shown as it is, and nobody is told of it."""
    told = _REACHES_OUT.sub(_BREAK, _bounded(visible(text), longest))
    return _entities(told)


def code(text: str, longest: int = 200) -> str:
    """Return a text on one line as code, in a table too."""
    return f"<code>{_entities(_bounded(visible(text), longest))}</code>"


def fenced(text: str, longest: int = 4_000) -> list[str]:
    """Return SQL as the lines of a block that nothing in it can end."""
    told = visible_lines(text).strip("\n")
    cut = len(told) > longest
    longest_run = max((len(run) for run in re.findall(r"`+", told)), default=0)
    fence = "`" * max(3, longest_run + 1)
    lines = [f"{fence}sql", *told[:longest].split("\n"), fence]
    return [*lines, "", f"(the first {longest:,} of {len(told):,} characters)"] if cut else lines


def _bounded(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _entities(text: str) -> str:
    return _MARKS.sub(lambda found: f"&#{ord(found[0])};", text)
