"""Up, status and down on real PostgreSQL servers, what a file may hold, and its transaction."""

from pathlib import Path

import pytest

import banister
from banister.model import ServerNotice, State, StatementDone
from postgres_kit import Site
from servers import PostgresDatabase


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


@pytest.fixture
def every_site(every_postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=every_postgres, root=tmp_path)


def test_up_status_and_down_on_every_major(every_site: Site) -> None:
    every_site.write(
        {
            "001_people": (
                "CREATE TABLE people (id int PRIMARY KEY);\nINSERT INTO people VALUES (1);"
            ),
            "001_people.down": "DROP TABLE people;",
            "002_names": "ALTER TABLE people ADD COLUMN name text;",
            "002_names.down": "ALTER TABLE people DROP COLUMN name;",
        }
    )
    project = every_site.project()
    before = project.status()
    assert [row.state for row in before.rows] == [State.PENDING, State.PENDING]
    assert before.database.server_version[0] == every_site.database.major
    assert not every_site.exists("schema_migrations")

    project.up()
    assert every_site.rows("SELECT id, name FROM people") == [(1, None)]
    assert [row.state for row in project.status().rows] == [State.APPLIED, State.APPLIED]
    assert every_site.applied() == ["001", "002"]

    project.down(2)
    assert not every_site.exists("people")
    assert [event for event, *_ in every_site.log()] == [
        "applied", "applied", "rolled_back", "rolled_back",
    ]  # fmt: skip
    assert every_site.applied() == []


def test_an_index_is_built_concurrently_on_every_major(every_site: Site) -> None:
    every_site.write(
        {
            "001_t": "CREATE TABLE t (id int, name text);",
            "002_indexes": (
                "-- banister: transaction=off\n"
                "CREATE INDEX CONCURRENTLY t_id ON t (id);\n"
                "ALTER TABLE t ADD COLUMN more int;\n"
                "DROP INDEX CONCURRENTLY t_id;\n"
                "CREATE UNIQUE INDEX CONCURRENTLY t_name ON t (name);\n"
                "VACUUM t;\n"
            ),
            "003_alone": "CREATE INDEX CONCURRENTLY t_more ON t (more)",
        }
    )
    every_site.up()
    assert every_site.applied() == ["001", "002", "003"]
    indexes = every_site.rows(
        "SELECT indexrelid::regclass::text, indisvalid FROM pg_index "
        "WHERE indrelid = 't'::regclass ORDER BY 1"
    )
    assert indexes == [("t_more", True), ("t_name", True)]
    assert [entry for entry in every_site.log() if entry[1] == "002"] == [
        ("started", "002", None),
        ("statement_started", "002", 1), ("statement_done", "002", 1),
        ("statement_done", "002", 2),
        ("statement_started", "002", 3), ("statement_done", "002", 3),
        ("statement_started", "002", 4), ("statement_done", "002", 4),
        ("statement_started", "002", 5), ("statement_done", "002", 5),
        ("applied", "002", None),
    ]  # fmt: skip


def test_a_failure_is_placed_and_leaves_nothing_on_every_major(every_site: Site) -> None:
    every_site.write(
        {
            "001_good": "CREATE TABLE good (id int);",
            "002_bad": "CREATE TABLE bad (id int);\n\nALTER TABLE bad\n  ADD COLUMN b nonsense;\n",
            "003_later": "CREATE TABLE later (id int);",
        }
    )
    with pytest.raises(banister.MigrationFailed) as caught:
        every_site.up()
    error = caught.value
    assert error.failure.sqlstate == "42704"
    assert str(error.location).endswith("002_bad.up.sql:4:16")
    assert error.location is not None
    assert error.location.source_line == "  ADD COLUMN b nonsense;"
    assert error.location.note == "up, statement 2 of 2"
    assert (error.applied, error.version, error.pending) == (("001",), "002", ("003",))
    assert "002 was rolled back whole" in str(error.state)
    assert every_site.applied() == ["001"]
    assert not every_site.exists("bad")
    assert not every_site.exists("later")
    assert every_site.log()[-1] == ("failed", "002", None)


def test_what_looks_like_a_placeholder_is_left_alone(site: Site) -> None:
    site.write(
        {
            "001_text": (
                "CREATE TABLE t (a text, doc jsonb);\n"
                "INSERT INTO t VALUES ('100% %s %(x)s %% ? :name {} $1 \\', '{\"k\": 1}');\n"
                "SELECT 7 % 4, doc ? 'k', doc ?| array['k'] FROM t WHERE a LIKE '%s%';\n"
                "SELECT (array[1,2,3])[1:2], ':name'::text;\n"
            )
        }
    )
    site.up()
    assert site.value("SELECT a FROM t") == "100% %s %(x)s %% ? :name {} $1 \\"


def test_a_long_statement_and_many_statements(site: Site) -> None:
    long = "SELECT '" + "é" * 100_000 + "' AS v"
    many = "".join(f"INSERT INTO t VALUES ({number});\n" for number in range(3_000))
    site.write(
        {"001_long": f"CREATE TABLE long AS {long};", "002_t": f"CREATE TABLE t (n int);\n{many}"}
    )
    events = site.up()
    assert site.value("SELECT length(v) FROM long") == 100_000
    assert site.rows("SELECT count(*), sum(n) FROM t") == [(3_000, 2_999 * 1_500)]
    told = [e.number for e in events if isinstance(e, StatementDone) and e.step.name == "t"]
    assert told == list(range(1, 3_002))


