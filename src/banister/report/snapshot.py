"""A schema and its differences → lines for people, and JSON. No I/O."""

from collections.abc import Sequence
from typing import Any

from banister.report.style import Style, plural
from banister.snapshot import Difference, Snapshot, Weight, fingerprint

__all__ = ["difference_json", "difference_lines", "snapshot_json"]


def difference_lines(differences: Sequence[Difference], style: Style) -> list[str]:
    """Return a line a difference, and how many there are."""
    marks = {Weight.REAL: style.bad, Weight.ORDER: style.dim, Weight.WORDING: style.dim}
    told = [f"  {marks[difference.weight](str(difference))}" for difference in differences]
    return [*told, "", plural(len(differences), "difference")] if told else ["no differences"]


def difference_json(difference: Difference) -> dict[str, Any]:
    """Return one difference."""
    return {
        "kind": difference.identity.kind.value,
        "name": difference.identity.name,
        "of": difference.identity.of,
        "change": difference.change.value,
        "property": difference.property,
        "before": difference.before,
        "after": difference.after,
        "weight": difference.weight.value,
        "message": str(difference),
    }


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return a schema."""
    return {
        "server": snapshot.server,
        "fingerprint": fingerprint(snapshot),
        "objects": [
            {
                "kind": identity.kind.value,
                "name": identity.name,
                "of": identity.of,
                "properties": dict(snapshot.objects[identity].properties),
                **(
                    {"column_order": list(snapshot.column_order[identity.name])}
                    if identity.of is None and identity.name in snapshot.column_order
                    else {}
                ),
            }
            for identity in snapshot.in_order()
        ],
    }
