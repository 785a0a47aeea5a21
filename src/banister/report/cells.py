"""One migration's line in the table of `status`. No I/O.

Apart from what knows migrations: the quick answer prints such lines too, and imports little.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from banister.report.style import Style, duration

__all__ = ["remarks", "status_cells"]

_TIME = "%Y-%m-%d %H:%M:%S %Z"


def status_cells(
    style: Style,
    *,
    version: str,
    name: str,
    state: str,
    mark: Callable[[str], str],
    applied_at: datetime | None,
    duration_ms: int | None,
    said: Iterable[str],
) -> list[tuple[str, str]]:
    """Return the cells of a line, plain and marked; `said`: see `remarks`."""
    when = applied_at.strftime(_TIME).rstrip() if applied_at else ""
    took = duration(duration_ms) if duration_ms is not None else ""
    note = ", ".join(said)
    return [
        (version, version),
        (name, name),
        (state, mark(state)),
        (when, style.dim(when)),
        (took, style.dim(took)),
        (note, style.dim(note)),
    ]


def remarks(tags: Iterable[str], *, reversible: bool, down_kept: bool) -> list[str]:
    """Return what is to be said about a migration beside its state."""
    said = sorted(tags)
    if not reversible:
        said.append("irreversible")
    if not down_kept:
        said.append("its down is over 1 MiB and not kept in the database")
    return said
