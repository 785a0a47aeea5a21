"""Two lanes of a proof: both results, or the failure of one once the other has ended."""

import threading
from collections.abc import Generator, Iterator

import pytest

from banister.model import ProofEvent
from banister.proof.lanes import parts_of, side_by_side

Trying = Generator[ProofEvent, None, str]


def event(doing: str) -> ProofEvent:
    return ProofEvent(doing=doing, number=0, total=1)


def trying(result: str, *, steps: int = 3, fails: bool = False) -> Trying:
    for _ in range(steps):
        yield event(result)
    if fails:
        raise ValueError(result)
    return result


def nothing() -> None:
    """Nothing is in the middle of anything."""


def drive(events: Generator[ProofEvent, None, tuple[str, str]]) -> tuple[tuple[str, str], set[str]]:
    said = set()
    try:
        while True:
            said.add(next(events).doing)
    except StopIteration as end:
        found: tuple[str, str] = end.value
        return found, said


def test_few_units_and_places_without_room_for_two_stay_one_part() -> None:
    assert parts_of({3, 1, 2}, together=False) == [frozenset({1, 2, 3})]
    assert parts_of(range(40), together=True) == [frozenset(range(40))]
    assert parts_of(range(40), together=False) == [frozenset(range(20)), frozenset(range(20, 40))]
    assert parts_of(set(), together=False) == [frozenset()]


def test_both_results_come_back_in_their_order() -> None:
    found, said = drive(
        side_by_side(trying("low", steps=1), lambda: trying("high", steps=50), nothing)
    )
    assert found == ("low", "high")
    assert "low" in said


@pytest.mark.parametrize(("low", "high"), [(True, False), (True, True), (False, True)])
def test_a_failure_gets_out_and_that_of_the_first_comes_first(*, low: bool, high: bool) -> None:
    lanes = side_by_side(trying("low", fails=low), lambda: trying("high", fails=high), nothing)
    with pytest.raises(ValueError, match="low" if low else "high"):
        drive(lanes)


def test_the_second_ends_when_the_first_is_given_up() -> None:
    begun, closed = threading.Event(), threading.Event()

    def endless() -> Iterator[ProofEvent]:
        try:
            while True:
                begun.set()
                yield event("high")
        finally:
            closed.set()

    def first() -> Trying:
        yield event("low")
        assert begun.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(side_by_side(first(), endless, nothing))  # type: ignore[arg-type]
    assert closed.is_set()


def test_what_the_second_is_in_the_middle_of_is_cut_off() -> None:
    begun, cut = threading.Event(), threading.Event()

    def stuck() -> Iterator[ProofEvent]:
        begun.set()
        assert cut.wait(30)
        yield event("high")

    def first() -> Trying:
        yield event("low")
        assert begun.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(side_by_side(first(), stuck, cut.set))  # type: ignore[arg-type]
    assert cut.is_set()
