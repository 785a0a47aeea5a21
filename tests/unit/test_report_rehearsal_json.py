"""What programs read of a rehearsal: the keys that are promised, and no password."""

import json
from dataclasses import replace

from banister.errors import Failure
from banister.model import Changed, RelationFacts, RelationKind
from banister.report.rehearsal.json import rehearsal_json
from rehearsal_kit import (
    BIG,
    a_finding,
    a_migration_rehearsal,
    a_rehearsal,
    a_trace,
    builds,
    five_hazards,
    hostile_rehearsal,
    rewrites,
    updates,
)


def test_the_promised_keys_are_there() -> None:
    told = rehearsal_json(a_rehearsal(five_hazards()))
    (migration,) = told["migrations"]
    assert {"version", "name", "verdict", "statements"} <= migration.keys()
    assert migration["verdict"] == told["verdict"] == "loses data"
    first = migration["statements"][0]
    assert {"line", "sql", "locks", "rewrites", "scans", "builds", "findings"} <= first.keys()
    assert first["line"] == 2
    assert first["sql"].startswith("ALTER TABLE portfolios ADD COLUMN token")
    (lock,) = first["locks"]
    assert {key: lock[key] for key in ("relation", "mode", "blocks", "held_through")} == {
        "relation": "portfolios",
        "mode": "ACCESS EXCLUSIVE",
        "blocks": ["reads", "writes"],
        "held_through": 6,
    }
    (rewrite,) = first["rewrites"]
    size = {"rows": BIG.rows, "size_bytes": BIG.size_bytes}
    assert rewrite.items() >= ({"relation": "portfolios"} | size).items()
    (scan,) = migration["statements"][1]["scans"]
    assert scan.items() >= ({"relation": "portfolios"} | size).items()
    (build,) = migration["statements"][2]["builds"]
    assert build.items() >= {"relation": "positions", "rows": 900, "size_bytes": 122880}.items()
    (finding,) = first["findings"]
    assert {"rule", "severity", "message", "safer"} <= finding.keys()
    assert finding["location"]["line"] == 2


def test_what_to_write_instead_is_one_text() -> None:
    (migration,) = rehearsal_json(a_rehearsal(five_hazards()))["migrations"]
    safer = migration["statements"][1]["findings"][0]["safer"]
    assert safer == (
        "ALTER TABLE portfolios\n    ADD CONSTRAINT owner_nn NOT NULL owner NOT VALID;\n"
        "-- then, in a migration of its own:\n"
        "ALTER TABLE portfolios VALIDATE CONSTRAINT owner_nn;"
    )
    assert migration["statements"][5]["findings"][0]["safer"] is None


def test_a_very_long_statement_is_cut_and_says_so() -> None:
    text = f"SELECT '{'x' * 5_000_000}';"
    (migration,) = rehearsal_json(a_rehearsal(a_migration_rehearsal("1_x", text)))["migrations"]
    (statement,) = migration["statements"]
    assert statement["sql"] == text[:2_000]
    assert statement["sql_cut"] is True
    assert statement["sql_length"] == len(text)


def test_passwords_are_hidden_also_where_the_statement_is_cut() -> None:
    text = f"ALTER ROLE a /* {'x' * 1_965} */ PASSWORD 'hunter22';"
    trace = a_trace(failure=Failure(message="near 'hunter22'", detail="'hunter22'"))
    migration = a_migration_rehearsal(
        "1_x",
        text,
        seen={1: replace(trace, settings={"app.key": "hunter22"})},
        findings={1: [a_finding(message="hunter22", safer=("hunter22",), advice="hunter22")]},
    )
    assert "hunter" not in json.dumps(rehearsal_json(a_rehearsal(migration)))


def test_a_renamed_table_keeps_its_size_and_a_new_one_of_its_name_has_none() -> None:
    (rewrite,) = rewrites("portfolios")

    def facts(oid: int, name: str) -> RelationFacts:
        return RelationFacts(
            oid=oid, name=name, bare_name=name, schema="public", kind=RelationKind.TABLE,
            filenode=1, persistence="p", owner="me",
        )  # fmt: skip

    old = rewrite.table_oid
    renamed = Changed(before=facts(old, "portfolios"), after=facts(old, "old"))
    made = Changed(before=None, after=facts(7, "portfolios"))
    migration = a_migration_rehearsal(
        "1_x",
        "SELECT 1;\nSELECT 2;",
        seen={
            1: replace(a_trace(), relations=(renamed, made)),
            2: a_trace(
                rewritten=(
                    replace(rewrite, relation="old", table="old"),
                    replace(rewrite, relation_oid=7, table_oid=7),
                )
            ),
        },
    )
    (told,) = rehearsal_json(a_rehearsal(migration))["migrations"]
    assert [one["rows"] for one in told["statements"][1]["rewrites"]] == [BIG.rows, None]


def test_rows_written_are_an_estimate() -> None:
    trace = a_trace(written=updates("portfolios", 1, 4), built=builds("i", "portfolios"))
    migration = a_migration_rehearsal("1_x", "SELECT 1;", seen={1: trace})
    (told,) = rehearsal_json(a_rehearsal(migration))["migrations"]
    assert told["statements"][0]["writes"] == [
        {
            "relation": "portfolios",
            "does": "update",
            "rows_on_copy": 1,
            "estimated_rows": 12_000_000,
        }
    ]


def test_everything_can_be_written_as_json() -> None:
    told = rehearsal_json(hostile_rehearsal())
    assert json.loads(json.dumps(told)) == told
    assert told["not_tried"][0]["version"] == "004"
