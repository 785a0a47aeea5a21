"""Random faults with a fixed seed; the long run is `make faults`."""

from injection import inject


def test_after_every_fault_each_migration_has_run_exactly_once() -> None:
    tally = inject(36, seed=20261122)

    assert tally.failures == []
    assert sum(tally.held.values()) == 36
