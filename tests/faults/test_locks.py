"""Locks that others hold are waited for under a budget, by whole attempts, and named."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

import banister
from banister.model import Blocked, Event, Retrying, StepDone
from postgres_kit import Site, SiteMaker, wait_until
from servers import PostgresDatabase

ALTER = "CREATE TABLE witness (id int); ALTER TABLE t ADD COLUMN extra text;"


@pytest.fixture
def site(postgres: PostgresDatabase, tmp_path: Path) -> Site:
    made = SiteMaker(tmp_path)(postgres, {"001_table": "CREATE TABLE t (id int);"})
    made.up()
    made.write({"002_alter": ALTER})
    return made


@contextmanager
def reader(site: Site, *, name: str = "report") -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session that is idle in a transaction and so holds a lock on t."""
    with psycopg.connect(site.database.url, application_name=name) as connection:
        connection.execute("SELECT * FROM t")
        yield connection


def test_a_step_is_rolled_back_whole_and_tried_again_until_the_lock_is_free(site: Site) -> None:
    events: list[Event] = []
    with reader(site) as holder:

        def on_event(event: Event) -> None:
            events.append(event)
            if isinstance(event, Retrying):
                # Between attempts nothing of the step is left, and no lock is held.
                assert not site.exists("witness")
                assert site.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0
                holder.rollback()

        site.project(lock_timeout="200ms").up(on_event=on_event)

    retries = [event for event in events if isinstance(event, Retrying)]
    assert [event.attempt for event in retries] == [1]
    assert "lock" in retries[0].reason
    assert site.value("SELECT count(*) FROM schema_migrations WHERE version = '002'") == 1
    assert site.exists("witness")


def test_who_holds_the_lock_is_named_while_it_is_waited_for(site: Site) -> None:
    seen: list[Blocked] = []
    with reader(site, name="nightly report") as holder:

        def on_event(event: Event) -> None:
            if isinstance(event, Blocked):
                seen.append(event)
                holder.rollback()

        site.project(lock_timeout="30s").up(on_event=on_event)

    (blocked,) = seen
    (blocker,) = blocked.blockers
    assert blocked.relation == "public.t"
    assert blocker.application == "nightly report"
    assert blocker.state == "idle in transaction"
    assert blocker.lock_modes == "AccessShareLock"
    assert blocker.user == "postgres"
    assert blocker.transaction_seconds is not None
    assert blocker.transaction_seconds < 30


def test_a_prepared_transaction_in_the_way_is_named(site: Site) -> None:
    site.rows("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE; PREPARE TRANSACTION 'left behind'")
    seen: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Blocked):
            seen.extend(str(blocker) for blocker in event.blockers)
            site.rows("ROLLBACK PREPARED 'left behind'")

    site.project(lock_timeout="30s").up(on_event=on_event)

    assert seen == ["prepared transaction left behind"]


def test_the_budget_ends_the_attempts_with_nothing_changed(site: Site) -> None:
    with reader(site), pytest.raises(banister.MigrationFailed, match="55P03") as caught:
        site.project(lock_timeout="100ms", lock_retry="3s").up()

    assert not site.exists("witness")
    assert site.applied() == ["001"]
    assert caught.value.state is not None
    assert "rolled back" in caught.value.state
    assert site.runner_locks() == 0


def test_a_wait_that_others_queue_behind_is_given_up_early(site: Site) -> None:
    """Twenty-one readers behind us are too many: we go away long before our own timeout."""
    retried: list[float] = []
    with ExitStack() as stack, reader(site) as holder:
        started = time.monotonic()

        def queue_up() -> None:
            with psycopg.connect(site.database.url) as connection:
                connection.execute("SELECT * FROM t")

        def on_event(event: Event) -> None:
            if isinstance(event, Retrying):
                retried.append(time.monotonic() - started)
                assert "queued" in event.reason
                holder.rollback()

        threads = [threading.Thread(target=queue_up) for _ in range(21)]

        def start_queue() -> None:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_until(lambda: site.value(waiting) > 0, "our wait")
            for thread in threads:
                thread.start()

        starter = threading.Thread(target=start_queue)
        starter.start()
        for thread in threads:
            stack.callback(thread.join)
        stack.callback(starter.join)
        site.project(lock_timeout="60s").up(on_event=on_event)

    assert retried
    assert retried[0] < 30
    assert site.exists("witness")


def test_a_deadlock_victim_is_tried_again(site: Site) -> None:
    """The file locks t, then u; another session u, then t. The server picks us: we begin last."""
    site.database.execute("CREATE TABLE u (id int)")
    site.write(
        {"002_alter": "LOCK TABLE t; SELECT 1; LOCK TABLE u; CREATE TABLE witness (id int);"}
    )
    retried: list[Retrying] = []
    with psycopg.connect(site.database.url) as other:
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("BEGIN; LOCK TABLE u IN ACCESS SHARE MODE")

        def close_the_circle() -> None:
            site.wait_for_statement("LOCK TABLE u")
            other.execute("LOCK TABLE t IN ACCESS SHARE MODE")
            other.rollback()

        closer = threading.Thread(target=close_the_circle)
        closer.start()

        def on_event(event: Event) -> None:
            if isinstance(event, Retrying):
                retried.append(event)

        site.project(lock_timeout="30s").up(on_event=on_event)
        closer.join()

    assert [event.reason for event in retried] == ["it was the victim of a deadlock"]
    assert site.exists("witness")


def test_a_statement_outside_a_transaction_goes_on_where_it_was_when_a_lock_is_late(
    site: Site,
) -> None:
    site.write(
        {
            "002_alter": "-- banister: transaction=off lock_timeout=200ms\n"
            "INSERT INTO t VALUES (1);\nALTER TABLE t ADD COLUMN extra text;"
        }
    )
    done: list[StepDone] = []
    with reader(site) as holder:

        def on_event(event: Event) -> None:
            if isinstance(event, Retrying):
                holder.rollback()
            if isinstance(event, StepDone):
                done.append(event)

        site.project().up(on_event=on_event)

    assert len(done) == 1
    assert site.value("SELECT count(*) FROM t") == 1
