"""Each rule about dangerous statements, tried: what it finds, and what it offers instead.

On the newest PostgreSQL, each in one form, and what is offered instead of more than a notice;
`make hazards` does it on all, in every form.
"""

import os
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from banister.errors import Severity
from banister.rehearsal import HazardFinding, Rehearsal, Verdict
from banister.rehearsal.rules import HAZARDS
from banister.snapshot import compare
from hazards_kit import CASES, SILENT, Case, Ground, all_findings, grounds
from servers import MAJORS, Servers

NEWEST = MAJORS[-1]
#: All of it takes minutes: see `make hazards`.
EVERYTHING = "BANISTER_HAZARDS_ON" in os.environ
TRIED = [int(word) for word in os.environ.get("BANISTER_HAZARDS_ON", str(NEWEST)).split(",")]


#: Rules that offer what ends in the same schema, and with a value wherever there would be one.
SAME = {
    "add-check",
    "add-column-default-check",
    "add-column-identity",
    "add-column-references-default",
    "add-column-serial",
    "add-column-unique",
    "add-column-volatile-default",
    "add-primary-key",
    "add-unique-constraint",
    "set-not-null",
    "type-change-with-check",
}

#: Some hundred pages.
ROWS = """INSERT INTO accounts
SELECT n, 'account ' || n, n, '2026-01-01' FROM generate_series(1, 60000) AS n;"""
#: How many rules there have to be, and how many of them a server has to have confirmed.
RULES, CONFIRMED = 80, 65
#: Rules that no server of the tests can confirm: it would have to be 14.0 to 14.3.
UNCONFIRMED = {"detach-pending", "index-corruption-14"}
#: Cases of those where nothing is offered, or something for a part of the statement alone.
OTHERWISE = {"add-column-volatile-default+among-others", "add-unique-constraint+partitioned"}


@pytest.fixture(scope="module", params=TRIED, ids=lambda major: f"postgres{major}")
def ground(servers: Servers, request: pytest.FixtureRequest) -> Iterator[Ground]:
    with grounds(servers, request.param) as found:
        yield found


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if EVERYTHING or case.path.name == case.rule],
    ids=lambda case: case.path.name,
)
def test_what_a_rule_is_about_is_found_and_its_way_around_is_not(
    case: Case, ground: Ground
) -> None:
    if not case.holds_on(ground.major):
        pytest.skip("for other versions alone")
    found = of_rule(ground.rehearse_bad(case), case.rule)
    assert {finding.location.line for finding in found if finding.location} == case.lines
    if not EVERYTHING and all(finding.severity is Severity.NOTICE for finding in found):
        return
    offered = {finding.safer for finding in found if finding.safer}
    for texts in offered or {case.good}:
        is_harmless(ground.rehearse(case, texts), case.rule)
    # Cases are written for the newest version that they hold on.
    if EVERYTHING and offered and ground.major == NEWEST and case.good not in offered:
        is_harmless(ground.rehearse(case, case.good), case.rule)


#: Every other rule, unless all is tried.
HELD = sorted(SAME) if EVERYTHING else sorted(SAME)[::2]


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.rule in HELD
        and case.path.name not in OTHERWISE
        and (EVERYTHING or case.path.name == case.rule)
    ],
    ids=lambda case: case.path.name,
)
def test_what_is_offered_comes_to_the_same(case: Case, ground: Ground) -> None:
    (finding,) = of_rule(ground.rehearse_bad(case), case.rule)
    schema, nulls = ground.end(case, [case.bad])
    offered, left = ground.end(case, finding.safer)
    assert compare(schema, offered) == ()
    assert left == nulls


def test_rows_are_filled_batch_by_batch_with_commits_in_between(ground: Ground) -> None:
    (case,) = (each for each in CASES if each.path.name == "add-column-volatile-default")
    (finding,) = of_rule(ground.rehearse_bad(case), case.rule)
    database = ground.scratch.create()
    with closing(psycopg.connect(database.conninfo, autocommit=True)) as session:
        for text in (case.setup, ROWS, *finding.safer):
            session.execute(text.encode())
        counted = session.execute(
            "SELECT count(*), count(token), count(DISTINCT token), count(DISTINCT xmin::text)"
            " FROM accounts"
        ).fetchone()
        assert counted is not None
        rows, filled, different, transactions = counted
    ground.scratch.drop(database)
    assert rows == filled == different == 60_000
    assert transactions > 2


@pytest.mark.parametrize("case", SILENT, ids=lambda case: case.path.name)
def test_what_looks_dangerous_and_is_not_is_no_finding(case: Case, ground: Ground) -> None:
    if not case.holds_on(ground.major):
        pytest.skip("for other versions alone")
    found = ground.rehearse_bad(case)
    assert [f.rule for f in all_findings(found) if f.severity is not Severity.NOTICE] == []
    assert found.verdict <= Verdict.BRIEF_LOCK


def of_rule(found: Rehearsal, rule: str) -> list[HazardFinding]:
    return [finding for finding in all_findings(found) if finding.rule == rule]


def is_harmless(found: Rehearsal, rule: str) -> None:
    """Hold that no migration is worse than a short lock, and none meets the rule."""
    failures = [
        (statement.trace.statement.text, statement.trace.failure.message)
        for migration in found.migrations
        for statement in migration.statements
        if statement.trace.failure is not None
    ]
    assert failures == []
    said = [(f.rule, f.message) for f in all_findings(found) if f.verdict > Verdict.BRIEF_LOCK]
    assert said == []
    assert found.verdict <= Verdict.BRIEF_LOCK
    assert of_rule(found, rule) == []


def test_there_are_rules_enough_and_nearly_all_have_a_case_of_their_name() -> None:
    names = [hazard.rule for hazard in HAZARDS]
    cases = {case.rule for case in CASES}
    assert sorted(names) == sorted(set(names))
    assert len(names) >= RULES
    assert len(cases) >= CONFIRMED
    assert set(names) - cases == UNCONFIRMED
    assert cases <= set(names)
