"""Which findings a file accepts, and which of its acceptances nothing needs. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from banister.errors import Location, Severity
from banister.model import Step
from banister.rehearsal.rules import HAZARDS
from banister.rehearsal.verdicts import HazardFinding, MigrationRehearsal, Verdict

__all__ = ["GENERAL_RULES", "accepted", "with_unused"]

#: Rules that are about what was seen as a whole, beside those in `rules`.
GENERAL_RULES = (
    "cannot-run",
    "copied-in-part",
    "copy-differs",
    "data-loss",
    "fails-on-rows",
    "left-broken",
    "lock-order",
    "long-work-under-lock",
    "lost-in-copying",
    "lost-with-table",
    "needs-rows",
    "needs-server",
    "scratch-lacks",
    "split-here",
    "takes-too-long",
)


def accepted(findings: Sequence[HazardFinding], step: Step) -> tuple[HazardFinding, ...]:
    """Return findings about a migration, each with the reason that its file gives for it."""
    reasons = dict(step.script.directives.accept)
    return tuple(replace(each, accepted=reasons.get(each.rule)) for each in findings)


def with_unused(
    migration: MigrationRehearsal, across: Sequence[HazardFinding]
) -> MigrationRehearsal:
    """Return the migration with a finding for each acceptance that nothing needs.

    `across` are the findings about several migrations.
    """
    path = migration.step.script.source.path
    here = (each for each in across if each.location is not None and each.location.path == path)
    met = {each.rule for each in (*migration.all_findings, *here)}
    wanted = dict(migration.step.script.directives.accept).keys()
    found = tuple(_unused(migration.step, sorted(wanted - met)))
    return replace(migration, findings=(*migration.findings, *found))


def _unused(step: Step, rules: Sequence[str]) -> Iterator[HazardFinding]:
    known = [*(hazard.rule for hazard in HAZARDS), *GENERAL_RULES]
    for rule in rules:
        near = get_close_matches(rule, known, n=1, cutoff=0.6) if rule not in known else []
        yield HazardFinding(
            rule="unused-acceptance",
            severity=Severity.WARNING,
            verdict=Verdict.SAFE,
            message=f"accept={rule} is not needed: nothing in this file meets that rule"
            if rule in known
            else f"accept={rule} names no rule",
            advice=f'did you mean "{near[0]}"?' if near else "take that directive out",
            location=Location(path=step.script.source.path, line=1),
        )
