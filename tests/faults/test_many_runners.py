"""Many runs at once: each migration runs in one of them, the others wait and have nothing to do."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from oracles import Expected, expected_of, state

import banister
from banister.model import Event, StepDone, WaitingForLock
from conftest import clean_environment
from postgres_kit import Site, SiteMaker
from servers import MAJORS, PostgresDatabase, Servers

#: Starts them at once.
PROGRAM = Path(__file__).with_name("runners.py")
RUNNERS = 20
FILES = 50


def many_files() -> dict[str, str]:
    """Fifty files; every fifth builds an index, and some of those do more outside a transaction."""
    files = {
        "001_base": "CREATE TABLE witness (n int, at int);\n"
        "CREATE TABLE t (id int, note text);\n"
        "INSERT INTO t SELECT g, 'note ' || g FROM generate_series(1, 1000) g;"
    }
    for number in range(2, FILES + 1):
        row = f"INSERT INTO witness VALUES ({number}, {{}});"
        index = f"CREATE INDEX CONCURRENTLY t_{number}_idx ON t (note, id);"
        text = row.format(1)
        if number % 10 == 0:
            text = f"-- banister: transaction=off\n{row.format(1)}\n{index}\n{row.format(3)}"
        elif number % 5 == 0:
            text = index
        files[f"{number:03}_file"] = text
    return files


@pytest.fixture
def expected(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    with servers.database(MAJORS[-1]) as database:
        site = SiteMaker(tmp_path_factory.mktemp("alone"))(database, many_files())
        site.up()
        return expected_of(site)


def test_of_twenty_runs_each_migration_runs_in_one(
    postgres: PostgresDatabase, expected: Expected, tmp_path: Path
) -> None:
    site = SiteMaker(tmp_path)(postgres, many_files())
    done = subprocess.run(
        [sys.executable, PROGRAM, str(RUNNERS), site.database.url, site.root],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    runs = [json.loads(line) for line in done.stdout.splitlines()]

    assert (done.returncode, done.stderr, len(runs)) == (0, "", RUNNERS)
    assert [run["error"] for run in runs if run["error"]] == []
    assert [run["done"] for run in runs if run["done"]] == [list(expected.versions)]
    assert sum(run["idle"] for run in runs) == RUNNERS - 1
    assert any(run["waited"] for run in runs)
    assert state(site, expected) is None
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert site.value(deadlocks) == 0


GATED = {
    "001_base": "CREATE TABLE witness (n int, at int); CREATE TABLE gate ();",
    "002_gate": "LOCK TABLE gate; INSERT INTO witness VALUES (2, 1);",
    "003_more": "INSERT INTO witness VALUES (3, 1);",
}


@contextmanager
def held_at_the_gate(site: Site) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Start a run that comes as far as 002 and goes on when the connection is rolled back."""
    site.project().up(to="001")
    with psycopg.connect(site.database.url) as gate:
        gate.execute("LOCK TABLE gate IN ACCESS SHARE MODE")
        first = threading.Thread(target=lambda: site.up(lock_timeout="60s"))
        first.start()
        try:
            site.wait_for_statement("LOCK TABLE gate")
            yield gate
        finally:
            gate.rollback()
            first.join()


def second_runner(root: Path, database: PostgresDatabase, files: Mapping[str, str]) -> Site:
    folder = root / "second"
    folder.mkdir()
    return SiteMaker(folder)(database, files)


def test_a_second_run_with_more_files_runs_only_those(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = SiteMaker(tmp_path)(postgres, GATED)
    second = second_runner(
        tmp_path, postgres, {**GATED, "004_new": "INSERT INTO witness VALUES (4, 1);"}
    )
    events: list[Event] = []
    with held_at_the_gate(site) as gate:

        def on_event(event: Event) -> None:
            events.append(event)
            if isinstance(event, WaitingForLock):
                gate.rollback()

        second.project().up(on_event=on_event)

    assert any(isinstance(event, WaitingForLock) for event in events)
    done = [event.step.version.text for event in events if isinstance(event, StepDone)]
    assert done == ["004"]
    assert site.rows("SELECT n, at FROM witness ORDER BY n") == [(2, 1), (3, 1), (4, 1)]
    assert site.applied() == ["001", "002", "003", "004"]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({name: text for name, text in GATED.items() if name != "003_more"}, "file_missing"),
        ({**GATED, "003_more": "INSERT INTO witness VALUES (33, 1);"}, "edited"),
        ({**GATED, "003_other": GATED["003_more"], "003_more": None}, "renamed"),
    ],
)
def test_a_second_run_whose_files_do_not_fit_what_the_first_has_done_is_refused(
    postgres: PostgresDatabase, tmp_path: Path, files: dict[str, str | None], code: str
) -> None:
    site = SiteMaker(tmp_path)(postgres, GATED)
    second = second_runner(
        tmp_path, postgres, {name: text for name, text in files.items() if text is not None}
    )
    with held_at_the_gate(site) as gate, pytest.raises(banister.FindingsError) as caught:
        second.project().up(
            on_event=lambda event: gate.rollback() if isinstance(event, WaitingForLock) else None
        )

    assert code in {finding.code for finding in caught.value.findings}
    assert caught.value.state == "nothing was run"
    assert site.rows("SELECT n, at FROM witness ORDER BY n") == [(2, 1), (3, 1)]
    assert site.runner_locks() == 0
