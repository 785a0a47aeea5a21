"""Events, results and errors → text and JSON. Pure: no I/O."""

from typing import TYPE_CHECKING

from banister.later import imports_later

if TYPE_CHECKING:
    from banister.report.events import event_lines
    from banister.report.results import (
        envelope,
        event_json,
        finding_json,
        plan_json,
        skipped_json,
        status_json,
        step_json,
    )
    from banister.report.snapshot import difference_json, difference_lines, snapshot_json
    from banister.report.style import Style, columns, duration, plural
    from banister.report.text import (
        error_lines,
        finding_lines,
        interrupted_state,
        plan_lines,
        sql_lines,
        status_lines,
        summary,
    )

__all__ = [
    "Style",
    "columns",
    "difference_json",
    "difference_lines",
    "duration",
    "envelope",
    "error_lines",
    "event_json",
    "event_lines",
    "finding_json",
    "finding_lines",
    "interrupted_state",
    "plan_json",
    "plan_lines",
    "plural",
    "skipped_json",
    "snapshot_json",
    "sql_lines",
    "status_json",
    "status_lines",
    "step_json",
    "summary",
]

if not TYPE_CHECKING:
    __getattr__ = imports_later(
        __name__,
        {
            "results": (
                "envelope event_json finding_json plan_json skipped_json status_json step_json"
            ),
            "events": "event_lines",
            "snapshot": "difference_json difference_lines snapshot_json",
            "style": "Style columns duration plural",
            "text": (
                "error_lines finding_lines interrupted_state plan_lines sql_lines status_lines "
                "summary"
            ),
        },
    )