@pytest.mark.parametrize(
    "text",
    ["", "\n", "-- nothing", "/* nothing */ -- at all", "\ufeff", ";;\n;", "-- a\r\n-- b\r\n"],
)
def test_a_file_without_statements_counts_as_applied(site: Site, text: str) -> None:
    site.write({"001_nothing": text, "002_t": "CREATE TABLE t (id int);"})
    site.up()
    assert site.applied() == ["001", "002"]


@pytest.mark.parametrize("end", ["-- the end", "", "; -- the end", "/* the end */"])
def test_the_last_statement_runs_whatever_stands_behind_it(site: Site, end: str) -> None:
    site.write({"001_t": f"CREATE TABLE t (id int) {end}"})
    site.up()
    assert site.exists("t")
    assert site.applied() == ["001"]


def test_values_without_a_binary_form_can_be_selected_everywhere(site: Site) -> None:
    query = "SELECT '{=r/postgres}'::aclitem[] FROM (VALUES (1)) AS v;\n".replace(
        "postgres", "{user}"
    )
    query = query.replace("{user}", site.value("SELECT current_user"))
    site.write({"001_in": query, "002_out": f"-- banister: transaction=off\n{query}VACUUM;\n"})
    site.up()
    assert site.applied() == ["001", "002"]


def test_the_isolation_level_of_the_file_holds(site: Site) -> None:
    site.write(
        {
            "001_serializable": (
                "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE;\n"
                "CREATE TABLE level AS SELECT current_setting('transaction_isolation') AS name;\n"
                "COMMIT;\n"
            ),
            "002_usual": "INSERT INTO level SELECT current_setting('transaction_isolation');",
        }
    )
    site.up()
    assert site.rows("SELECT name FROM level") == [("serializable",), ("read committed",)]


def test_a_deferred_constraint_that_fails_at_commit_stops_the_run(site: Site) -> None:
    site.write(
        {
            "001_tables": (
                "CREATE TABLE parent (id int PRIMARY KEY);\n"
                "CREATE TABLE child (p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);\n"
            ),
            "002_orphan": "CREATE TABLE extra (id int);\nINSERT INTO child VALUES (1);",
            "003_later": "CREATE TABLE later (id int);",
        }
    )
    with pytest.raises(banister.MigrationFailed) as caught:
        site.up()
    error = caught.value
    assert error.failure.sqlstate == "23503"
    assert (error.version, error.applied, error.pending) == ("002", ("001",), ("003",))
    assert error.location is not None
    assert error.location.note == "up, COMMIT"
    assert site.applied() == ["001"]
    assert not site.exists("extra")
    assert not site.exists("later")
    assert site.runner_locks() == 0


@pytest.mark.parametrize(
    "statement",
    ["DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;", "CALL commits();"],
)
def test_a_commit_inside_a_body_fails_and_leaves_nothing(site: Site, statement: str) -> None:
    site.write(
        {
            "001_t": (
                "CREATE TABLE t (id int);\n"
                "CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$\n"
                "BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;\n"
            ),
            "002_commits": f"INSERT INTO t VALUES (0);\n{statement}\nINSERT INTO t VALUES (2);",
        }
    )
    with pytest.raises(banister.MigrationFailed) as caught:
        site.up()
    assert caught.value.failure.sqlstate == "2D000"
    assert caught.value.location is not None
    assert caught.value.location.note == "up, statement 2 of 3"
    assert site.rows("SELECT * FROM t") == []
    assert site.applied() == ["001"]


@pytest.mark.parametrize("statement", ["DO $$ BEGIN COMMIT; END $$;", "CALL commits();"])
def test_a_commit_inside_a_body_works_outside_a_transaction(
    every_site: Site, statement: str
) -> None:
    every_site.write(
        {
            "001_t": "CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;",
            "002_commits": f"-- banister: transaction=off\n{statement}",
        }
    )
    every_site.up()
    assert every_site.applied() == ["001", "002"]


def test_savepoints_of_a_file_work_inside_its_transaction(site: Site) -> None:
    site.write(
        {
            "001_t": (
                "CREATE TABLE t (id int);\nSAVEPOINT s;\nINSERT INTO t VALUES (1);\n"
                "ROLLBACK TO s;\nINSERT INTO t VALUES (2);\nRELEASE s;\n"
            )
        }
    )
    site.up()
    assert site.rows("SELECT id FROM t") == [(2,)]


def test_the_server_s_notices_are_told_also_those_before_a_failure(site: Site) -> None:
    site.write(
        {
            "001_says": "DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$;",
            "002_fails": "DO $$ BEGIN RAISE NOTICE 'three'; END $$;\nSELECT 1/0;",
        }
    )
    events: list[object] = []
    with pytest.raises(banister.MigrationFailed):
        site.project().up(on_event=events.append)
    notices = [event for event in events if isinstance(event, ServerNotice)]
    assert [(n.step.version.text, n.severity, n.message) for n in notices] == [
        ("001", "NOTICE", "one"), ("001", "WARNING", "two"), ("002", "NOTICE", "three"),
    ]  # fmt: skip


def test_copying_out_is_refused_and_leaves_nothing(site: Site) -> None:
    site.write({"001_out": "CREATE TABLE t (id int);\nCOPY t TO STDOUT;\nSELECT 1;"})
    with pytest.raises(banister.FindingsError, match="COPY"):
        site.up()
    assert not site.exists("t")
    assert site.applied() == []


def test_a_failure_in_a_batch_says_nothing_but_the_error(site: Site) -> None:
    many = "SELECT 1;\n" * 30
    site.write({"001_bad": f"{many}SELECT nonsense;\n{many}"})
    with site.command("up") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "psycopg" not in out + err
    assert "ipeline" not in out + err
    assert "001_bad.up.sql:31:8" in err
