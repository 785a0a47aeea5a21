"""Rows that a migration takes away, saved in its own transaction, and put back."""

import json
import threading
from pathlib import Path

import psycopg
import pytest

import banister
from banister.errors import DatabaseError, MigrationFailed, UsageError
from banister.model.backup import SavedRows
from postgres_kit import Site, role
from servers import PostgresDatabase

HOSTILE = r"E'a\tb\\c\n\\.\n', NULL, '{1,NULL}', decode('00ff0a', 'hex')"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    made = Site(database=postgres, root=tmp_path)
    made.write(
        {
            "001_t": (
                "CREATE TABLE owners (id int PRIMARY KEY, name text);\n"
                "CREATE TABLE t (a int, b int, note text, odd text, list int[], raw bytea, "
                "PRIMARY KEY (a, b), owner int REFERENCES owners);\n"
                "CREATE TABLE days (day date, n int, PRIMARY KEY (day, n)) "
                "PARTITION BY RANGE (day);\n"
                "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') "
                "TO ('2026-02-01');\n"
                "CREATE TABLE days_2 PARTITION OF days DEFAULT;\n"
                "CREATE TABLE keyless (n int);\n"
            ),
            "001_t.down": "SELECT 1;",
        }
    )
    made.up()
    made.database.execute("INSERT INTO owners VALUES (1, 'ada'), (2, 'grace')")
    made.database.execute(
        f"INSERT INTO t (a, b, note, odd, list, raw, owner) SELECT i, i % 3, {HOSTILE}, 1 "
        "FROM generate_series(1, 5000) AS i"
    )
    made.database.execute("INSERT INTO days VALUES ('2026-01-05', 1), ('2026-03-01', 2)")
    made.database.execute("INSERT INTO keyless VALUES (1), (1), (NULL)")
    return made


def saving(site: Site) -> tuple[str, list[SavedRows]]:
    """Run what is pending; return the number of the run and what it saved."""
    events: list[banister.Event] = []
    done = site.project().up(save_rows=True, on_event=events.append)
    return done.run_id, [event for event in events if isinstance(event, SavedRows)]


def all_of(site: Site, table: str) -> list[tuple[object, ...]]:
    return site.rows(f"SELECT x::text FROM {table} AS x ORDER BY 1")


def test_a_dropped_column_comes_back_with_its_values(site: Site) -> None:
    before = site.rows("SELECT a, b, note, raw FROM t ORDER BY 1, 2")
    site.write(
        {
            "002_drop": "ALTER TABLE t DROP COLUMN note, DROP COLUMN raw;",
            "002_drop.down": "ALTER TABLE t ADD COLUMN note text, ADD COLUMN raw bytea;",
        }
    )
    run, saved = saving(site)
    assert [(each.rows, each.loss.columns) for each in saved] == [(5000, ("note", "raw"))]
    ((detail,),) = site.rows("SELECT detail FROM schema_migrations_log WHERE event = 'rows_saved'")
    assert detail == f"rows_{run}/{Path(saved[0].path).name}: 5000 rows"
    with pytest.raises(DatabaseError, match='column "note" does not exist') as caught:
        site.project().backups().restore_rows(run)
    assert caught.value.state == "nothing was put back"
    site.down()
    site.database.execute("DELETE FROM t WHERE a = 7")
    (back,) = site.project().backups().restore_rows(run)
    assert (back.rows, back.there) == (4999, 1)
    assert site.rows("SELECT a, b, note, raw FROM t ORDER BY 1, 2") == [
        row for row in before if row[0] != 7
    ]


def test_exactly_the_rows_that_a_delete_takes_come_back(site: Site) -> None:
    before = all_of(site, "t")
    site.write({"002_less": "UPDATE t SET odd = 'x' WHERE a < 10;\nDELETE FROM t WHERE a % 7 = 0;"})
    run, saved = saving(site)
    assert [each.rows for each in saved] == [714]
    # What somebody takes away later is not brought back by it.
    site.database.execute("DELETE FROM t WHERE a = 3")
    site.database.execute("INSERT INTO t (a, b, note) VALUES (7, 1, 'mine')")
    (back,) = site.project().backups().restore_rows(run)
    assert (back.rows, back.there) == (713, 1)
    after = all_of(site, "t")
    assert len(after) == len(before) - 1
    assert site.rows("SELECT note FROM t WHERE a = 7") == [("mine",)]
    untouched = site.rows("SELECT t::text FROM t WHERE a % 7 = 0 AND a > 10 ORDER BY 1")
    assert set(untouched) <= set(before)


