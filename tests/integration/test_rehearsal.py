"""Rehearsals: what is seen of statements, the copy they run on, a target that is only read."""

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import banister
from banister import LockMode, Rehearsal, StatementRehearsal, TableSize, Verdict
from postgres_kit import Site
from servers import PostgresDatabase, Servers

SETUP = """
CREATE TABLE owners (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE things (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner bigint REFERENCES owners (id),
    note text, amount numeric(10, 2));
"""


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresDatabase) -> Site:
    found = Site(database=postgres, root=tmp_path)
    found.write({"001_setup": SETUP})
    found.up()
    return found


def rehearsed(site: Site, *texts: str, **settings: Any) -> Rehearsal:
    """Rehearse these as the migrations 002 and so on."""
    site.write({f"{number:03}_change": text for number, text in enumerate(texts, 2)})
    project = site.project(**settings)
    return project.rehearse(project.plan().plan)


def only(found: Rehearsal) -> StatementRehearsal:
    ((statement,),) = (each.statements for each in found.migrations)
    return statement


def test_locks_are_told_with_what_they_block_and_how_long(site: Site) -> None:
    found = rehearsed(
        site,
        "ALTER TABLE things ADD COLUMN colour text;\nCREATE INDEX ON owners (name);\nSELECT 1;\n",
    )
    (migration,) = found.migrations
    first, second, third = migration.statements
    (lock,) = first.locks
    assert (lock.relation, lock.mode) == ("things", LockMode.ACCESS_EXCLUSIVE)
    assert (lock.blocks, lock.taken_by, lock.held_through) == (("reads", "writes"), 1, 3)
    (lock,) = second.locks
    assert (lock.relation, lock.mode, lock.blocks) == ("owners", LockMode.SHARE, ("writes",))
    assert third.locks == ()
    assert [lock.table for lock in third.trace.held if lock.mode.blocks] == [
        "owners",
        "things",
    ] or ({lock.table for lock in third.trace.held} >= {"owners", "things"})


def test_rewrites_and_scans_and_builds_are_what_the_server_did(site: Site) -> None:
    found = rehearsed(
        site,
        "ALTER TABLE things ALTER COLUMN amount TYPE text;\n",
        "ALTER TABLE things ALTER COLUMN note SET NOT NULL;\n",
        "CREATE INDEX things_note ON things (note);\n",
        "ALTER TABLE things ALTER COLUMN note TYPE varchar;\n",
    )
    changed, scanned, built, kept = (each.statements[0].trace for each in found.migrations)
    assert [(each.relation, each.how, each.reasons) for each in changed.rewrites] == [
        ("things", "rewrite", ("type",))
    ]
    assert [(each.table, each.why) for each in scanned.scans] == [("things", "verify")]
    assert [(each.index, each.table) for each in built.builds] == [("things_note", "things")]
    assert (kept.rewrites, kept.scans, kept.builds) == ((), (), ())


def test_what_the_run_itself_makes_is_no_hazard(site: Site) -> None:
    found = rehearsed(
        site,
        "CREATE TABLE fresh (id int);\n",
        "INSERT INTO fresh VALUES (1);\nALTER TABLE fresh ALTER COLUMN id TYPE bigint;\n"
        "CREATE INDEX ON fresh (id);\nDROP TABLE fresh;\n",
    )
    assert found.verdict is Verdict.SAFE
    assert [finding for each in found.migrations for finding in each.all_findings] == []


def test_statements_outside_a_transaction_are_seen_from_another_session(site: Site) -> None:
    found = rehearsed(
        site,
        "-- banister: transaction=off\nCREATE INDEX CONCURRENTLY things_note ON things (note);\n"
        "DROP INDEX CONCURRENTLY things_note;\nVACUUM FULL things;\n",
    )
    built, dropped, full = found.migrations[0].statements
    strongest = {lock.relation: lock.mode for lock in built.trace.locks}
    assert strongest["things"] is LockMode.SHARE_UPDATE_EXCLUSIVE
    assert [each.index for each in built.trace.builds] == ["things_note"]
    assert {lock.relation: lock.mode for lock in dropped.trace.locks}["things"] is (
        LockMode.SHARE_UPDATE_EXCLUSIVE
    )
    assert {lock.relation: lock.mode for lock in full.trace.locks}["things"] is (
        LockMode.ACCESS_EXCLUSIVE
    )
    assert [each.how for each in full.trace.rewrites] == ["rewrite"]
    assert full.locks[0].held_through == 3


