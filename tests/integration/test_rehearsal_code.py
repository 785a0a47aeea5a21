"""Rehearsals of what takes rows away that the copy does not show: no such thing is safe."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from banister import Rehearsal, Verdict
from postgres_kit import Site
from servers import PostgresDatabase

SETUP = """
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer bigint REFERENCES customers ON DELETE CASCADE, state text);
CREATE TABLE items (
    id bigint PRIMARY KEY, "order" bigint REFERENCES orders ON DELETE CASCADE, sku text);
CREATE TABLE settings (key text PRIMARY KEY, value text, "Other" text);
CREATE TABLE totals (n int, value bigint);
CREATE TABLE events (at date) PARTITION BY RANGE (at);
CREATE FUNCTION purge() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN DELETE FROM items WHERE sku = 'sku'; RETURN 1; END $$;
CREATE PROCEDURE purge_p() LANGUAGE plpgsql AS $$
BEGIN DELETE FROM items WHERE sku = 'sku'; COMMIT; END $$;
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.customers (id bigint PRIMARY KEY, name text);
CREATE TABLE doubled (
    n int, owner text, id bigint GENERATED ALWAYS AS (n * 2) STORED PRIMARY KEY);
CREATE FUNCTION mirror() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE customers SET name = NEW.name; RETURN NEW; END $$;
CREATE TRIGGER mirror BEFORE UPDATE ON elsewhere.customers
    FOR EACH ROW EXECUTE FUNCTION mirror();
CREATE TRIGGER mirror BEFORE UPDATE OF n ON totals FOR EACH ROW
    WHEN (NEW.n > 0) EXECUTE FUNCTION mirror();