def test_tables_that_go_come_back_parents_first(site: Site) -> None:
    everything = {name: all_of(site, name) for name in ("t", "owners", "days", "keyless")}
    site.write({"002_gone": "DROP TABLE t;\nTRUNCATE days, keyless;\nDROP TABLE owners CASCADE;"})
    run, saved = saving(site)
    assert sorted((each.loss.table, each.rows) for each in saved) == [
        ("days_1", 1), ("days_2", 1), ("keyless", 3), ("owners", 2), ("t", 5000),
    ]  # fmt: skip
    folder = site.root / "backups" / f"rows_{run}"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    site.database.execute(
        "CREATE TABLE owners (id int PRIMARY KEY, name text); "
        "CREATE TABLE t (a int, b int, note text, odd text, list int[], raw bytea, "
        "owner int REFERENCES owners, PRIMARY KEY (a, b))"
    )
    back = site.project().backups().restore_rows(str(folder))
    assert sum(each.rows for each in back) == 5007
    assert {name: all_of(site, name) for name in everything} | {"t": None} == everything | {
        "t": None
    }
    assert site.value("SELECT count(*) FROM t WHERE owner = 1") == 5000


def test_what_is_written_until_the_lock_is_in_the_file(site: Site) -> None:
    stop, wrote = threading.Event(), list[int]()

    def write() -> None:
        with site.database.connect(autocommit=True) as connection:
            number = 10_000
            while not stop.is_set():
                number += 1
                try:
                    connection.execute("INSERT INTO t (a, b) VALUES (%s, 0)", (number,))
                except psycopg.Error:
                    # The table is gone.
                    return
                wrote.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        site.write({"002_gone": "SELECT pg_sleep(0.2);\nDROP TABLE t;"})
        _, saved = saving(site)
    finally:
        stop.set()
        writer.join()
    assert wrote
    rows = Path(saved[0].path).read_bytes().splitlines()
    kept = {int(row.split(b"\t")[0]) for row in rows}
    assert kept >= set(wrote)
    assert len(kept) == 5000 + len(wrote)


def test_nothing_is_left_of_what_was_saved_for_a_migration_that_fails(site: Site) -> None:
    site.write({"002_bad": "DELETE FROM t WHERE a < 100;\nDROP TABLE keyless;\nSELECT 1/0;"})
    with pytest.raises(MigrationFailed):
        saving(site)
    assert not list((site.root / "backups").glob("rows_*/*"))
    assert site.value("SELECT count(*) FROM t") == 5000


def test_a_run_waits_for_the_lock_under_its_bound_and_tries_again(site: Site) -> None:
    site.write({"002_gone": "DROP TABLE keyless;"})
    with site.database.connect() as other:
        other.execute("BEGIN")
        other.execute("INSERT INTO keyless VALUES (9)")
        retried: list[banister.Event] = []

        def let_go(event: banister.Event) -> None:
            retried.append(event)
            if isinstance(event, banister.Retrying):
                other.execute("COMMIT")

        project = site.project(lock_timeout="200ms")
        project.up(save_rows=True, on_event=let_go)
    (saved,) = [event for event in retried if isinstance(event, SavedRows)]
    assert any(isinstance(event, banister.Retrying) for event in retried)
    assert saved.rows == 4
    assert len(list(Path(saved.path).parent.iterdir())) == 2


def test_a_file_that_is_not_what_was_written_is_not_put_back(site: Site) -> None:
    site.write({"002_less": "DELETE FROM owners WHERE id = 2;"})
    run, saved = saving(site)
    path = Path(saved[0].path)
    assert path.read_bytes() == b"2\tgrace\n"
    path.write_bytes(b"2\tgreat\n")
    with pytest.raises(UsageError, match="damaged"):
        site.project().backups().restore_rows(run)
    with pytest.raises(UsageError, match=f"there are: {run}|no rows are saved"):
        site.project().backups().restore_rows("nothing")
    told = json.loads(path.with_name(f"{path.name}.json").read_text())
    assert told["rows"] == 1