def test_a_statement_that_the_server_refuses_is_told_in_place(site: Site) -> None:
    found = rehearsed(site, "SELECT 1;\nALTER TABLE nowhere ADD COLUMN a int;\n", "SELECT 2;\n")
    (migration,) = found.migrations
    assert migration.verdict is Verdict.CANNOT_RUN
    failed = migration.statements[1]
    assert failed.location.line == 2
    assert failed.trace.failure is not None
    assert failed.trace.failure.sqlstate == "42P01"
    assert [step.label for step in found.not_tried] == ["003_change"]


def test_what_fails_on_generated_rows_alone_is_tried_without_them(site: Site) -> None:
    found = rehearsed(
        site, "ALTER TABLE things ADD COLUMN must int NOT NULL;\n", "SELECT count(*) FROM things;\n"
    )
    first, second = (each.statements[0].trace for each in found.migrations)
    assert first.failure is None
    assert first.failure_on_rows is not None
    assert first.failure_on_rows.sqlstate == "23502"
    assert second.failure is None


def test_sizes_are_the_targets(site: Site) -> None:
    site.database.execute("INSERT INTO owners SELECT n, 'x' FROM generate_series(1, 30000) n")
    site.database.execute("VACUUM ANALYZE owners")
    found = rehearsed(site, "ALTER TABLE owners ALTER COLUMN name TYPE varchar(10);\n")
    size = only(found).locks[0].size
    assert size.rows == 30_000
    assert size.size_bytes is not None
    assert 1_000_000 < size.size_bytes < 10_000_000
    assert found.migrations[0].verdict is Verdict.BLOCKS_ALL
    assert found.sizes["things"] == TableSize(rows=0, size_bytes=16384)


