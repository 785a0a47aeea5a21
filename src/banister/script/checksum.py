"""The checksum of a file's text: what may change in it without being an edit. No I/O."""

from hashlib import sha256

from banister.script.directives import directive_lines

__all__ = ["checksum"]


def checksum(text: str) -> str:
    """Return the SHA-256 (hex) of `text` without what does not change a run.

    A byte order mark and the kind of line ends do not count, nor do directive lines at the top,
    except that a line which holds `transaction=off` counts as `-- banister: transaction=off`.
    """
    text = text.removeprefix("\ufeff")
    parts = []
    last = 0
    for line in directive_lines(text):
        parts.append(text[last : line.start])
        if line.transaction_off:
            parts.append("-- banister: transaction=off")
            parts.append(text[line.end : line.next])
        last = line.next
    parts.append(text[last:])
    return sha256("".join(parts).replace("\r\n", "\n").encode()).hexdigest()
