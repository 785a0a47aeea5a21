"""What came of trying the ways down, and how that is judged. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from banister.errors import BanisterError
from banister.model import Migration, RowLoss, Unfilled, Version
from banister.snapshot import Difference, Weight

__all__ = [
    "AgainVerdict",
    "ChainProof",
    "DataProof",
    "DataVerdict",
    "DownVerdict",
    "Proof",
    "Proven",
    "judge",
]


class DownVerdict(StrEnum):
    """What a down file does to what its up changed."""

    EXACT = "exact"
    #: Columns stand in another order, or a text says the same in other words.
    ORDER_ONLY = "order_only"
    #: Something is left, lost or other than before.
    DIFFERS = "differs"
    FAILS = "fails"
    #: There is none, and nobody says that there is no way back.
    MISSING = "missing"
    #: Declared so.
    IRREVERSIBLE = "irreversible"
    #: What is left is what `keep=` declares.
    KEPT = "kept"


class AgainVerdict(StrEnum):
    """What the up file does when it runs again behind its down."""

    OK = "ok"
    FAILS = "fails"
    DIFFERS = "differs"
    #: The down left nothing to try it on, or there is none.
    NOT_TRIED = "not_tried"


class DataVerdict(StrEnum):
    """What became of rows that were there before the up, once its down has run."""

    OK = "ok"
    #: Some are lost or changed, or others are there.
    DIFFERS = "differs"
    #: The down runs on empty tables, and fails where there are rows.
    FAILS = "fails"
    #: The up fails, or does something else, only because of the rows that were generated.
    UNDECIDED = "undecided"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, kw_only=True)
class DataProof:
    """What came of the rows."""

    verdict: DataVerdict = DataVerdict.NOT_TRIED
    losses: tuple[RowLoss, ...] = ()
    #: FAILS and UNDECIDED: why.
    reason: str | None = None


#: What needs no change.
_GOOD = frozenset(
    {DownVerdict.EXACT, DownVerdict.ORDER_ONLY, DownVerdict.IRREVERSIBLE, DownVerdict.KEPT}
)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What came of one migration."""

    version: Version
    name: str
    down: DownVerdict
    again: AgainVerdict = AgainVerdict.NOT_TRIED
    #: What is not as it was before the up, once the down has run.
    differences: tuple[Difference, ...] = ()
    #: What is not as it was behind the first up, once the up has run again.
    differences_again: tuple[Difference, ...] = ()
    #: Of those, what the file declares with `keep=`.
    kept: tuple[str, ...] = ()
    data: DataProof = field(default_factory=DataProof)
    #: Why the down, or the second up, failed.
    error: BanisterError | None = None
    #: The versions it was proven together with, where a group says so.
    together: tuple[Version, ...] = ()
    #: The verdict of an earlier run on the same texts.
    cached: bool = False

    @property
    def good(self) -> bool:
        """Whether nothing has to be done.

        What a rollback loses is told, and is no fault: a column that comes back is empty.
        """
        return (
            self.down in _GOOD
            and self.again in {AgainVerdict.OK, AgainVerdict.NOT_TRIED}
            and self.data.verdict is not DataVerdict.FAILS
        )


@dataclass(frozen=True, kw_only=True)
class ChainProof:
    """What came of going all the way down and all the way up again."""

    #: From where nothing leads further down; None: the way ended at the empty database.
    stopped_at: Version | None = None
    #: How many migrations went down and up.
    length: int = 0
    down: DownVerdict = DownVerdict.EXACT
    again: AgainVerdict = AgainVerdict.OK
    differences: tuple[Difference, ...] = ()
    differences_again: tuple[Difference, ...] = ()
    error: BanisterError | None = None
    #: The verdict of an earlier run on the same texts.
    cached: bool = False

    @property
    def good(self) -> bool:
        """Whether nothing has to be done."""
        return self.down in _GOOD and self.again in {AgainVerdict.OK, AgainVerdict.NOT_TRIED}


@dataclass(frozen=True, kw_only=True)
class Proven:
    """All that `verify` found out."""

    proofs: tuple[Proof, ...]
    #: None: not tried, since an up failed.
    chain: ChainProof | None
    #: What it was found out on, for people.
    server: str
    duration_ms: int
    #: Tables that could not be given rows.
    unfilled: tuple[Unfilled, ...] = ()
    #: Migrations that were not tried, since only others were asked for.
    passed_over: int = 0

    @property
    def good(self) -> bool:
        """Whether every way down does what it should."""
        return all(proof.good for proof in self.proofs) and (self.chain is None or self.chain.good)


def judge(
    differences: Iterable[Difference], migrations: Iterable[Migration]
) -> tuple[DownVerdict, tuple[Difference, ...], tuple[str, ...]]:
    """Return the verdict about a way down that ran, its differences and what was kept on purpose.

    What `keep=` declares, in either file, is told apart and is no difference.
    """
    declared = {
        _plain(name)
        for migration in migrations
        for script in (migration.up, migration.down)
        if script is not None
        for name in script.directives.keep
    }
    kept: list[str] = []
    others: list[Difference] = []
    for difference in differences:
        name = _declared_name(difference, declared)
        if name is None:
            others.append(difference)
        elif name not in kept:
            kept.append(name)
    if any(difference.weight is Weight.REAL for difference in others):
        return DownVerdict.DIFFERS, tuple(others), tuple(kept)
    if kept:
        return DownVerdict.KEPT, tuple(others), tuple(kept)
    return (DownVerdict.ORDER_ONLY if others else DownVerdict.EXACT), tuple(others), ()


def _declared_name(difference: Difference, declared: set[str]) -> str | None:
    """Return what a difference is about where it, or what it is a part of, was declared."""
    identity = difference.identity
    about = [str(identity)]
    if identity.of is not None:
        about += [f"{kind} {identity.of}" for kind in ("table", "view", "materialized view")]
    return next((name for name in map(_plain, about) if name in declared), None)


def _plain(name: str) -> str:
    return " ".join(name.replace('"', "").lower().split())