def test_every_major_is_rehearsed_on_a_server_like_it(
    tmp_path: Path,
    every_postgres: PostgresDatabase,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ((major,),) = every_postgres.execute(
        "SELECT current_setting('server_version_num')::int / 10000"
    )
    monkeypatch.setenv("PATH", f"{servers.binaries(major).bin_dir}:{os.environ['PATH']}")
    site = Site(database=every_postgres, root=tmp_path)
    site.write({"001_setup": SETUP})
    site.up()
    found = rehearsed(
        site,
        "ALTER TABLE things ADD COLUMN at timestamptz DEFAULT clock_timestamp();\n"
        "ALTER TABLE things ALTER COLUMN note SET NOT NULL;\n",
        "-- banister: transaction=off\nCREATE INDEX CONCURRENTLY things_at ON things (at);\n",
    )
    first, second = found.migrations[0].statements
    assert [each.reasons for each in first.trace.rewrites] == [("default",)]
    assert [each.why for each in second.trace.scans] == ["verify"]
    built = found.migrations[1].statements[0].trace
    assert {lock.relation: lock.mode for lock in built.locks}["things"] is (
        LockMode.SHARE_UPDATE_EXCLUSIVE
    )
    assert found.not_certified is None
    assert found.copied == "the target's schema, by pg_dump"
    assert found.lost_probes == ()


def test_a_target_that_takes_no_writes_is_enough(site: Site) -> None:
    ((name,),) = site.database.execute("SELECT current_database()")
    site.database.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    found = rehearsed(site, "ALTER TABLE things DROP COLUMN note;\nDELETE FROM owners;\n")
    assert found.copied == "the target's schema, by pg_dump"
    assert found.verdict is Verdict.LOSES_DATA


def test_a_materialized_view_of_the_target_can_be_refreshed(site: Site) -> None:
    site.database.execute(
        "CREATE MATERIALIZED VIEW names AS SELECT DISTINCT name FROM owners;"
        "CREATE UNIQUE INDEX ON names (name);"
        "CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM names"
    )
    found = rehearsed(site, "REFRESH MATERIALIZED VIEW CONCURRENTLY names;\n")
    assert only(found).trace.failure is None


def test_the_copy_has_the_targets_time_zone(site: Site) -> None:
    site.write({"002_when": "CREATE TABLE log (at timestamp);\n"})
    site.up()
    ((name,),) = site.database.execute("SELECT current_database()")
    site.database.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'")
    site.write({"003_zone": "ALTER TABLE log ALTER COLUMN at TYPE timestamptz;\n"})
    project = site.project()
    found = project.rehearse(project.plan().plan)
    assert [each.how for each in only(found).trace.rewrites] == ["rewrite"]
    site.database.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'UTC'")
    found = project.rehearse(project.plan().plan)
    assert only(found).trace.rewrites == ()


def test_an_acceptance_is_told_and_one_that_nothing_needs_is_a_finding(site: Site) -> None:
    found = rehearsed(
        site,
        '-- banister: accept=create-index-blocking reason="small"\n'
        '-- banister: accept=create-index-bloking reason="typo"\n'
        "CREATE INDEX ON owners (name);\n",
        plan_small_rows=0,
        plan_small_bytes=0,
    )
    (finding,) = only(found).findings
    assert (finding.rule, finding.accepted) == ("create-index-blocking", "small")
    assert not found.reaches(Verdict.BLOCKS_WRITES)
    (unused,) = found.migrations[0].findings
    assert unused.rule == "unused-acceptance"
    assert unused.advice == 'did you mean "create-index-blocking"?'


def test_locks_in_another_order_are_named(site: Site) -> None:
    found = rehearsed(
        site,
        "ALTER TABLE owners ADD COLUMN a int;\nALTER TABLE things ADD COLUMN a int;\n",
        "ALTER TABLE things ADD COLUMN b int;\nALTER TABLE owners ADD COLUMN b int;\n",
    )
    (finding,) = found.across
    assert finding.rule == "lock-order"
    assert "002_change locks owners and then things" in finding.message


def test_rows_that_are_written_are_counted_against_those_of_the_copy(site: Site) -> None:
    found = rehearsed(site, "UPDATE things SET note = 'x';\nDELETE FROM things;\n")
    updated, deleted = (each.trace.written for each in found.migrations[0].statements)
    assert updated[0].updated == updated[0].rows_before
    assert updated[0].rows_before
    assert deleted[0].deleted == deleted[0].rows_before
    assert found.verdict is Verdict.LOSES_DATA


def test_a_role_that_may_not_read_every_table_gets_a_copy_from_the_files(site: Site) -> None:
    database = site.database
    ((me,),) = database.execute("SELECT current_user")
    name = f"part_{uuid4().hex}"
    database.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    try:
        database.execute(f'CREATE TABLE secret (id int); GRANT {name} TO "{me}"')
        database.execute("CREATE TYPE mood AS ENUM (); CREATE TYPE other AS ENUM ()")
        database.execute(f"GRANT ALL ON schema_migrations, schema_migrations_log TO {name}")
        database.execute(f"GRANT ALL ON owners, things TO {name}")
        found = rehearsed(site, "ALTER TABLE things ADD COLUMN a int;\n", role=name)
        assert found.copied == (
            "what the applied migrations make, not as the target's in 5 places: type mood, "
            "type other, table owners and 2 more"
        )
        assert "secret" in found.lost_probes[0]
        assert found.verdict is Verdict.BRIEF_LOCK
    finally:
        database.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_without_a_database_only_what_is_new_in_the_branch_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_setup.up.sql").write_text(SETUP)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *args], check=True)
    (folder / "002_new.up.sql").write_text("CREATE INDEX ON things (note);\n")
    project = banister.open(None, root=tmp_path, environ={})
    found = project.rehearse(project.plan().plan, since="HEAD")
    assert [each.step.label for each in found.migrations] == ["002_new"]
    assert found.migrations[0].verdict is Verdict.BLOCKS_WRITES
    everything = project.rehearse(project.plan().plan)
    assert everything.verdict is Verdict.SAFE


def test_a_file_of_many_rows_is_looked_at_in_parts(site: Site) -> None:
    rows = "".join(f"INSERT INTO owners VALUES ({1000 + n}, 'x');\n" for n in range(500))
    found = rehearsed(site, rows)
    traces = [each.trace for each in found.migrations[0].statements]
    assert sum(written.inserted for trace in traces for written in trace.written) == 500
    assert len(traces) < 200
    assert max(trace.through for trace in traces) == 500


def test_on_another_major_nothing_is_better_than_not_certified(
    tmp_path: Path, servers: Servers, postgres: PostgresDatabase
) -> None:
    with servers.database(17) as older:
        site = Site(database=older, root=tmp_path)
        site.write({"001_setup": SETUP})
        site.up()
        site.write({"002_change": "ALTER TABLE things ALTER COLUMN note SET NOT NULL;\n"})
        site.write({"003_change": "SELECT 1;\n"})
        project = banister.open(
            older.url,
            dir=site.folder,
            root=tmp_path,
            environ={},
            settings={"plan_small_bytes": 0},
            scratch_url=postgres.url,
        )
        found = project.rehearse(project.plan().plan)
    assert found.not_certified is not None
    assert found.not_certified.startswith("not certified on 17: tried on PostgreSQL 18")
    first, second = found.migrations
    assert (first.verdict, second.verdict) == (Verdict.BLOCKS_ALL, Verdict.NOT_CERTIFIED)
    (finding,) = (each for each in first.all_findings if each.rule == "set-not-null")
    assert "CHECK (note IS NOT NULL) NOT VALID" in finding.safer[0], "as 17 takes it, not 18"


def test_a_way_down_is_rehearsed_as_well(site: Site) -> None:
    site.write({"002_more": "CREATE TABLE more (id int);", "002_more.down": "DROP TABLE more;\n"})
    site.up()
    project = site.project()
    found = project.rehearse(project.plan_down().plan)
    assert found.migrations[0].step.label == "002_more"
    assert found.verdict is Verdict.LOSES_DATA


def test_what_is_about_the_whole_is_accepted_by_its_name(site: Site) -> None:
    found = rehearsed(
        site,
        '-- banister: accept=split-here reason="at night"\n'
        "CREATE INDEX ON owners (name);\nUPDATE things SET note = 'x';\n",
        "ALTER TABLE things ADD COLUMN b int;\nALTER TABLE owners ADD COLUMN b int;\n",
        '-- banister: accept=lock-order reason="one runner"\n'
        "ALTER TABLE owners ADD COLUMN c int;\nALTER TABLE things ADD COLUMN c int;\n",
        plan_small_bytes=0,
    )
    whole = [each for migration in found.migrations for each in migration.findings]
    assert [(each.rule, each.accepted) for each in whole] == [("split-here", "at night")]
    (crossing,) = found.across
    assert (crossing.rule, crossing.accepted) == ("lock-order", "one runner")


def rules(found: Rehearsal) -> list[str]:
    return [finding.rule for each in found.migrations for finding in each.all_findings]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO things (owner) VALUES (987654321);\n",
        "DO $$ BEGIN ASSERT EXISTS (SELECT FROM owners WHERE name = 'root'); END $$;\n",
        "INSERT INTO owners (id) SELECT id FROM owners WHERE name = 'nobody' UNION ALL SELECT 5;\n",
    ],
)
def test_what_counts_on_rows_of_the_target_is_not_called_a_failure(site: Site, text: str) -> None:
    found = rehearsed(site, text)
    assert rules(found) == ["needs-rows"]
    assert found.verdict is Verdict.NOT_CERTIFIED
    assert found.reaches(Verdict.CANNOT_RUN)


