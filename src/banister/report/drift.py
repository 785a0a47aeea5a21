"""What `drift` found → lines for people, and JSON. No I/O."""

from typing import Any

from banister.proof.drift import Drift, StoredDrift
from banister.report.snapshot import difference_json
from banister.report.style import Style, plural
from banister.snapshot import Change, Difference, Weight

__all__ = ["drift_json", "drift_lines", "stored_json", "stored_lines"]

_SIDES = {
    Change.MISSING: "missing in the database",
    Change.UNEXPECTED: "not made by the migrations",
}
_ASK = "`banister drift` compares with what the migrations make"


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


def stored_lines(found: StoredDrift, style: Style) -> list[str]:
    """Return whether the schema is what the last run left."""
    at = f"version {found.version} was applied last" if found.version else "nothing was applied"
    match found.changed:
        case None:
            return [f"{style.warn('not known')}: {found.reason}", _ASK]
        case True:
            return [f"{style.bad('changed')} since the last run, when {at}", _ASK]
    return [f"{style.good('unchanged')} since the last run, when {at}"]


def stored_json(found: StoredDrift) -> dict[str, Any]:
    """Return what is known, for the envelope."""
    return {
        "changed": found.changed,
        "reason": found.reason,
        "version": found.version and found.version.text,
    }
