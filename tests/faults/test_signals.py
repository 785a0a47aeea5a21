"""The first signal ends a run in order, the second at once; nothing of a migration is left."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from banister.engines.postgres import PostgresEngine
from banister.engines.postgres.history import HistoryStore
from banister.engines.postgres.session import Connection, Session
from banister.engines.postgres.stage import Stage
from banister.errors import Failure, MigrationFailed
from postgres_kit import Site, SiteMaker
from servers import PostgresDatabase

#: A statement that no cancel request ends.
STUBBORN = """\
CREATE TABLE left_over (id int);
DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
END LOOP; END $$;
"""


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    return SiteMaker(tmp_path)(postgres, {"001_stubborn": STUBBORN})


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"]
)
def test_the_second_signal_leaves_at_once_and_the_server_rolls_back(
    site: Site, number: signal.Signals, code: int
) -> None:
    with site.command("up") as process:
        site.wait_for_statement("LOOP")
        started = time.monotonic()
        # Signals that are not yet delivered count as one: sent until two have arrived.
        while process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        assert process.returncode == code
        # After one signal alone it would wait for the cancelled statement for five seconds.
        assert time.monotonic() - started < 4

    site.wait_until_gone()
    assert not site.exists("left_over")
    assert site.runner_locks() == 0


def test_an_interrupt_in_the_middle_of_a_pipeline_is_no_failure(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_pipeline: object) -> Iterator[None]:
        # As when the signal comes while the answers are read on the way out of the pipeline.
        raise KeyboardInterrupt
        yield

    def reset(session: Session, *_args: object, **_more: object) -> None:
        with session.connection.pipeline() as pipeline:
            session.connection.execute("SELECT 1")
            monkeypatch.setattr(type(pipeline), "_exit_gen", interrupted)

    monkeypatch.setattr(Session, "reset", reset)
    with pytest.raises(KeyboardInterrupt):
        site.up()
    site.wait_until_gone()
    assert not site.exists("left_over")


def test_after_an_interrupt_nothing_more_is_said_over_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []

    def reset(_stage: Stage) -> None:
        monkeypatch.setattr(PostgresEngine, "record", lambda *args: said.append(args))
        try:
            raise KeyboardInterrupt
        finally:
            raise MigrationFailed("cut short", version="001", failure=Failure(message="cut short"))

    monkeypatch.setattr(Stage, "reset", reset)
    with pytest.raises(KeyboardInterrupt):
        site.up()
    assert said == []


def test_an_interrupt_in_the_middle_of_a_read_is_no_failure_of_the_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the signal comes while an answer is read: the next call then finds it half read."""

    def interrupted(store: HistoryStore, connection: Connection, _steps: object) -> None:
        connection.pgconn.send_query(b"SELECT pg_sleep(60)")
        try:
            raise KeyboardInterrupt
        finally:
            connection.execute("ROLLBACK")

    monkeypatch.setattr(HistoryStore, "check_room", interrupted)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        site.up()
    assert time.monotonic() - started < 20
    assert not site.exists("left_over")


def test_after_one_signal_a_statement_that_cannot_be_cancelled_is_cut_off(site: Site) -> None:
    with site.command("up") as process:
        site.wait_for_statement("LOOP")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130

    site.wait_until_gone()
    assert not site.exists("left_over")


@pytest.mark.parametrize("mode", ["", "-- banister: transaction=off\n"])
def test_an_interrupt_at_the_start_of_a_statement_lets_nothing_slip_out_of_its_transaction(
    postgres: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """The thread that sends it has begun, and the run does not know yet."""
    site = SiteMaker(tmp_path)(postgres, {"001_table": "CREATE TABLE witness (n int);"})
    site.up()
    site.write({"002_row": f"{mode}INSERT INTO witness VALUES (2);\nSELECT 1;"})

    class Interrupted(threading.Thread):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("banister.engines.postgres.watched.threading.Thread", Interrupted)
        for _ in range(20):
            with pytest.raises(KeyboardInterrupt):
                site.up()

    assert site.value("SELECT count(*) FROM witness") == 0
    site.up()
    assert site.value("SELECT count(*) FROM witness") == 1


def test_an_interrupt_inside_a_pipeline_ends_the_run_and_frees_the_lock(
    postgres: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection whose pipeline was left open never answers: it is closed, not asked."""
    site = SiteMaker(tmp_path)(postgres, {"001_table": "CREATE TABLE witness (n int);"})

    def interrupted(session: Session) -> None:
        session.connection.pgconn.enter_pipeline_mode()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Stage, "record", lambda stage, *_: interrupted(stage.session))
        with pytest.raises(KeyboardInterrupt):
            site.up()

    site.wait_until_gone()
    assert site.runner_locks() == 0
    site.up()
    assert site.applied() == ["001"]