CREATE POLICY p ON totals USING (n > 0);
CREATE RULE r AS ON DELETE TO totals WHERE old.n > 5 DO ALSO SELECT 1;
CREATE VIEW w AS SELECT purge() AS p;
"""
OFF = "-- banister: transaction=off\n"


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresDatabase) -> Site:
    found = Site(database=postgres, root=tmp_path)
    found.write({"001_setup": SETUP})
    found.up()
    return found


def first_of(*cases: Any) -> list[Any]:
    """Return cases of which `make everything` alone tries more than the first two."""
    return [
        case
        if number < 2
        else pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.everything
        )
        for number, case in enumerate(cases)
    ]


def rehearsed(site: Site, *texts: str) -> Rehearsal:
    site.write({f"{number:03}_change": text for number, text in enumerate(texts, start=2)})
    # Nothing is small here.
    project = site.project(plan_small_rows=0, plan_small_bytes=0)
    return project.rehearse(project.plan().plan)


#: All of these take rows away, or values, where the target has other rows than the copy.
TAKES = [
    "DELETE FROM items WHERE id IN (SELECT generate_series(10000, 60000));",
    "DELETE FROM items WHERE id = ANY (ARRAY(SELECT id FROM orders WHERE state = 'old'));",
    "DELETE FROM settings WHERE key = ANY ((SELECT array_agg(sku) FROM items)::text[]);",
    "UPDATE items SET sku = 'x' WHERE id = ANY (ARRAY(SELECT generate_series(10000, 60000)));",
    "DELETE FROM customers WHERE id = 15000;",
    "DELETE FROM items WHERE id BETWEEN 20000 AND 30000;",
    (
        "CREATE FUNCTION fix() RETURNS void LANGUAGE sql AS $$ UPDATE items SET sku = NULL WHERE "
        "sku = 'sku' $$;\nSELECT fix();\nDROP FUNCTION fix();"
    ),
    (
        "INSERT INTO settings VALUES ('zz1', '1');\n"
        "DO $$ BEGIN DELETE FROM settings WHERE value = '2'; END $$;"
    ),
    (
        "ALTER TABLE items ADD COLUMN note text;\n"
        "DO $$ BEGIN DELETE FROM items WHERE sku = 'sku'; END $$;"
    ),
    "VALUES (purge());",
    "CREATE TABLE r AS SELECT purge();",
    "INSERT INTO totals SELECT 1, purge();",
    "EXPLAIN ANALYZE DELETE FROM items WHERE sku = 'sku';",
    "PREPARE p AS DELETE FROM items WHERE sku = 'sku';\nEXECUTE p;",
    "TABLE w;",
    (
        "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM items "
        "WHERE id = NEW.id; RETURN NEW; END $$;\nCREATE TABLE new_ones (id bigint);\n"
        "CREATE TRIGGER t BEFORE INSERT ON new_ones FOR EACH ROW EXECUTE FUNCTION gone();\n"
        "INSERT INTO new_ones VALUES (17);"
    ),
    f"{OFF}CALL purge_p();",
    f"{OFF}DO $$ BEGIN UPDATE items SET sku = NULL; COMMIT; END $$;",
    (
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT id FROM orders WHERE state = 'old' LOOP "
        'DELETE FROM items WHERE "order" = r.id; END LOOP; END $$;'
    ),
    (
        "DO $$ BEGIN IF (SELECT count(*) FROM orders) > 1000 THEN TRUNCATE orders CASCADE; END IF; "
        "END $$;"
    ),
    (
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT value FROM settings WHERE key = 'old' LOOP "
        "EXECUTE 'DROP TABLE ' || r.value; END LOOP; END $$;"
    ),
]


def test_what_takes_rows_away_that_are_not_there_is_not_called_safe(site: Site) -> None:
    found = rehearsed(site, *TAKES)
    assert found.not_tried == ()
    called_safe = [
        text
        for text, migration in zip(TAKES, found.migrations, strict=True)
        if migration.verdict < Verdict.BLOCKS_WRITES
        and not any(finding.undecided for finding in migration.all_findings)
    ]
    assert called_safe == []


@pytest.mark.parametrize(
    "text",
    first_of(
        "DO $$ BEGIN DELETE FROM items WHERE sku = 'sku'; END $$;",
        "DO $$ BEGIN EXECUTE 'DEL' || 'ETE FROM items WHERE sku = ''sku'''; END $$;",
        "SELECT purge();",
    ),
)
def test_code_that_may_delete_is_not_told_to_update(site: Site, text: str) -> None:
    (migration,) = rehearsed(site, text).migrations
    assert [finding.rule for finding in migration.all_findings] == ["unseen-delete"]
    assert migration.verdict is Verdict.LOSES_DATA


#: Code as migrations have it, which depends on no rows of the target.
HARMLESS = [
    (
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'mood') THEN "
        "CREATE TYPE mood AS ENUM ('ok'); END IF; END $$;"
    ),
    (
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT relname FROM pg_class WHERE relname ~ 'x_y' "
        "LOOP EXECUTE format('DROP TABLE %I', r.relname); END LOOP; END $$;"
    ),
    (
        "CREATE OR REPLACE FUNCTION purge() RETURNS bigint LANGUAGE plpgsql AS $$ "
        "BEGIN DELETE FROM items WHERE sku = 'other'; RETURN 1; END $$;"
    ),
    "DELETE FROM settings WHERE key IN ('a', 'b');",
    "DELETE FROM items WHERE id IN (1, 2, 3);",
    "INSERT INTO settings VALUES ('a', 'b') ON CONFLICT (key) DO NOTHING;",
    "CREATE TABLE fresh (id int);\nDO $$ BEGIN DELETE FROM fresh WHERE id = 5; END $$;",
    "GRANT EXECUTE ON FUNCTION purge() TO PUBLIC;",
    "COMMENT ON TABLE items IS 'DELETE FROM items';",
]


def test_code_that_depends_on_no_rows_is_no_alarm(site: Site) -> None:
    found = rehearsed(site, *HARMLESS)
    alarms = [
        (text, finding.rule)
        for text, migration in zip(HARMLESS, found.migrations, strict=True)
        for finding in migration.all_findings
        if finding.verdict > Verdict.BRIEF_LOCK or finding.undecided
    ]
    assert alarms == []


@pytest.mark.parametrize(
    ("first", "second"),
    first_of(
        ("CREATE TABLE archive AS SELECT * FROM items WHERE sku = 'sku';", "DROP TABLE archive;"),
        (
            """CREATE TABLE archive (LIKE items);
            INSERT INTO archive SELECT * FROM items WHERE sku = 'sku';""",
            "TRUNCATE archive;",
        ),
        (
            "ALTER TABLE totals RENAME TO old_totals;\nCREATE TABLE totals (n int);",
            "TRUNCATE totals;",
        ),
        (
            """CREATE TABLE events_26 (at date);
            ALTER TABLE events ATTACH PARTITION events_26
                FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');""",
            "TRUNCATE events_26;",
        ),
    ),
)
def test_what_an_earlier_migration_fills_with_rows_of_the_target_counts_as_the_targets(
    site: Site, first: str, second: str
) -> None:
    site.write({"002_change": first, "003_change": second})
    project = site.project()
    rehearsal = project.rehearse(project.plan().plan)
    assert rehearsal.migrations[1].verdict is Verdict.LOSES_DATA