def test_rows_that_go_outside_a_transaction_are_refused_before_anything_runs(site: Site) -> None:
    site.write({"002_off": "-- banister: transaction=off\nDROP TABLE keyless;"})
    with pytest.raises(UsageError, match="002_off takes rows away outside a transaction"):
        saving(site)
    assert site.applied() == ["001"]


def test_a_key_that_goes_is_no_key_to_come_back_by(site: Site) -> None:
    site.database.execute(
        "CREATE TABLE numbered (id serial PRIMARY KEY, email text);"
        "INSERT INTO numbered VALUES (30, 'thirty'), (2, 'two'), (1, 'one')"
    )
    site.write(
        {
            "002_less": "ALTER TABLE numbered DROP COLUMN id, DROP COLUMN email;",
            "002_less.down": (
                "ALTER TABLE numbered ADD COLUMN id serial PRIMARY KEY, ADD COLUMN email text;"
            ),
        }
    )
    run, saved = saving(site)
    assert Path(saved[0].path).read_text() == "30\tthirty\n2\ttwo\n1\tone\n"
    site.down()
    with pytest.raises(DatabaseError, match="no primary key that stayed"):
        site.project().backups().restore_rows(run)
    assert site.value("SELECT count(email) FROM numbered") == 0


def test_rows_without_a_key_come_back_once(site: Site) -> None:
    site.write({"002_less": "DELETE FROM keyless WHERE n = 1;"})
    run, _ = saving(site)
    (back,) = site.project().backups().restore_rows(run)
    assert back.rows == 2
    with pytest.raises(DatabaseError, match="holds such rows already"):
        site.project().backups().restore_rows(run)
    assert site.rows("SELECT n FROM keyless ORDER BY 1") == [(1,), (1,), (None,)]


def test_changed_rows_without_a_key_are_not_added_again(site: Site) -> None:
    site.database.execute(
        "CREATE TABLE refers (o int REFERENCES owners ON DELETE SET NULL, note text);"
        "INSERT INTO refers VALUES (1, 'a'), (2, 'b'); DELETE FROM t"
    )
    site.write({"002_less": "DELETE FROM owners WHERE id = 1;"})
    run, saved = saving(site)
    assert {each.loss.table for each in saved} <= {"owners", "refers"}
    site.project().backups().restore_rows(run)
    assert site.rows("SELECT * FROM refers ORDER BY note") == [(None, "a"), (2, "b")]
    assert site.value("SELECT count(*) FROM owners") == 2


def test_a_change_and_a_delete_in_one_statement_leave_rows_that_no_key_tells(site: Site) -> None:
    site.write(
        {
            "002_both": (
                "DO $$ BEGIN UPDATE keyless SET n = 5 WHERE n IS NULL;"
                " DELETE FROM keyless WHERE n = 1; END $$;"
            )
        }
    )
    run, _ = saving(site)
    with pytest.raises(DatabaseError, match="some of them were only changed"):
        site.project().backups().restore_rows(run)
    assert site.rows("SELECT n FROM keyless") == [(5,)]


def test_rows_that_the_copy_did_not_show_stop_the_migration(site: Site) -> None:
    site.database.execute(
        "CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN EXECUTE 'DELE' || 'TE FROM keyless'; RETURN OLD; END $$;"
        "CREATE TRIGGER also BEFORE DELETE ON owners FOR EACH ROW WHEN (OLD.name = 'grace')"
        " EXECUTE FUNCTION also(); DELETE FROM t"
    )
    site.write({"002_less": "DELETE FROM owners WHERE id = 2;"})
    with pytest.raises(MigrationFailed, match=r"rows of public\.keyless are gone"):
        saving(site)
    assert site.value("SELECT count(*) FROM keyless") == 3
    assert site.value("SELECT count(*) FROM owners") == 2
    assert not list((site.root / "backups").glob("rows_*/*"))


