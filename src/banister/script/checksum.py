"""The checksum of a file's text: what may change in it without being an edit. No I/O."""

from hashlib import sha256

from banister.script.directives import directive_lines

__all__ = ["RunningChecksum", "checksum"]


def checksum(text: str) -> str:
    """Return the SHA-256 (hex) of `text` without what does not change a run.

    A byte order mark and the kind of line ends do not count, nor do directive lines at the top,
    except that a line which holds `transaction=off` counts as `-- banister: transaction=off`.
    """
    return RunningChecksum(text).hexdigest()


class RunningChecksum:
    """The checksum of a text that comes in parts; no CR and LF of one line end are parted."""

    def __init__(self, top: str) -> None:
        """Begin with a part that holds all of the comments above the first statement."""
        self._hash = sha256()
        top = top.removeprefix("\ufeff")
        parts = []
        last = 0
        for line in directive_lines(top):
            parts.append(top[last : line.start])
            if line.transaction_off:
                parts += ["-- banister: transaction=off", top[line.end : line.next]]
            last = line.next
        self.add("".join([*parts, top[last:]]))

    def add(self, text: str) -> None:
        """Go on with the next part."""
        self._hash.update(text.replace("\r\n", "\n").encode())

    def hexdigest(self) -> str:
        """Return the checksum of what was given so far."""
        return self._hash.hexdigest()
