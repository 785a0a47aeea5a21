"""Bytes of a file → text, or the reason why they are none. No I/O."""

import re

from banister.errors import Finding, Severity
from banister.model import Dialect, LargeSource, Source
from banister.script.places import found_in, kinds_at
from banister.script.tokens import TokenKind
from banister.script.windows import Window, windows

__all__ = ["decode", "decode_part", "invisible_characters", "wide_encoding"]

_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_SAVE_AS_UTF8 = "save the file as UTF-8"
# Both dialects take them for letters of a name, an editor shows them as a space or not at all.
_INVISIBLE = re.compile("[\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]")
_NAMES = {
    "\u00a0": "a no-break space",
    "\u200b": "a zero-width space",
    "\u2028": "a line separator",
    "\u2029": "a paragraph separator",
    "\ufeff": "a byte order mark",
}


def decode(
    data: bytes, path: str, *, dialect: Dialect = Dialect.POSTGRESQL
) -> tuple[Source | None, tuple[Finding, ...]]:
    """Return the text of a file that must be UTF-8, without a byte order mark at its start.

    Bytes that are no UTF-8 text give an error and no source. Characters that look like spaces and
    are none give a warning each, unless they stand in a string, a quoted name, a comment or rows.
    """
    wide = wide_encoding(data)
    if wide is not None:
        return None, (
            Finding(
                severity=Severity.ERROR,
                code="encoding",
                message=f"{path} is {wide}, not UTF-8 (seen at byte 0)",
                location=Source(path=path, text="").locate(0),
                hint=_SAVE_AS_UTF8,
            ),
        )
    skipped = len(_BOM) if data.startswith(_BOM) else 0
    text = decode_part(data[skipped:], path, at=skipped)
    if isinstance(text, Finding):
        return None, (text,)
    source = Source(path=path, text=text)
    if text.isascii():
        return source, ()
    window = next(windows(source, dialect))
    return source, invisible_characters(source, window, dialect)


def decode_part(data: bytes, path: str, *, at: int) -> str | Finding:
    """Return the text of bytes that stand at byte `at` of a file, or what is wrong with them.

    The place of a finding counts from the first of these bytes.
    """
    refusal = _zero_byte(data, path, at)
    if refusal is not None:
        return refusal
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _bad_byte(data, path, error.start, at)


def wide_encoding(data: bytes) -> str | None:
    """Return the name of a wide encoding that the first bytes of a file show, None for UTF-8."""
    for mark, name in _OTHER_BOMS:
        if data.startswith(mark):
            return name
    head = data[:4096]
    if len(head) < 8 or head.count(0) < len(head) // 4:
        return None
    # SQL is mostly ASCII, so that nearly every second (or three of four) bytes are zero.
    by_place = [head[place::4].count(0) * 8 > len(head[place::4]) * 4 for place in range(4)]
    if sum(by_place) == 3:
        return "UTF-32"
    if by_place in ([False, True, False, True], [True, False, True, False]):
        return "UTF-16"
    return None


def _zero_byte(body: bytes, path: str, skipped: int) -> Finding | None:
    offset = body.find(0)
    if offset < 0:
        return None
    return _at_byte(
        body,
        path,
        offset,
        code="zero_byte",
        message=f"a 0x00 byte at byte {offset + skipped}: a server would read no further",
        hint="remove it; a file that was cut off or pieced together may hold more of them",
    )


def _bad_byte(body: bytes, path: str, offset: int, skipped: int) -> Finding:
    return _at_byte(
        body,
        path,
        offset,
        code="encoding",
        message=f"byte 0x{body[offset]:02x} at byte {offset + skipped} is not UTF-8",
        hint=f"{_SAVE_AS_UTF8}; it may be Latin-1 or Windows-1252 now",
    )


def _at_byte(body: bytes, path: str, offset: int, *, code: str, message: str, hint: str) -> Finding:
    before = body[:offset].decode("utf-8", errors="replace")
    text = before + body[offset:].decode("utf-8", errors="replace")
    return Finding(
        severity=Severity.ERROR,
        code=code,
        message=message,
        location=Source(path=path, text=text).locate(len(before)),
        hint=hint,
    )


def invisible_characters(
    source: Source | LargeSource, window: Window, dialect: Dialect
) -> tuple[Finding, ...]:
    """Return a warning for each character of a window that looks like a space and is a letter."""
    offsets = [] if window.text.isascii() else found_in(window, _INVISIBLE)
    first = window.mark.offset
    return tuple(
        _invisible(source, offset, window.text[offset - first])
        for offset, token in zip(offsets, kinds_at(window, offsets, dialect), strict=True)
        if token is not None and token.kind in {TokenKind.WORD, TokenKind.NUMBER, TokenKind.OTHER}
    )


def _invisible(source: Source | LargeSource, offset: int, character: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        code="invisible_character",
        message=f"{_NAMES.get(character, 'an invisible character')} "
        f"(U+{ord(character):04X}) outside of quotes: it counts as a letter",
        location=source.locate(offset),
        hint="replace it by a space, or remove it",
    )
