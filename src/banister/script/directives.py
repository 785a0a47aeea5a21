"""Directive lines: `-- banister: key=value …` above the first statement of a file. No I/O."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

from banister.errors import Finding, Severity
from banister.model import Dialect, Direction, Directives, LargeSource, Source
from banister.script.keys import KEYS, Item, Refused, merge
from banister.script.places import found_in, kinds_at
from banister.script.tokens import TokenKind, postgres_token
from banister.script.windows import Window, windows

__all__ = [
    "DirectiveLine",
    "directive_lines",
    "misplaced_directives",
    "read_directives",
    "top_is_whole",
]

_MARKER = re.compile(r"--[ \t]+banister:")
_ITEM = re.compile(r'(?P<key>[^\s="]+)(?P<equals>=(?P<value>"[^"\n\r]*"(?!\S)|[^\s"]\S*)?)?')
# What looks like the marker: another case, another spacing, one letter off, no colon.
_NEAR_MARKER = re.compile(r"--[ \t]*(?P<word>[A-Za-z]+)(?P<colon>[ \t]*:)?[ \t]*(?P<rest>.*)")
# Comments above the first statement that nobody can have meant as directives: neither the word
# itself, nor a word before the name of a key. Most files have no others.
_PROSE = re.compile(
    r"(?:[ \t\n\r\f\v]++|/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/"
    r"|--(?![ \t]*+(?i:banister))"
    rf"(?![ \t]*+[A-Za-z]++(?:[ \t]*+:)?+[ \t]*+(?:(?:{'|'.join(KEYS)})(?![A-Za-z_])|[A-Za-z_]++=))"
    r"[^\n\r]*+)*+(?!--|/\*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveLine:
    """One directive line at the top of a file."""

    #: Offset of the line, of its end, and of the next line.
    start: int
    end: int
    next: int
    #: Offset behind the marker.
    content: int
    #: It holds `transaction=off`.
    transaction_off: bool


def directive_lines(text: str) -> tuple[DirectiveLine, ...]:
    """Return the directive lines above the first statement of `text`, in order."""
    if "banister:" not in text:
        return ()
    lines = []
    last = 0
    for start, end in _top_comments(text):
        marker = _MARKER.match(text, start, end)
        # A comment ends with its line: the next one's line begins behind it.
        line_start = max(text.rfind("\n", last, start), text.rfind("\r", last, start)) + 1
        last = end
        if marker is None or text[line_start:start].strip():
            continue
        following = end + (2 if text.startswith("\r\n", end) else 1)
        items = _ITEM.finditer(text, marker.end(), end)
        lines.append(
            DirectiveLine(
                start=line_start,
                end=end,
                next=min(following, len(text)),
                content=marker.end(),
                transaction_off=any(
                    item["key"] == "transaction" and (item["value"] or "").strip('"') == "off"
                    for item in items
                ),
            )
        )
    return tuple(lines)


def read_directives(
    source: Source | LargeSource, direction: Direction
) -> tuple[Directives, tuple[Finding, ...]]:
    """Return what the directive lines ask for, and what is wrong with them.

    Every finding is an error at the exact column; what is wrong is left out of the directives.
    Of a large source only the comments above the first statement are looked at:
    `misplaced_directives` sees the rest.
    """
    if isinstance(source, Source) and _has_none(source.text):
        return Directives(), ()
    reader = _Reader(source, direction)
    for line in directive_lines(source.top):
        reader.read(line)
    reader.check_markers()
    findings = reader.findings
    if isinstance(source, Source) and _MARKER.search(source.text, _top_end(source.text)):
        window = next(windows(source, Dialect.POSTGRESQL))
        findings = [*findings, *misplaced_directives(source, window)]
    return merge(reader.items), tuple(findings)


def misplaced_directives(source: Source | LargeSource, window: Window) -> tuple[Finding, ...]:
    """Return an error for each directive line of a window that stands below a statement."""
    if "banister:" not in window.text:
        return ()
    offsets = found_in(window, _MARKER, _top_end(source.top))
    return tuple(
        Finding(
            severity=Severity.ERROR,
            code="directive_misplaced",
            message="directives must stand above the first statement",
            location=source.locate(offset),
            hint="move the line to the top of the file",
        )
        for offset, token in zip(
            offsets, kinds_at(window, offsets, Dialect.POSTGRESQL), strict=True
        )
        if token is not None and token.kind is TokenKind.COMMENT and token.start == offset
    )


def top_is_whole(text: str) -> bool:
    """Whether a text that goes on holds all of the comments above its first statement."""
    position = 0
    while position < len(text):
        token = postgres_token(text, position, len(text))
        if token.kind not in {TokenKind.COMMENT, TokenKind.SPACE}:
            # One more character tells a `-` or `/` from a comment.
            return token.end < len(text)
        position = token.end
    return False


def _has_none(text: str) -> bool:
    """Whether a text certainly holds no directive, and nothing that may be meant as one."""
    return "banister:" not in text and _PROSE.match(text) is not None


def _top_comments(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the `--` comments above the first statement stand."""
    position = 0
    while position < len(text):
        token = postgres_token(text, position, len(text))
        if token.kind is TokenKind.COMMENT:
            if text[token.start] == "-":
                yield token.start, token.end
        elif token.kind is not TokenKind.SPACE:
            return
        position = token.end


