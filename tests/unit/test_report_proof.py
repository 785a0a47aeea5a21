"""What is printed of a proof: each failure once."""

from banister.errors import DatabaseError
from banister.model import Version
from banister.proof import ChainProof, DownVerdict, Proof, Proven
from banister.report.proof import proof_lines
from banister.report.style import Style


def printed(chain_error: str) -> str:
    proven = Proven(
        proofs=(
            Proof(
                version=Version("001"),
                name="one",
                down=DownVerdict.FAILS,
                error=DatabaseError("it cannot be dropped"),
            ),
        ),
        chain=ChainProof(length=1, down=DownVerdict.FAILS, error=DatabaseError(chain_error)),
        server="a server",
        duration_ms=1,
    )
    return "\n".join(proof_lines(proven, Style()))


def test_the_whole_way_does_not_repeat_a_failure_that_was_told() -> None:
    same = printed("it cannot be dropped")
    assert same.count("it cannot be dropped") == 1
    assert "fails on the way down, as told above" in same


def test_another_failure_on_the_whole_way_is_told() -> None:
    assert "something else" in printed("something else")


def test_no_migration_is_nothing_to_prove() -> None:
    none = Proven(proofs=(), chain=None, server="a server", duration_ms=1, passed_over=3)
    assert proof_lines(none, Style())[-1].endswith(": nothing to prove")
