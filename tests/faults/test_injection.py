"""Random faults with a fixed seed; the long run is `make faults`."""

from injection import Fault, inject


def test_after_every_fault_each_migration_has_run_exactly_once() -> None:
    tally = inject(48, seed=20261123)

    assert tally.failures == []
    assert sum(tally.held.values()) == 48
    assert set(tally.held) == set(Fault)
