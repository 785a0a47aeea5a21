"""One runner at a time, and what is left when one is interrupted, killed or cut off."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import banister
from banister.engines.postgres.lock import lock_key, signed
from banister.model import Event, HistoryTable, NothingToDo, StatementDone, WaitingForLock
from postgres_kit import Site, wait_until
from servers import PostgresDatabase

KEY = signed(*lock_key(HistoryTable()))

#: Runs until it is cancelled.
SLEEP = "CREATE TABLE before (id int);\nSELECT pg_sleep(600);\nCREATE TABLE behind (id int);\n"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return Site(database=postgres, root=tmp_path)


@contextmanager
def holder(site: Site) -> Iterator[int]:
    """Another session that holds the runner lock; give its pid."""
    with site.database.connect(application_name="someone else") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (KEY,))
        yield connection.info.backend_pid


def test_the_second_runner_waits_and_then_finds_nothing_to_do(site: Site) -> None:
    site.write({"001_t": "CREATE TABLE t (id int);", "002_u": "CREATE TABLE u (id int);"})
    second: list[Event] = []
    waiting = threading.Event()

    def on_second(event: Event) -> None:
        second.append(event)
        if isinstance(event, WaitingForLock):
            waiting.set()

    other = threading.Thread(target=lambda: site.project().up(on_event=on_second))

    def on_first(event: Event) -> None:
        if isinstance(event, StatementDone) and not waiting.is_set():
            other.start()
            assert waiting.wait(30)

    site.project().up(on_event=on_first)
    other.join(30)
    (told,) = [event for event in second if isinstance(event, WaitingForLock)]
    assert told.holder.startswith("pid ")
    assert "application banister" in told.holder
    assert [type(event) for event in second if isinstance(event, NothingToDo)] == [NothingToDo]
    assert not any(isinstance(event, StatementDone) for event in second)
    assert site.applied() == ["001", "002"]
    assert site.runner_locks() == 0


def test_the_wait_is_bounded_and_names_the_holder(site: Site) -> None:
    site.write({"001_t": "CREATE TABLE t (id int);"})
    with holder(site) as pid:
        with pytest.raises(banister.LockTimeout, match=f"pid {pid}, user .*someone else") as caught:
            site.up(lock_wait="0s")
        assert caught.value.exit_code == 1
        assert caught.value.state == "nothing was run"
        assert not site.exists("schema_migrations")
        with site.command("up") as process:
            waits = "query LIKE '%pg_locks%' AND state = 'idle'"
            wait_until(lambda: bool(site.sessions(waits)), "a runner that has asked for the holder")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        assert process.returncode == 143
    site.up()
    assert site.applied() == ["001"]


def test_no_lock_is_taken_with_nothing_pending(site: Site) -> None:
    site.write({"001_t": "CREATE TABLE t (id int);"})
    site.up()
    with holder(site):
        assert any(isinstance(event, NothingToDo) for event in site.up(lock_wait="0s"))
        project = site.project()
        assert project.status().rows
        assert project.plan().plan.steps == ()


def test_the_lock_is_held_while_a_file_runs_and_gone_afterwards(site: Site) -> None:
    held = (
        "SELECT count(*) AS n FROM pg_locks "
        "WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"
    )
    site.write({"001_t": f"CREATE TABLE t AS {held};"})
    site.up()
    assert site.rows("SELECT n FROM t") == [(1,)]
    assert site.runner_locks() == 0


def test_the_lock_is_gone_after_a_failure_while_the_session_lives(site: Site) -> None:
    site.write({"001_bad": "SELECT nonsense;"})
    with site.project().engine() as engine:
        list(engine.lock(wait_seconds=0))
        list(engine.lock(wait_seconds=0))
        assert site.runner_locks() == 1
        engine.unlock()
        engine.unlock()
        assert site.runner_locks() == 0
    with pytest.raises(banister.MigrationFailed):
        site.up()
    assert site.runner_locks() == 0


def test_an_exception_in_the_callback_rolls_back_and_frees_the_lock(site: Site) -> None:
    site.write({"001_t": "CREATE TABLE t (id int);\nCREATE TABLE u (id int);"})

    def fail(event: Event) -> None:
        if isinstance(event, StatementDone):
            raise LookupError("mine")  # noqa: TRY004 -- it stands for any error of the caller's

    with pytest.raises(LookupError, match="mine"):
        site.project().up(on_event=fail)
    site.wait_until_gone()
    assert site.runner_locks() == 0
    assert not site.exists("t")
    assert site.applied() == []
    site.up()
    assert site.applied() == ["001"]


def test_a_killed_run_leaves_nothing_and_the_next_one_succeeds(
    every_postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = Site(database=every_postgres, root=tmp_path)
    site.write({"001_t": "CREATE TABLE t (id int);", "002_slow": SLEEP})
    with site.command("up") as process:
        pid = site.wait_for_statement("pg_sleep(600)")
        process.kill()
        process.wait(30)
    # The server notices by itself, or is told; until then the next run would wait for the lock.
    site.rows(f"SELECT pg_terminate_backend({pid})")
    site.wait_until_gone()
    assert site.runner_locks() == 0
    assert not site.exists("before")
    assert site.applied() == ["001"]
    site.write({"002_slow": SLEEP.replace("600", "0")})
    site.up()
    assert site.applied() == ["001", "002"]
    assert site.exists("behind")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("directive", ["", "-- banister: transaction=off\n"])
def test_a_signal_cancels_the_statement_and_frees_the_lock(
    site: Site, sent: signal.Signals, code: int, directive: str
) -> None:
    site.write({"001_slow": directive + SLEEP})
    with site.command("up") as process:
        site.wait_for_statement("pg_sleep(600)")
        process.send_signal(sent)
        out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in out + err
    assert "psycopg" not in out + err
    site.wait_until_gone()
    assert site.runner_locks() == 0
    assert site.exists("before") is bool(directive)
    assert not site.exists("behind")
    assert site.applied() == []
    site.write({"001_slow": directive + SLEEP.replace("600", "0")})
    site.up()
    assert site.applied() == ["001"]
    assert site.exists("behind")


def test_a_run_whose_connection_is_ended_fails_and_leaves_nothing(site: Site) -> None:
    site.write(
        {
            "001_t": "CREATE TABLE t (id int);",
            "002_cut": (
                "CREATE TABLE u (id int);\n"
                "SELECT pg_terminate_backend(pg_backend_pid());\nSELECT 3;\n"
            ),
            "003_later": "CREATE TABLE later (id int);",
        }
    )
    with pytest.raises(banister.MigrationFailed) as caught:
        site.up()
    error = caught.value
    # What the server says at its end may not arrive any more.
    assert error.failure.sqlstate in {"57P01", None}
    assert "\n" not in error.message
    assert error.location is not None
    assert error.location.note in {
        "up, statement 2 of 3",
        "up, one of the statements 1 to 3",
        "up, one of the statements 2 to 3",
    }
    assert (error.applied, error.pending) == (("001",), ("003",))
    assert any("could not be logged" in note for note in error.__notes__)
    site.wait_until_gone()
    assert site.applied() == ["001"]
    assert not site.exists("u")
    assert not site.exists("later")
    assert site.runner_locks() == 0


def test_a_connection_lost_at_commit_is_settled_by_the_history(site: Site) -> None:
    site.write(
        {
            "001_t": "CREATE TABLE t (id int);",
            "002_cut": (
                "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$\n"
                "BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;\n"
                "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED\n"
                "  FOR EACH ROW EXECUTE FUNCTION cut();\n"
                "INSERT INTO t VALUES (1);\n"
            ),
            "003_later": "CREATE TABLE later (id int);",
        }
    )
    with pytest.raises(banister.DatabaseError, match="being committed") as caught:
        site.up()
    assert "did not take place" in str(caught.value.state)
    assert site.applied() == ["001"]
    assert site.rows("SELECT * FROM t") == []
    assert not site.exists("later")
    assert site.runner_locks() == 0


def test_an_engine_whose_session_is_gone_answers_with_errors_of_its_own(site: Site) -> None:
    site.write({"001_t": "CREATE TABLE t (id int);"})
    project = site.project()
    with project.engine() as engine:
        (pid,) = site.sessions()
        site.rows(f"SELECT pg_terminate_backend({pid})")
        site.wait_until_gone()
        with pytest.raises(banister.HistoryError, match="cannot be read"):
            engine.read_history()
        with pytest.raises(banister.DatabaseError, match="cannot be taken"):
            list(engine.lock(wait_seconds=0))
        with pytest.raises(banister.HistoryError, match="cannot be made"):
            engine.prepare()
        engine.unlock()
        engine.close()
        engine.close()


def test_another_session_s_lock_ends_the_wait_with_its_reason(site: Site) -> None:
    site.write(
        {
            "001_t": "CREATE TABLE t (id int);",
            "002_slow": "-- banister: lock_timeout=50ms\nCREATE TABLE u (id int);\nTABLE t;\n",
        }
    )
    site.project().up(to="001")
    with site.database.connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(banister.MigrationFailed) as caught:
            site.up(lock_retry="0s")
    error = caught.value
    assert error.failure.sqlstate == "55P03"
    assert "another session holds a lock" in str(error.hint)
    assert "002 was rolled back whole" in str(error.state)
    assert error.location is not None
    assert error.location.note == "up, statement 2 of 2"
    assert not site.exists("u")
    site.up()
    assert site.applied() == ["001", "002"]


def test_a_statement_timeout_of_the_settings_ends_a_statement(site: Site) -> None:
    site.write({"001_slow": SLEEP})
    with pytest.raises(banister.MigrationFailed, match="statement timeout") as caught:
        site.up(statement_timeout="50ms")
    assert "statement_timeout" in str(caught.value.hint)
    assert not site.exists("before")


def test_the_connection_in_hand_is_not_left_open(site: Site) -> None:
    site.write({"001_t": "CREATE TABLE t (id int);"})
    for _ in range(3):
        site.up()
        site.project().status()
    site.wait_until_gone()
