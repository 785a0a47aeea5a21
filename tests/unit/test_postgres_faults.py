"""What is told of a failure is what the server said first."""

import psycopg
import pytest

from banister.engines.postgres.faults import first_line


def stumble() -> None:
    try:
        raise psycopg.errors.AdminShutdown("terminating connection")
    finally:
        raise psycopg.OperationalError("cannot exit pipeline mode while busy")


def test_what_the_driver_stumbles_over_afterwards_does_not_cover_the_cause() -> None:
    with pytest.raises(psycopg.OperationalError) as caught:
        stumble()
    assert first_line(caught.value) == "terminating connection [57P01]"
