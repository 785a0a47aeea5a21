"""Two runs on one database at the same time: each migration runs exactly once."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from contract_kit import Place

from banister import DatabaseError, LockTimeout
from banister.model import (
    Event,
    Planned,
    RunFinished,
    StatementDone,
    StepDone,
    StepStarted,
    WaitingForLock,
)
from conftest import clean_environment
from servers import AnyDatabase

COUNT = 12


@pytest.fixture
def place(any_database: AnyDatabase, tmp_path: Path) -> Place:
    """Migrations that each leave a witness; running one twice leaves two."""
    made = Place(root=tmp_path, database=any_database)
    made.write({"001_witness.up": "CREATE TABLE witness (version int);"})
    made.write({"001_witness.down": "DROP TABLE witness;"})
    for number in range(2, COUNT + 1):
        made.write(
            {
                f"{number:03}_w.up": f"INSERT INTO witness VALUES ({number});",
                f"{number:03}_w.down": f"DELETE FROM witness WHERE version = {number};",
            }
        )
    return made


def assert_each_ran_once(place: Place) -> None:
    seen = place.rows("SELECT version FROM witness ORDER BY version")
    assert seen == [(number,) for number in range(2, COUNT + 1)]
    assert place.history() == [f"{number:03}" for number in range(1, COUNT + 1)]
    applied = [version for event, version in place.events() if event == "applied"]
    assert applied == place.history()


def test_two_processes_apply_each_migration_once_and_both_end_well(place: Place) -> None:
    command = [sys.executable, "-m", "banister", "up", "--format", "json"]
    running = [
        subprocess.Popen(
            [*command, "--url", place.database.url],
            cwd=place.root,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=90) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    assert_each_ran_once(place)
    ran = [row["version"] for out, _ in ended for row in json.loads(out)["migrations"]]
    assert sorted(ran) == place.history()


class Held:
    """A run in a thread that stops at its first event of a kind until it is let go."""

    def __init__(self, pool: ThreadPoolExecutor, place: Place, kind: type[Event]) -> None:
        self._kind = kind
        self._reached = threading.Event()
        self._go = threading.Event()
        self._pool = pool
        self._place = place
        self.events: list[Event] = []

    def up(self) -> Future[RunFinished]:
        """Start an up; return when it has stopped."""
        return self._wait(self._pool.submit(lambda: self._place.project().up(on_event=self._note)))

    def down(self, *, to: str | None = None) -> Future[RunFinished]:
        """Start a down; return when it has stopped."""
        project = self._place.project()
        return self._wait(self._pool.submit(lambda: project.down(to=to, on_event=self._note)))

    def go(self) -> None:
        """Let it go on."""
        self._go.set()

    def _wait(self, future: Future[RunFinished]) -> Future[RunFinished]:
        future.add_done_callback(lambda _: self._reached.set())
        assert self._reached.wait(60)
        return future

    def _note(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, self._kind) and not self._reached.is_set():
            self._reached.set()
            assert self._go.wait(60)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_two_threads_apply_each_migration_once_and_both_end_well(
    place: Place, pool: ThreadPoolExecutor
) -> None:
    start = threading.Barrier(2)

    def work() -> list[str]:
        project = place.project()
        start.wait(60)
        return [step.version.text for step in project.up().steps]

    first, second = pool.submit(work), pool.submit(work)
    assert sorted(first.result(90) + second.result(90)) == place.history()
    assert_each_ran_once(place)


def test_the_second_run_finds_nothing_left_or_leaves_nothing_for_the_first(
    place: Place, pool: ThreadPoolExecutor
) -> None:
    """PostgreSQL holds a lock for the whole run; SQLite lets others in between two steps."""
    first = Held(pool, place, StepDone)
    one = first.up()
    events: list[Event] = []
    waiting = threading.Event()

    def note(event: Event) -> None:
        events.append(event)
        waiting.set()

    two = pool.submit(lambda: place.project().up(on_event=note))
    if place.is_sqlite:
        assert len(two.result(60).steps) == COUNT - 1
    else:
        assert waiting.wait(60)
    first.go()
    assert len(one.result(60).steps) + len(two.result(60).steps) == COUNT
    if place.is_sqlite:
        assert names(first.events)[-2:] == ["NothingToDo", "RunFinished"]
    else:
        assert names(events) == ["Connected", "WaitingForLock", "NothingToDo", "RunFinished"]
    assert_each_ran_once(place)


def test_of_two_downs_one_stops_instead_of_rolling_back_another_migration(
    place: Place, pool: ThreadPoolExecutor
) -> None:
    place.project().up()
    first = Held(pool, place, StepStarted)
    one = first.down()
    looked = threading.Event()

    def on_event(event: Event) -> None:
        # Behind its plan, which the other one's end must not come before.
        if place.is_sqlite or isinstance(event, WaitingForLock):
            looked.set()

    two = pool.submit(lambda: place.project().down(on_event=on_event))
    assert looked.wait(60)
    if place.is_sqlite:
        two.exception(60)
    first.go()
    ended = [one.exception(60), two.exception(60)]
    (error,) = [error for error in ended if error is not None]
    assert isinstance(error, DatabaseError)
    assert error.code == "history_changed"
    assert error.state == "nothing was rolled back"
    assert place.history() == [f"{number:03}" for number in range(1, COUNT)]


def test_of_two_downs_to_one_version_both_end_well(place: Place, pool: ThreadPoolExecutor) -> None:
    """Each rolls back what the other has left of the wish."""
    place.project().up()
    first = Held(pool, place, StepDone)
    one = first.down(to="9")
    looked = threading.Event()
    two = pool.submit(lambda: place.project().down(to="9", on_event=lambda _: looked.set()))
    assert looked.wait(60)
    if place.is_sqlite:
        assert len(two.result(60).steps) == 2
    first.go()
    assert len(one.result(60).steps) + len(two.result(60).steps) == 3
    assert place.history() == [f"{number:03}" for number in range(1, 10)]
    assert [event for event, _ in place.events()].count("rolled_back") == 3


def test_with_nothing_to_do_nobody_is_waited_for(place: Place, pool: ThreadPoolExecutor) -> None:
    place.project().up(to="3")
    first = Held(pool, place, Planned)
    one = first.up()
    events: list[Event] = []
    place.project(lock_wait="10min").up(to="3", on_event=events.append)
    assert names(events) == ["Connected", "NothingToDo", "RunFinished"]
    assert not one.done()
    first.go()
    one.result(60)
    assert_each_ran_once(place)


def test_reads_wait_for_nobody(place: Place, pool: ThreadPoolExecutor) -> None:
    place.project().up(to="3")
    first = Held(pool, place, StatementDone)
    one = first.up()
    states = [row.state.value for row in place.project().status().rows]
    assert states == ["applied"] * 3 + ["pending"] * (COUNT - 3)
    first.go()
    one.result(60)


def test_a_run_waits_only_as_long_as_it_was_told(place: Place, pool: ThreadPoolExecutor) -> None:
    first = Held(pool, place, StatementDone)
    one = first.up()
    with pytest.raises(LockTimeout) as caught:
        place.project(lock_wait="1s").up()
    assert caught.value.hint
    first.go()
    assert len(one.result(60).steps) == COUNT
    assert_each_ran_once(place)


def test_a_baseline_beside_a_run_records_nothing_twice(
    place: Place, pool: ThreadPoolExecutor
) -> None:
    first = Held(pool, place, StatementDone)
    one = first.up()
    two = pool.submit(lambda: place.project().baseline("1"))
    first.go()
    one.result(60)
    problem = two.exception(60)
    assert problem is None or isinstance(problem, DatabaseError)
    assert [version for _, version in place.events()].count("001") == 1
