"""Files and history → findings and plans. Pure: no I/O, no clock."""

from typing import TYPE_CHECKING

from banister.later import imports_later

if TYPE_CHECKING:
    from banister.planning.applied import applied_steps
    from banister.planning.checks import check_history, refuse_errors
    from banister.planning.linting import lint
    from banister.planning.plan import PlanOptions, find_version, left_out, plan_down, plan_up
    from banister.planning.reach import (
        beyond_the_database,
        not_for_scratch,
        reaches_cluster,
        steps_reach_cluster,
    )
    from banister.planning.recalling import HistoryRow, LogRow, bare_name, recall, version_in
    from banister.planning.resume import lives_in_session, only_sets
    from banister.planning.status import status_rows
    from banister.planning.step import make_step

__all__ = [
    "HistoryRow",
    "LogRow",
    "PlanOptions",
    "applied_steps",
    "bare_name",
    "beyond_the_database",
    "check_history",
    "find_version",
    "left_out",
    "lint",
    "lives_in_session",
    "make_step",
    "not_for_scratch",
    "only_sets",
    "plan_down",
    "plan_up",
    "reaches_cluster",
    "recall",
    "refuse_errors",
    "status_rows",
    "steps_reach_cluster",
    "version_in",
]

if not TYPE_CHECKING:
    __getattr__ = imports_later(
        __name__,
        {
            "applied": "applied_steps",
            "checks": "check_history refuse_errors",
            "linting": "lint",
            "plan": "PlanOptions find_version left_out plan_down plan_up",
            "reach": "beyond_the_database not_for_scratch reaches_cluster steps_reach_cluster",
            "recalling": "HistoryRow LogRow bare_name recall version_in",
            "resume": "lives_in_session only_sets",
            "status": "status_rows",
            "step": "make_step",
        },
    )
