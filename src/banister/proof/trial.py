"""One unit, up and down and up again, and what was seen of it before it is judged."""

from dataclasses import dataclass, replace

from banister.errors import BanisterError, FindingsError, MigrationFailed
from banister.model import Contents, RowLoss
from banister.proof.units import Unit
from banister.proof.verdicts import DataProof, DataVerdict
from banister.rows import compare_contents
from banister.scratch.place import Place
from banister.snapshot import Difference, Snapshot, compare

__all__ = ["Trial", "try_unit", "with_data_of"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was seen of one unit."""

    unit: Unit
    #: Behind the first up; None: the up itself failed.
    behind: Snapshot | None = None
    #: Differences behind the down, and behind the second up; None: it did not come to that.
    down: tuple[Difference, ...] | None = None
    again: tuple[Difference, ...] | None = None
    #: Why the up, the down or the second up failed.
    error: BanisterError | None = None
    #: What became of the rows that were there before the up.
    losses: tuple[RowLoss, ...] = ()
    data: DataProof | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the database is as it should be behind it."""
        return self.error is None and not self.down and not self.again


def try_unit(place: Place, unit: Unit, before: Snapshot, rows: Contents | None) -> Trial:
    """Run a unit up, down and up again, with real commits; return what was seen.

    `before` is the schema as it is, `rows` what the tables hold, where that is looked at. A failure
    is in the result, and then the database is left as the failure left it.
    """
    trial = Trial(unit=unit)
    try:
        place.run(unit.ups)
        behind = place.looker.snapshot()
        trial = replace(trial, behind=behind)
        if unit.findings:
            error = FindingsError(unit.findings[0].message, findings=unit.findings)
            return replace(trial, error=error)
        if not unit.downs:
            return trial
        place.run(unit.downs)
        losses = () if rows is None else compare_contents(rows, place.looker.contents())
        trial = replace(trial, down=compare(before, place.looker.snapshot()), losses=losses)
        place.run(unit.ups)
        return replace(trial, again=compare(behind, place.looker.snapshot()))
    except MigrationFailed as error:
        return replace(trial, error=error)


def with_data_of(plain: Trial, filled: Trial | None) -> Trial:
    """Return the trial without generated rows, with what one with them says of data.

    An up that fails only because of such rows says nothing about real ones; a down that fails
    because of rows that were right before its up would fail on real ones too.
    """
    if filled is None or not filled.unit.goes_down:
        return plain
    if filled.error is None or filled.down is not None:
        verdict = DataVerdict.DIFFERS if filled.losses else DataVerdict.OK
        found = DataProof(verdict=verdict, losses=filled.losses)
        if plain.is_exact and not filled.is_exact:
            what = "its second up" if filled.down == () else "its down"
            reason = f"{what} does something else where there are generated rows"
            found = replace(found, verdict=DataVerdict.UNDECIDED, reason=reason)
    elif filled.behind is None:
        reason = f"its up fails on generated rows: {filled.error.message}"
        found = DataProof(verdict=DataVerdict.UNDECIDED, reason=reason)
    elif plain.down is not None:
        found = DataProof(verdict=DataVerdict.FAILS, reason=filled.error.message)
    else:
        found = DataProof()
    return replace(plain, data=found)
