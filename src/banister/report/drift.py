"""What `drift` found → lines for people, and JSON. No I/O."""

from typing import Any

from banister.proof.drift import Drift
from banister.report.snapshot import difference_json
from banister.report.style import Style, plural
from banister.snapshot import Change, Difference, Weight

__all__ = ["drift_json", "drift_lines"]

_SIDES = {
    Change.MISSING: "missing in the database",
    Change.UNEXPECTED: "not made by the migrations",
}


def drift_lines(drift: Drift, style: Style) -> list[str]:
    """Return a line a difference, and what they come to."""
    lines = [_line(difference, style) for difference in drift.differences]
    if any(difference.change is Change.CHANGED for difference in drift.differences):
        lines += ["", style.dim("  →: from what the migrations make to what the database has")]
    if drift.not_certified is not None:
        lines += ["", style.warn(drift.not_certified)]
    return [*lines, *([""] if lines else []), _summary(drift, style)]


def _line(difference: Difference, style: Style) -> str:
    mark = style.bad if difference.weight is Weight.REAL else style.dim
    return f"  {mark(_words(difference))}"


def _words(difference: Difference) -> str:
    side = _SIDES.get(difference.change)
    return str(difference) if side is None else f"{difference.identity}: {side}"


def _summary(drift: Drift, style: Style) -> str:
    count = sum(difference.weight is Weight.REAL for difference in drift.differences)
    verdict = style.good("no drift") if drift.good else style.bad(plural(count, "difference"))
    ignored = f", {drift.ignored} more ignored" if drift.ignored else ""
    return f"{verdict}{ignored}: {plural(drift.migrations, 'migration')} run on {drift.server}"


def drift_json(drift: Drift) -> dict[str, Any]:
    """Return what was found out, for the envelope."""
    return {
        "drift": not drift.good,
        "differences": [
            {**difference_json(difference), "message": _words(difference)}
            for difference in drift.differences
        ],
        "ignored": drift.ignored,
        "migrations_run": drift.migrations,
        "server": drift.server,
        "not_certified": drift.not_certified,
    }
