"""The table of `status` where everything is applied, as the ordinary way prints it."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from banister.quick.files import PlainFolder
from banister.report.cells import remarks, status_cells
from banister.report.style import Style, columns

__all__ = ["status_text"]


def status_text(
    intro: tuple[str, str],
    rows: Sequence[tuple[str | None, ...]],
    folder: PlainFolder,
    *,
    zone: str,
    environ: Mapping[str, str],
) -> str:
    """Return all that `status` prints, marked where standard output is a terminal.

    `rows`: as rows.sql gives them. Raises KeyError where this machine does not know the zone.
    """
    colour = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb" and sys.stdout.isatty()
    style = Style(colour=colour)
    files, ways_down, width = folder
    place = ZoneInfo(zone)
    table = []
    for version, at, took, known, kept in sorted(rows, key=lambda row: int(row[0] or 0)):
        number = int(version or 0)
        reversible = kept == "t" or number in ways_down
        table.append(
            status_cells(
                style,
                version=str(number).zfill(width),
                name=files[number][0],
                state="applied",
                mark=style.good,
                applied_at=None if at is None else datetime.fromtimestamp(int(at), place),
                duration_ms=None if took is None else int(took),
                said=remarks((), reversible=reversible, down_kept=known == "t"),
            )
        )
    first, last = (style.dim(line) for line in intro)
    lines = [first, last, "", *columns(table), "", f"{len(rows)} applied"]
    return "\n".join(lines) + "\n"
