"""Files too large for memory: read once to check and to measure them, then in verified chunks."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from banister.errors import FileChanged, Finding, Location
from banister.model import Chunk, Direction, LargeSource, Script
from banister.script import (
    RunningChecksum,
    decode,
    decode_part,
    read_directives,
    top_is_whole,
    wide_encoding,
)

__all__ = ["read_large_script"]

#: Bytes; CR LF and the bytes of one character are kept together, so that a chunk may be longer.
_CHUNK = 256 * 1024
_BOM = b"\xef\xbb\xbf"
#: Bytes that show a wide encoding.
_HEAD = 4096


@dataclass(frozen=True, kw_only=True)
class _LargeFile:
    """A file as it was when it was read first."""

    path: str
    shown: str
    size: int
    #: Where each chunk begins in bytes, and where the last one ends.
    bounds: tuple[int, ...]
    #: A hash of each chunk.
    digests: tuple[bytes, ...]

    def read(self, number: int) -> str:
        """Return the text of a chunk; raise FileChanged where it is not what it was."""
        start, end = self.bounds[number : number + 2]
        try:
            with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123 -- a string, as its folder was
                size = os.fstat(file.fileno()).st_size
                data = os.pread(file.fileno(), end - start, start)
        except OSError as error:
            raise self._changed(f"it cannot be read any more: {error.strerror}") from error
        if size != self.size or _digest(data) != self.digests[number]:
            raise self._changed("it is not what it was when it was checked")
        return data.decode()

    def _changed(self, why: str) -> FileChanged:
        return FileChanged(
            f"{self.shown} changed while it was in use: {why}",
            location=Location(path=self.shown),
            hint="let whatever writes it finish",
        )


@dataclass(kw_only=True)
class _Reading:
    """What one pass through a file gathers."""

    chunks: list[Chunk] = field(default_factory=list)
    bounds: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    top: str = ""
    looked_at: int = 0
    checksum: RunningChecksum | None = None
    #: Of the next chunk.
    offset: int = 0
    line: int = 1
    line_start: int = 0

    def add(self, text: str, data: bytes) -> None:
        """Take the next chunk."""
        start = self.bounds[-1]
        self.chunks.append(Chunk(start=self.offset, line=self.line, line_start=self.line_start))
        self.bounds.append(start + len(data))
        self.digests.append(_digest(data))
        self._sum_up(text)
        self.line += text.count("\n") + text.count("\r") - text.count("\r\n")
        last = max(text.rfind("\n"), text.rfind("\r"))
        if last >= 0:
            self.line_start = self.offset + last + 1
        self.offset += len(text)

    def _sum_up(self, text: str) -> None:
        if self.checksum is not None:
            self.checksum.add(text)
            return
        self.top += text
        # Looked at when it has doubled, so that a long comment is not read again and again.
        if len(self.top) >= 2 * self.looked_at:
            self.looked_at = len(self.top)
            if top_is_whole(self.top):
                self.checksum = RunningChecksum(self.top)

    def placed(self, finding: Finding) -> Finding:
        """Return a finding about the next chunk with its place in the file."""
        place = finding.location
        if place is None or place.line is None or place.column is None:
            return finding
        column = place.column + (self.offset - self.line_start if place.line == 1 else 0)
        shown = place.source_line if column == place.column else None
        return replace(
            finding,
            location=replace(
                place, line=self.line + place.line - 1, column=column, source_line=shown
            ),
        )

    def hexdigest(self) -> str:
        """Return the checksum of the whole text."""
        return (self.checksum or RunningChecksum(self.top)).hexdigest()


def read_large_script(
    path: str, direction: Direction, *, shown: str, chunk: int = _CHUNK
) -> tuple[Script | None, tuple[Finding, ...]]:
    """Return the script of a file, whose text stays there, and what is wrong with it.

    The file is read once, about `chunk` bytes at a time: its encoding is checked and its checksum
    made. Whenever text of it is needed later, it is held to what was read here. Raises OSError
    where the file cannot be read.
    """
    reading = _Reading()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- a string, as its folder was
        head = os.pread(file.fileno(), _HEAD, 0)
        if wide_encoding(head) is not None:
            return None, decode(head, shown)[1]
        start = len(_BOM) if head.startswith(_BOM) else 0
        reading.bounds.append(start)
        for data in _chunks(file.fileno(), start, chunk):
            text = decode_part(data, shown, at=reading.bounds[-1])
            if isinstance(text, Finding):
                return None, (reading.placed(text),)
            reading.add(text, data)
    if not reading.chunks:
        reading.add("", b"")
    held = _LargeFile(
        path=path,
        shown=shown,
        size=reading.bounds[-1],
        bounds=tuple(reading.bounds),
        digests=tuple(reading.digests),
    )
    source = LargeSource(
        path=shown,
        top=reading.top,
        chunks=tuple(reading.chunks),
        size=reading.offset,
        read=held.read,
    )
    directives, findings = read_directives(source, direction)
    script = Script(
        source=source, direction=direction, directives=directives, checksum=reading.hexdigest()
    )
    return script, findings


def _chunks(file: int, start: int, size: int) -> Iterator[bytes]:
    """Yield a file's bytes from `start`, never parting a character, or a CR from its LF."""
    while True:
        data = os.pread(file, size, start)
        if len(data) < size:
            rest = os.pread(file, size, start + len(data))
            data += rest
            if not rest:
                if data:
                    yield data
                return
        data = data[: len(data) - _cut(data)]
        yield data
        start += len(data)


def _cut(data: bytes) -> int:
    """Return how many bytes at the end belong together with those behind them."""
    if data.endswith(b"\r"):
        return 1
    # UTF-8: a byte that begins a character of n bytes says so; the others are 10xxxxxx.
    for back in range(1, 4):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return back if length > back else 0
    return 0


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
