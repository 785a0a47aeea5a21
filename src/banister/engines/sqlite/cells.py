"""Cells of a history table that may be another runner's: versions and times. No I/O."""

import re
from datetime import UTC, datetime, timedelta

from banister.planning import version_in

__all__ = [
    "after",
    "is_numeric",
    "read_number",
    "read_text",
    "read_time",
    "write_time",
    "write_version",
]

_LARGEST_INTEGER = 2**63 - 1
#: Times above this, in seconds, would lie in the year 5138: they are milliseconds.
_MILLISECONDS_FROM = 1e11
_MICROSECOND = timedelta(microseconds=1)


def read_text(cell: object) -> str | None:
    """Return a cell as text, whole numbers without a fraction; None for NULL."""
    if cell is None:
        return None
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def read_number(cell: object) -> int | None:
    """Return the number of the version that a cell names; None where it names none."""
    if isinstance(cell, int):
        return cell
    if isinstance(cell, str) and cell.isascii() and cell.isdigit():
        return int(cell)
    version = version_in(read_text(cell) or "")
    return version.number if version else None


def read_time(cell: object) -> datetime | None:
    """Return the moment in a cell: ISO text (without a zone: UTC) or Unix time; else None."""
    if isinstance(cell, int | float):
        return _from_unix(cell)
    text = (read_text(cell) or "").strip()
    if "-" not in text and re.fullmatch(r"\d{9,}(\.\d+)?", text):
        return _from_unix(float(text))
    moment = _from_iso(text) or _from_iso(
        re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", text.removesuffix(" UTC"))
    )
    try:
        return moment.astimezone(UTC) if moment else None
    except OverflowError:
        return None


def _from_iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _from_unix(seconds: float) -> datetime | None:
    if abs(seconds) > _MILLISECONDS_FROM:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def is_numeric(declared: str) -> bool:
    """Whether a column of that type stores numbers as numbers.

    By the rules of https://www.sqlite.org/datatype3.html#determination_of_column_affinity; a
    column without a type stores what it is given, and is given text.
    """
    kind = declared.upper()
    if "INT" in kind:
        return True
    return bool(kind) and not any(word in kind for word in ("CHAR", "CLOB", "TEXT", "BLOB", "ANY"))


def after(now: datetime, last: datetime | None, declared: str) -> datetime:
    """Return `now`, or the first moment after `last` that a column of that type can tell apart.

    So that the order of application survives a clock that is set back.
    """
    if last is None:
        return now
    if "INT" in declared.upper():
        return max(now, last + timedelta(seconds=1))
    return max(now, last + _MICROSECOND)


def write_time(moment: datetime, declared: str, like: object) -> str | int | float:
    """Return the cell for a moment, in the manner of `like`, a cell of the same column.

    Text has a T and an offset unless that cell has not; a column for whole numbers gets seconds of
    Unix time.
    """
    kind = declared.upper()
    if "INT" in kind:
        return int(moment.timestamp())
    if any(word in kind for word in ("REAL", "FLOA", "DOUB")):
        return moment.timestamp()
    if isinstance(like, int | float):
        return moment.timestamp()
    model = like if isinstance(like, str) else ""
    text = moment.astimezone(UTC).isoformat(
        sep=" " if model[10:11] == " " else "T", timespec="microseconds"
    )
    zoned = not model or re.search(r"(Z|[+-]\d\d:?\d\d)$", model, re.IGNORECASE)
    return text if zoned else text.removesuffix("+00:00")


def write_version(text: str, declared: str) -> str | int:
    """Return the cell for a version: a number where the column stores numbers."""
    number = int(text)
    return number if is_numeric(declared) and number <= _LARGEST_INTEGER else text