def test_what_a_migration_makes_for_itself_is_its_own(site: Site) -> None:
    site.write({
        "002_change": "CREATE TABLE fresh (LIKE items);\nINSERT INTO fresh VALUES (1, 2, 'x');",
        "003_change": "DROP TABLE fresh;",
    })  # fmt: skip
    project = site.project()
    rehearsal = project.rehearse(project.plan().plan)
    assert rehearsal.migrations[1].verdict is Verdict.SAFE


def test_what_takes_long_on_the_copy_is_long_under_a_lock(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banister.rehearsal.judging._LONG_MS", 900)
    found = rehearsed(site, "ALTER TABLE totals ADD COLUMN z int;\nSELECT pg_sleep(1);")
    assert found.verdict is Verdict.BLOCKS_ALL
    assert any(" s on the copy" in f.message for f in found.migrations[0].all_findings)


@pytest.mark.parametrize(
    "text",
    first_of(
        "UPDATE items SET id = id + 1000000;",
        "UPDATE items SET (id, sku) = (id + 1000000, 'x');",
        "UPDATE public.items SET sku = 'x', \"id\" = id + 1;",
        "UPDATE items SET sku = upper(sku), id = id + 1;",
        "UPDATE elsewhere.customers SET name = 'x';",
        "UPDATE doubled SET n = n + 1;",
        "DELETE FROM customers WHERE name LIKE 'old%';",
    ),
)
def test_batches_walk_the_table_of_the_statement_by_a_key_that_stays(site: Site, text: str) -> None:
    (migration,) = rehearsed(site, text).migrations
    for finding in migration.all_findings:
        for offered in finding.safer:
            assert "FROM customers\n" in offered
            assert finding.relation == "customers"


@pytest.mark.parametrize(
    ("text", "repeatable"),
    first_of(
        ("UPDATE settings SET value = 'x';", True),
        ('UPDATE settings SET value = lower(key), "Other" = key;', True),
        ("UPDATE settings SET value = value || 'x';", False),
        ('UPDATE settings SET (value, "Other") = ("Other", \'\');', False),
        ("UPDATE settings SET (value, \"Other\") = (lower(key), '');", True),
        ("DELETE FROM settings;", True),
    ),
)
def test_batches_that_would_change_rows_twice_say_so(
    site: Site, text: str, repeatable: bool
) -> None:
    (migration,) = rehearsed(site, text).migrations
    (offered,) = [text for finding in migration.all_findings for text in finding.safer]
    assert offered.startswith("-- banister: transaction=off\n")
    assert ("-- Not to be run again" in offered) is not repeatable


@pytest.mark.parametrize(
    "text",
    ["ALTER TABLE doubled ALTER owner SET NOT NULL;", "ALTER TABLE doubled RENAME owner TO whose;"],
)
def test_a_column_called_owner_is_no_change_of_owners(site: Site, text: str) -> None:
    (migration,) = rehearsed(site, text).migrations
    assert "owner" not in [finding.rule for finding in migration.all_findings]


@pytest.mark.parametrize(
    ("text", "lack"),
    first_of(
        ("CREATE EXTENSION IF NOT EXISTS of_nobody;", "the extension of_nobody"),
        ("ALTER TABLE orders DISABLE TRIGGER ALL;", "run as an ordinary role"),
    ),
)
def test_what_the_scratch_server_lacks_is_undecided(site: Site, text: str, lack: str) -> None:
    (migration,) = rehearsed(site, text).migrations
    (finding,) = (f for f in migration.all_findings if f.undecided)
    assert finding.rule == "scratch-lacks"
    assert lack in finding.message
    assert "--scratch-url" in finding.message
    assert migration.verdict is Verdict.NOT_CERTIFIED


def test_sizes_are_those_of_the_files_whatever_the_last_analyze_knew(site: Site) -> None:
    site.rows(
        "ALTER TABLE settings SET (autovacuum_enabled = off, toast.autovacuum_enabled = off);"
        "ALTER TABLE settings ALTER value SET STORAGE EXTERNAL;"
        "ALTER TABLE totals SET (autovacuum_enabled = off);"
        "INSERT INTO settings SELECT g, repeat('x', 40000) FROM generate_series(1, 200) g;"
        "INSERT INTO totals SELECT g, g FROM generate_series(1, 1000) g;"
    )
    site.rows("ANALYZE settings, totals")
    site.rows("INSERT INTO totals SELECT g, g FROM generate_series(1, 99000) g")
    with site.project().engine() as engine:
        sizes = engine.surroundings().sizes
    assert (sizes["settings"].size_bytes or 0) > 200 * 40_000
    assert 90_000 < (sizes["totals"].rows or 0) < 110_000
    assert (sizes["totals"].size_bytes or 0) > 3_000_000


def test_what_a_rollback_to_a_savepoint_undoes_is_no_loss_and_holds_no_lock(site: Site) -> None:
    (migration,) = rehearsed(
        site,
        "SAVEPOINT a;\nALTER TABLE orders ADD COLUMN zz int;\nROLLBACK TO a;\n"
        "CREATE INDEX ON orders (state);",
    ).migrations
    assert migration.verdict is Verdict.BLOCKS_WRITES
    assert [finding.rule for finding in migration.all_findings] == ["create-index-blocking"]


@pytest.mark.parametrize(
    ("text", "rule"),
    first_of(
        ("ALTER TABLE items DROP COLUMN sku;", "drop-column"),
        ("TRUNCATE items;", "truncate"),
        ("UPDATE totals SET value = 1;", "unbatched-update"),
        ("DELETE FROM totals;", "unbatched-delete"),
    ),
)
def test_what_is_done_again_behind_a_rollback_to_a_savepoint_is_told(
    site: Site, text: str, rule: str
) -> None:
    again = f"SAVEPOINT a;\n{text}\nDELETE FROM totals;\nROLLBACK TO a;\n{text}"
    (migration,) = rehearsed(site, again).migrations
    assert rule in [finding.rule for finding in migration.statements[-1].findings]
    assert not migration.statements[3].findings


@pytest.mark.parametrize(
    ("text", "rules"),
    first_of(
        ("ALTER TABLE elsewhere.customers RENAME TO old_ones;", {"rename-table"}),
        ("ALTER TABLE totals RENAME TO old_totals;", {"rename-table"}),
        ("ALTER TABLE totals RENAME n TO m;", {"rename-column"}),
        ("ALTER TABLE totals SET SCHEMA elsewhere;", {"set-schema"}),
        ("ALTER SCHEMA elsewhere RENAME TO there;", {"rename-schema"}),
        (
            "ALTER TABLE totals RENAME TO old_totals;\nALTER POLICY p ON old_totals USING (n > 1);",
            {"rename-table", "policy-change"},
        ),
    ),
)
def test_what_a_renamed_table_has_is_called_otherwise_and_does_the_same(
    site: Site, text: str, rules: set[str]
) -> None:
    (migration,) = rehearsed(site, text).migrations
    assert {finding.rule for finding in migration.all_findings} == rules


@pytest.mark.parametrize(
    "lock",
    ["REINDEX INDEX settings_pkey", "LOCK TABLE settings", "LOCK TABLE events, events_26"],
)
def test_sizes_wait_for_nobody(site: Site, lock: str) -> None:
    site.rows(
        "CREATE TABLE events_26 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);"
        "INSERT INTO settings SELECT g, g FROM generate_series(1, 10000) g;"
        "INSERT INTO events SELECT date '2026-05-05' + g FROM generate_series(1, 10000) g;"
    )
    site.rows("VACUUM ANALYZE settings, events_26")
    with psycopg.connect(site.database.url) as other:
        other.execute(lock)
        with site.project(lock_timeout="200ms").engine() as engine:
            sizes = engine.surroundings().sizes
    assert {sizes[name].rows for name in ("settings", "events", "events_26")} == {10_000}
    assert all((sizes[name].size_bytes or 0) > 300_000 for name in ("settings", "events"))
    assert sizes["events"] == sizes["events_26"]