def _top_end(text: str) -> int:
    return max((end for _, end in _top_comments(text)), default=0)


class _Reader:
    """Gathers items and findings of one file."""

    def __init__(self, source: Source | LargeSource, direction: Direction) -> None:
        self.source = source
        self.direction = direction
        self.items: list[Item] = []
        self.findings: list[Finding] = []

    def say(self, code: str, offset: int, message: str, hint: str | None) -> None:
        self.findings.append(
            Finding(
                severity=Severity.ERROR,
                code=code,
                message=message,
                location=self.source.locate(offset),
                hint=hint,
            )
        )

    def read(self, line: DirectiveLine) -> None:
        """Read the items of one line."""
        text = self.source.top
        position = line.content
        found = []
        while position < line.end:
            if text[position].isspace():
                position += 1
                continue
            match = _ITEM.match(text, position, line.end)
            if match is None or (match["equals"] == "=" and text.startswith('"', match.end())):
                self.say(
                    "directive_quote",
                    match.end() if match else position,
                    "a quote that is not closed, or not at the end of its value",
                    'write it as key="value"',
                )
                break
            found.append(_item(match))
            position = match.end()
        self._pair_reasons(found)

    def _pair_reasons(self, found: list[Item]) -> None:
        """Give each accept= the reason= behind it, then check every item."""
        number = 0
        while number < len(found):
            item = found[number]
            number += 1
            if item.key == "accept" and number < len(found) and found[number].key == "reason":
                item = item.because(found[number].value or "")
                number += 1
            self._add(item)

    def _add(self, item: Item) -> None:
        rule = KEYS.get(item.key)
        if rule is None:
            self.say(
                "directive_unknown",
                item.offset,
                f'unknown directive "{item.key}"',
                _did_you_mean(item.key, [*KEYS, "reason"]) or f"known: {', '.join(KEYS)}",
            )
            return
        if rule.up_only and self.direction is Direction.DOWN:
            self.say(
                "directive_direction",
                item.offset,
                f"`{item.key}` stands in a down file",
                "move it to the up file: it holds for the migration as a whole",
            )
            return
        if item.key != "accept" and any(known.key == item.key for known in self.items):
            self.say(
                "directive_twice",
                item.offset,
                f"`{item.key}` is given twice",
                "keep one of the two",
            )
            return
        try:
            rule.check(item)
        except Refused as refused:
            self.say("directive_value", item.value_offset, refused.message, refused.hint)
            return
        self.items.append(item)

    def check_markers(self) -> None:
        """Find lines that were meant as directives and are none."""
        text = self.source.top
        top = list(_top_comments(text))
        known = {line.content for line in directive_lines(text)}
        for start, end in top:
            marker = _MARKER.match(text, start, end)
            if marker is None:
                self._check_near_marker(start, end)
            elif marker.end() not in known:
                self.say(
                    "directive_misplaced",
                    start,
                    "a directive stands behind something else on its line",
                    "give it a line of its own",
                )

    def _check_near_marker(self, start: int, end: int) -> None:
        match = _NEAR_MARKER.match(self.source.top, start, end)
        if match is None:
            return
        word = match["word"].lower()
        first = re.match(r"[A-Za-z_]+", match["rest"])
        names_key = first is not None and (
            first.group() in KEYS or match["rest"].startswith("=", first.end())
        )
        if word == "banister":
            meant = match["colon"] is not None or names_key
        else:
            # Words of prose are many, and a ratio takes time.
            meant = names_key and SequenceMatcher(None, word, "banister").ratio() >= 0.85
        if meant:
            written = self.source.top[start : match.end("colon" if match["colon"] else "word")]
            self.say(
                "directive_marker",
                start,
                f'"{written}" does not begin a directive',
                'did you mean "-- banister:"?',
            )


def _item(match: re.Match[str]) -> Item:
    value = match["value"]
    if value is None:
        value = "" if match["equals"] else None
        value_offset = match.end()
        if not match["equals"]:
            value_offset = match.start()
    else:
        value_offset = match.start("value")
        value = value.removeprefix('"').removesuffix('"') if value.startswith('"') else value
    return Item(key=match["key"], value=value, offset=match.start(), value_offset=value_offset)


def _did_you_mean(word: str, known: list[str]) -> str | None:
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else None