def test_what_counts_on_rows_can_be_accepted(site: Site) -> None:
    accepted = '-- banister: accept=needs-rows reason="user 5 is there since release 3"\n'
    found = rehearsed(site, accepted + "INSERT INTO things (owner) VALUES (987654321);\n")
    assert not found.reaches(Verdict.BRIEF_LOCK)


def test_an_update_that_the_generated_rows_break_is_undecided(site: Site) -> None:
    found = rehearsed(site, "UPDATE owners SET id = 1;\n")
    assert "fails-on-rows" in rules(found)
    assert found.reaches(Verdict.CANNOT_RUN)


def test_a_new_condition_that_the_generated_rows_break_is_only_told(site: Site) -> None:
    found = rehearsed(site, "ALTER TABLE owners ADD CHECK (name LIKE 'o %');\n")
    assert "fails-on-rows" in rules(found)
    assert not found.reaches(Verdict.CANNOT_RUN)


def test_a_statement_that_does_not_end_is_undecided(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banister.scratch.base._TRACED_WAIT", 0.5)
    found = rehearsed(site, "SELECT pg_sleep(600);\n")
    assert rules(found) == ["takes-too-long"]


def test_rows_emptied_behind_a_rewrite_in_the_same_transaction_are_seen(site: Site) -> None:
    found = rehearsed(site, "ALTER TABLE things ALTER COLUMN amount TYPE text;\nTRUNCATE things;\n")
    _, emptied = (each.trace for each in found.migrations[0].statements)
    assert [(each.relation, each.how) for each in emptied.rewrites] == [("things", "truncate")]
    assert found.verdict is Verdict.LOSES_DATA


def test_a_rewrite_that_a_function_keeps_silent_about_loses_nothing(site: Site) -> None:
    found = rehearsed(
        site,
        "CREATE FUNCTION quiet() RETURNS void LANGUAGE plpgsql SET client_min_messages = error AS"
        " $$ BEGIN ALTER TABLE things ALTER COLUMN amount TYPE text; END $$;\n",
        "SELECT quiet();\n",
    )
    ((trace,),) = ([s.trace for s in each.statements] for each in found.migrations[1:])
    assert [(each.relation, each.how) for each in trace.rewrites] == [("things", "rewrite")]
    assert found.verdict is Verdict.BRIEF_LOCK


def test_locks_end_where_a_savepoint_is_rolled_back(site: Site) -> None:
    found = rehearsed(
        site,
        "DO $$ BEGIN LOCK TABLE things; RAISE division_by_zero;"
        " EXCEPTION WHEN division_by_zero THEN NULL; END $$;\nSELECT count(*) FROM owners;\n",
    )
    _, second = found.migrations[0].statements
    assert [lock for lock in second.trace.held if lock.relation == "things"] == []


def test_a_search_path_that_a_file_sets_changes_no_object(site: Site) -> None:
    site.database.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION f();"
        "CREATE TABLE later (id int)"
    )
    found = rehearsed(
        site, "SET search_path = pg_catalog;\nCOMMENT ON TABLE public.later IS 'x';\n"
    )
    changed = [o for s in found.migrations[0].statements for o in s.trace.objects]
    assert changed == []