@pytest.mark.parametrize("child", ["a_child", "z_child"])
def test_rows_that_go_together_come_back_parents_first(site: Site, child: str) -> None:
    site.database.execute(
        f"CREATE TABLE m_parent (id int PRIMARY KEY); CREATE TABLE {child} (id int PRIMARY KEY,"
        " p int NOT NULL REFERENCES m_parent ON DELETE CASCADE);"
        f"INSERT INTO m_parent VALUES (1), (2); INSERT INTO {child} VALUES (1, 1), (2, 2)"
    )
    site.write({"002_less": "DELETE FROM m_parent WHERE id = 1;"})
    run, saved = saving(site)
    assert {each.loss.table for each in saved} == {"m_parent", child}
    back = site.project().backups().restore_rows(run)
    assert [each.rows for each in back] == [1, 1]
    assert site.rows(f"SELECT * FROM {child} ORDER BY 1") == [(1, 1), (2, 2)]


def test_triggers_change_nothing_of_what_comes_back(site: Site) -> None:
    site.database.execute(
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.name := 'changed'; RETURN NEW; END $$;"
        "CREATE TRIGGER always BEFORE INSERT OR UPDATE ON owners"
        " FOR EACH ROW EXECUTE FUNCTION stamp();"
        "ALTER TABLE owners ENABLE ALWAYS TRIGGER always; DELETE FROM t"
    )
    site.write({"002_less": "DELETE FROM owners WHERE id = 2;"})
    run, _ = saving(site)
    site.project().backups().restore_rows(run)
    assert site.rows("SELECT name FROM owners ORDER BY id") == [("ada",), ("grace",)]
    assert site.rows("SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'always'") == [("A",)]


def test_a_key_that_is_checked_late_and_dates_of_another_style(site: Site) -> None:
    site.database.execute(
        "CREATE TABLE late (day date PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, took interval,"
        " share float8, twice float8 GENERATED ALWAYS AS (share * 2) STORED);"
        "INSERT INTO late VALUES ('2026-04-03', '-1 day +02:03', 0.1), ('2026-05-06', '1 s', 0.2)"
    )
    before = all_of(site, "late")
    site.write(
        {
            "002_less": (
                "SET LOCAL datestyle = 'SQL, DMY';\nSET LOCAL intervalstyle = 'sql_standard';\n"
                "SET LOCAL extra_float_digits = -10;\nDELETE FROM late WHERE share < 0.15;\n"
            ),
            "003_column": "ALTER TABLE late DROP COLUMN twice;",
            "003_column.down": (
                "ALTER TABLE late ADD COLUMN twice float8 GENERATED ALWAYS AS (share * 2) STORED;"
            ),
        }
    )
    run, saved = saving(site)
    assert [each.rows for each in saved] == [1]
    site.down()
    site.project().backups().restore_rows(run)
    assert all_of(site, "late") == before


def test_equal_rows_that_two_statements_took_both_come_back(site: Site) -> None:
    site.write(
        {
            "002_less": (
                "DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless WHERE n = 1);\n"
                "DELETE FROM keyless WHERE n = 1;\n"
            )
        }
    )
    run, saved = saving(site)
    assert [each.rows for each in saved] == [1, 1]
    site.project().backups().restore_rows(run)
    assert site.rows("SELECT n FROM keyless ORDER BY 1") == [(1,), (1,), (None,)]


def test_a_table_that_the_migration_alters_is_no_less_watched(site: Site) -> None:
    site.database.execute(
        "CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN EXECUTE 'DELE' || 'TE FROM keyless'; RETURN OLD; END $$;"
        "CREATE TRIGGER also BEFORE DELETE ON owners FOR EACH ROW WHEN (OLD.name = 'grace')"
        " EXECUTE FUNCTION also(); DELETE FROM t"
    )
    site.write(
        {"002_less": "ALTER TABLE keyless ADD COLUMN m int;\nDELETE FROM owners WHERE id = 2;"}
    )
    with pytest.raises(MigrationFailed, match=r"rows of public\.keyless are gone"):
        saving(site)
    assert site.value("SELECT count(*) FROM keyless") == 3


def test_who_may_not_put_rows_back_is_told_who_may(site: Site) -> None:
    site.database.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER mine BEFORE INSERT ON keyless FOR EACH ROW EXECUTE FUNCTION f()"
    )
    site.write({"002_less": "DELETE FROM keyless WHERE n = 1;"})
    run, _ = saving(site)
    with (
        role(site.database, "GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}") as (_, url),
        pytest.raises(DatabaseError, match="must be owner") as caught,
    ):
        site.project(url=url).backups().restore_rows(run)
    assert caught.value.hint == "put them back as the role that owns the tables"
    assert site.value("SELECT count(*) FROM keyless") == 1
