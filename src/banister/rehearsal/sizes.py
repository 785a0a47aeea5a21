"""How large tables are, in words, and which are too small to matter. No I/O."""

from dataclasses import dataclass

from banister.model import TableSize

__all__ = ["SmallTables", "size_words"]

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallTables:
    """Tables on which nothing takes long: those with at most so many rows and bytes."""

    rows: int = 10_000
    size_bytes: int = 16 * 1024 * 1024

    def holds(self, size: TableSize) -> bool:
        """Whether a table is known to be that small."""
        if size.rows is None and size.size_bytes is None:
            return False
        return (size.rows or 0) <= self.rows and (size.size_bytes or 0) <= self.size_bytes


def size_words(size: TableSize) -> str:
    """Return both as people read them, such as "48 M rows, 31 GB"; empty: nothing is known."""
    said = []
    if size.rows is not None:
        said.append(f"{_count(size.rows)} row{'' if size.rows == 1 else 's'}")
    if size.size_bytes is not None:
        said.append(_bytes(size.size_bytes))
    return ", ".join(said)


def _count(rows: int) -> str:
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if rows >= limit:
            value = rows / (limit if unit != "k" else 1000)
            return f"{value:.3g} {unit}"
    return f"{rows}"


def _bytes(size: int) -> str:
    value = float(size)
    unit = _UNITS[0]
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.3g} {unit}" if unit != "bytes" else f"{size} bytes"