def test_a_role_that_only_a_pending_file_names_is_known(site: Site) -> None:
    role = f"reader_{uuid4().hex[:8]}"
    site.database.execute(f"CREATE ROLE {role}")
    try:
        found = rehearsed(site, f"GRANT SELECT ON things TO {role};\n")
        assert only(found).trace.failure is None
    finally:
        site.up()
        site.database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_tables_behind_functions_and_views_hold_rows_among_many(site: Site) -> None:
    site.database.execute(
        "".join(f"CREATE TABLE filler{n} (id int);" for n in range(50))
        + "CREATE VIEW seen AS SELECT * FROM owners;"
        "CREATE FUNCTION inner_one() RETURNS void LANGUAGE sql AS"
        " 'UPDATE things SET note = ''x''';"
        "CREATE FUNCTION outer_one() RETURNS void LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM inner_one(); END'"
    )
    found = rehearsed(site, "SELECT outer_one();\n", "UPDATE seen SET name = 'x';\n")
    written = {
        each.table: each.updated
        for migration in found.migrations
        for each in migration.statements[0].trace.written
    }
    assert written.keys() == {"things", "owners"}
    assert all(written.values())


@pytest.mark.parametrize("does", ["INSTEAD NOTHING", "ALSO NOTIFY changed"])
def test_a_statement_of_which_a_rule_leaves_no_plan_is_rehearsed(site: Site, does: str) -> None:
    site.database.execute(f"CREATE RULE r AS ON DELETE TO owners DO {does}")
    found = rehearsed(site, "DELETE FROM owners WHERE name = 'nobody';\n")
    assert only(found).trace.failure is None
    assert [aim.table for aim in only(found).trace.aims] == (
        [] if "NOTHING" in does else ["owners"]
    )
