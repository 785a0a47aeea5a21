"""Random faults with a fixed seed; the long run is `make faults`."""

import threading
from pathlib import Path

import cut_off
import pytest
from injection import Fault, inject
from tally import Tally, table

import banister


def test_after_every_fault_each_migration_has_run_exactly_once() -> None:
    tally = inject(34, seed=20261123)

    assert tally.failures == []
    assert sum(tally.held.values()) == 34
    assert set(tally.held) == set(Fault)


def test_a_run_that_hangs_is_ended_and_tells_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut_off, "_TELL_AFTER", 0.2)
    monkeypatch.setattr(cut_off, "_LIMIT", 2.0)

    def hang(_project: banister.Project) -> None:
        threading.Event().wait()

    run = cut_off.start_run(
        lambda: banister.open("sqlite:///x.db", root=tmp_path, environ={}),
        tmp_path / "said",
        carry_out=hang,
    )
    outcome = run.wait()

    assert outcome.exit_code == 99
    assert "in hang" in outcome.said


def test_the_table_tells_what_did_not_hold() -> None:
    tally = Tally()
    tally.add(Fault.CRASH, exit_code=4, problem=None, seconds=1.0)
    tally.add(Fault.CRASH, exit_code=1, problem="a lock was left", seconds=3.0)

    assert table(tally).splitlines()[2:] == [
        "| crash and restart of the server | 2 | 50.00 % | 50.0 % | 2.00 s | 1.00 s | 3.00 s |",
        "| all | 2 | 50.00 % | | | | |",
    ]
