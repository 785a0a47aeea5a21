"""What the files really do, found out on scratch databases: every way down is tried."""

from banister.model import ProofEvent
from banister.proof.drift import Drift, StoredDrift, compare_stored, find_drift, look
from banister.proof.prover import ProofOptions, prove
from banister.proof.remembered import Remembered
from banister.proof.rollbacks import find_rollbacks
from banister.proof.undoing import Rollback, RollbackTable, RollbackWay
from banister.proof.verdicts import (
    AgainVerdict,
    ChainProof,
    DataProof,
    DataVerdict,
    DownVerdict,
    Proof,
    Proven,
)

__all__ = [
    "AgainVerdict",
    "ChainProof",
    "DataProof",
    "DataVerdict",
    "DownVerdict",
    "Drift",
    "Proof",
    "ProofEvent",
    "ProofOptions",
    "Proven",
    "Remembered",
    "Rollback",
    "RollbackTable",
    "RollbackWay",
    "StoredDrift",
    "compare_stored",
    "find_drift",
    "find_rollbacks",
    "look",
    "prove",
]
