"""What was seen of the ways down → verdicts, but for what two right runs differ in. No I/O."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

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

__all__ = ["Shaky", "judge_chain", "judge_trial", "keys_of", "verdict_again"]

#: Objects and properties that differ between two right runs, such as a folded now().
Shaky = frozenset[tuple[object, str | None]]

_Found = tuple[Difference, ...]


def judge_trial(trial: Trial, before: Shaky, behind: Shaky) -> Iterator[Proof]:
    """Yield the proof of each migration of a unit."""
    migrations = trial.unit.migrations
    down, differences, kept = _way_down(trial, before)
    again, differences_again = _way_up(trial, before | behind)
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
        return judge(_without(trial.down, shaky), trial.unit.migrations)
    if trial.error is not None:
        return DownVerdict.FAILS, (), ()
    return DownVerdict.MISSING, (), ()


def _way_up(trial: Trial, shaky: Shaky) -> tuple[AgainVerdict, _Found]:
    if trial.down is None:
        return AgainVerdict.NOT_TRIED, ()
    if trial.again is None:
        return AgainVerdict.FAILS, ()
    left = _without(trial.again, shaky)
    return verdict_again(left), left


def verdict_again(left: Iterable[Difference]) -> AgainVerdict:
    """Return the verdict about a second way up by what is not as behind the first."""
    real = any(difference.weight is Weight.REAL for difference in left)
    return AgainVerdict.DIFFERS if real else AgainVerdict.OK


def judge_chain(chain: ChainProof, units: Sequence[Unit], shaky: Mapping[int, Shaky]) -> ChainProof:
    """Return what came of the whole way, judged."""
    everything = Shaky().union(*shaky.values())
    migrations = [migration for unit in units for migration in unit.migrations]
    left = _without(chain.differences, everything)
    again = _without(chain.differences_again, everything)
    ran = chain.again in {AgainVerdict.OK, AgainVerdict.DIFFERS}
    return replace(
        chain,
        down=chain.down if chain.down is DownVerdict.FAILS else judge(left, migrations)[0],
        differences=left,
        again=verdict_again(again) if ran else chain.again,
        differences_again=again,
    )


def keys_of(differences: Iterable[Difference]) -> Shaky:
    """Return what differences are about."""
    return frozenset((difference.identity, difference.property) for difference in differences)


def _without(differences: Iterable[Difference], shaky: Shaky) -> _Found:
    return tuple(d for d in differences if (d.identity, d.property) not in shaky)
