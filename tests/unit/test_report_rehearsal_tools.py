"""What GitHub's annotations and code scanning read of a rehearsal."""

import json
import re
from typing import Any

import pytest

from banister.errors import Failure, Location, Severity
from banister.rehearsal import MigrationRehearsal, Rehearsal
from banister.rehearsal.rules import HAZARDS
from banister.report.rehearsal import annotation_lines
from banister.report.rehearsal.sarif import sarif_text
from rehearsal_kit import (
    a_finding,
    a_migration_rehearsal,
    a_rehearsal,
    a_trace,
    five_hazards,
    hostile_rehearsal,
    safe_migrations,
)


def with_finding(**more: Any) -> MigrationRehearsal:
    return a_migration_rehearsal("1_x", "SELECT 1;\n  SELECT 2;", findings={2: [a_finding(**more)]})


def run_of(rehearsal: Rehearsal) -> dict[str, Any]:
    log = json.loads(sarif_text(rehearsal, "0.1.0"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    return dict(run)


def test_an_annotation_stands_at_its_line_and_says_what_to_write() -> None:
    finding = with_finding(message="reads 100% of it", safer=("A;\nB;",), advice="soon")
    (line,) = annotation_lines(a_rehearsal(finding))
    head, _, message = line.removeprefix("::").partition("::")
    assert head == "warning file=migrations/1_x.up.sql,line=2,col=3,title=banister%3A set-not-null"
    assert message == "reads 100%25 of it%0A%0Asafer:%0AA;%0AB;%0A%0Asoon"


def test_a_long_proposal_does_not_hide_what_it_is_for() -> None:
    (line,) = annotation_lines(a_rehearsal(with_finding(safer=("SELECT 1;\n" * 200,))))
    assert line.endswith(
        "::reads all of portfolios while nobody can read or write it%0A%0A"
        "safer: 200 lines of SQL, which `banister plan` prints"
    )


def test_the_worst_come_first_and_accepted_ones_not_at_all() -> None:
    migration = five_hazards()
    accepted = with_finding(accepted="for a reason", severity=Severity.ERROR)
    lines = annotation_lines(a_rehearsal(accepted, migration, *safe_migrations(3)))
    kinds = [re.sub(r"::(\w+) .*", r"\1", line) for line in lines]
    assert kinds == ["error", "error", "warning", "warning", "notice"]


def test_a_place_with_commas_and_colons_ends_no_property() -> None:
    place = Location(path="a,b:c%d\n.sql", line=1)
    (line,) = annotation_lines(a_rehearsal(with_finding(location=place)))
    assert line.startswith("::warning file=a%2Cb%3Ac%25d .sql,line=1,title=")


def test_hostile_text_gives_no_other_command() -> None:
    for line in annotation_lines(hostile_rehearsal()):
        assert line.isprintable()
        assert re.match(r"::(error|warning|notice) [^:]*::", line)


def test_a_refusal_is_annotated_too() -> None:
    trace = a_trace(failure=Failure(message="no such table", sqlstate="42P01"))
    migration = a_migration_rehearsal("1_x", "SELECT 1;", seen={1: trace})
    (line,) = annotation_lines(a_rehearsal(migration))
    assert line.endswith("::fails: no such table [42P01]")


@pytest.mark.parametrize("rehearsal", [a_rehearsal(five_hazards()), hostile_rehearsal()])
def test_a_log_has_what_the_schema_requires(rehearsal: Rehearsal) -> None:
    run = run_of(rehearsal)
    driver = run["tool"]["driver"]
    assert driver["name"] == "Banister"
    assert driver["semanticVersion"] == "0.1.0"
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(rules) == len(set(rules))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["helpUri"].startswith("https://")
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert re.fullmatch(r"[\w./%-]+", physical["artifactLocation"]["uri"])
        assert physical["region"]["startLine"] >= 1
        assert physical["region"].get("startColumn", 1) >= 1
        assert result["partialFingerprints"]


def test_accepted_findings_are_suppressed_with_their_reason() -> None:
    (result,) = run_of(a_rehearsal(with_finding(accepted="it is empty")))["results"]
    assert result["suppressions"] == [
        {"kind": "inSource", "status": "accepted", "justification": "it is empty"}
    ]
    (result,) = run_of(a_rehearsal(with_finding()))["results"]
    assert "suppressions" not in result


def test_a_rule_has_the_title_and_the_manual_of_the_table_of_rules() -> None:
    hazard = HAZARDS[0]
    (rule,) = run_of(a_rehearsal(with_finding(rule=hazard.rule)))["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == hazard.title
    assert rule["helpUri"] == hazard.source


def test_a_fingerprint_stays_where_lines_move_and_differs_between_findings() -> None:
    def prints(text: str) -> list[str]:
        found = [a_finding(), a_finding()]
        migration = a_migration_rehearsal("1_x", text, findings={1: found, 2: found[:1]})
        results = run_of(a_rehearsal(migration))["results"]
        return [result["partialFingerprints"]["banisterFinding/v1"] for result in results]

    before = prints("SELECT 1;\nSELECT 2;")
    assert len(set(before)) == 3
    assert prints("-- moved\n\nSELECT 1;\nSELECT  2;") == before


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("./a b.sql", "a%20b.sql"),
        ("../x/ä.sql", "../x/%C3%A4.sql"),
        ("/srv/x.sql", "file:///srv/x.sql"),
        ("C:\\x\\y.sql", "file:///C:/x/y.sql"),
    ],
)
def test_a_path_becomes_a_reference(path: str, uri: str) -> None:
    (result,) = run_of(a_rehearsal(with_finding(location=Location(path=path))))["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}


def test_without_migrations_there_is_no_result() -> None:
    assert run_of(Rehearsal())["results"] == []
