"""What was seen of the ways down → verdicts, but for what two right runs differ in. No I/O."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from banister.proof.shaky import Shaky
from banister.proof.trial import Trial
from banister.proof.units import Unit
from banister.proof.verdicts import (
    AgainVerdict,
    ChainProof,
    DataProof,
    DownVerdict,
    Proof,
    judge,
)
from banister.snapshot import Difference, Weight

__all__ = ["judge_chain", "judge_trial"]

_Found = tuple[Difference, ...]


def judge_trial(trial: Trial, before: Shaky, behind: Shaky) -> Iterator[Proof]:
    """Yield the proof of each migration of a unit.

    `before` and `behind` are what two right runs differ in at those places.
    """
    migrations = trial.unit.migrations
    down, differences, kept = _way_down(trial, before)
    again, differences_again = _way_up(trial, before.joined(behind))
    for migration in migrations:
        mine = down
        if not trial.unit.downs and migration.up.directives.irreversible:
            mine = DownVerdict.IRREVERSIBLE
        yield Proof(
            version=migration.version,
            name=migration.name,
            down=mine,
            again=again,
            differences=differences,
            differences_again=differences_again,
            kept=kept,
            data=trial.data or DataProof(),
            error=trial.error,
            together=tuple(m.version for m in migrations) if len(migrations) > 1 else (),
        )


def _way_down(trial: Trial, shaky: Shaky) -> tuple[DownVerdict, _Found, tuple[str, ...]]:
    if trial.down is not None:
        return judge(shaky.others(trial.down), trial.unit.migrations)
    if trial.error is not None:
        return DownVerdict.FAILS, (), ()
    return DownVerdict.MISSING, (), ()


def _way_up(trial: Trial, shaky: Shaky) -> tuple[AgainVerdict, _Found]:
    if trial.down is None:
        return AgainVerdict.NOT_TRIED, ()
    if trial.again is None:
        return AgainVerdict.FAILS, ()
    left = shaky.others(trial.again)
    return _verdict_again(left), left


def _verdict_again(left: Iterable[Difference]) -> AgainVerdict:
    real = any(difference.weight is Weight.REAL for difference in left)
    return AgainVerdict.DIFFERS if real else AgainVerdict.OK


def judge_chain(chain: ChainProof, units: Sequence[Unit], shaky: Mapping[int, Shaky]) -> ChainProof:
    """Return what came of the whole way, judged."""
    everything = Shaky().joined(*shaky.values())
    migrations = [migration for unit in units for migration in unit.migrations]
    left = everything.others(chain.differences)
    again = everything.others(chain.differences_again)
    ran = chain.again in {AgainVerdict.OK, AgainVerdict.DIFFERS}
    return replace(
        chain,
        down=chain.down if chain.down is DownVerdict.FAILS else judge(left, migrations)[0],
        differences=left,
        again=_verdict_again(again) if ran else chain.again,
        differences_again=again,
    )
